"""AdminService: backups of what the controller holds, and their way back."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from typing import IO, Any

import grpc

from headgate.v1 import admin_pb2
from headgate_controller.errors import UnavailableError
from headgate_controller.store.backup import write_backup
from headgate_controller.store.backup_file import BackupReader
from headgate_controller.store.database import Database
from headgate_controller.store.keyring import Keyring
from headgate_controller.store.restore import Held, check_empty, restore
from headgate_controller.store.writer import Writer

log = logging.getLogger(__name__)

SERVICE = "headgate.v1.AdminService"
CHUNK = 1024 * 1024
NO_ROOM = "There is no room for the backup in the controller's directory of temporary files: {}. Nothing was changed."


class AdminService:
    """Serves backups. `restored` is set when the controller must begin anew, with what its database holds then."""

    def __init__(
        self, database: Database, keyring: Keyring, writer: Writer, northbound: Callable[[], Awaitable[Held]]
    ) -> None:
        self._database = database
        self._engine = database.engine
        self._keyring = keyring
        self._writer = writer
        self._northbound = northbound
        self._restoring = asyncio.Lock()
        self._under_way: set[asyncio.Task[admin_pb2.RestoreResponse]] = set()
        self.restored = asyncio.Event()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        methods: dict[str, Any] = {
            "Backup": grpc.unary_stream_rpc_method_handler(
                self.backup, admin_pb2.BackupRequest.FromString, admin_pb2.BackupResponse.SerializeToString
            ),
            "Restore": grpc.stream_unary_rpc_method_handler(
                self.restore, admin_pb2.RestoreRequest.FromString, admin_pb2.RestoreResponse.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def backup(self, _request: admin_pb2.BackupRequest, _context: Any) -> AsyncIterator[admin_pb2.BackupResponse]:
        """Stream a backup: first into a file, so that a slow client holds up no database."""
        with tempfile.TemporaryFile() as file:
            try:
                header = await asyncio.to_thread(write_backup, self._engine, self._keyring, file)
            except OSError as error:
                raise UnavailableError(NO_ROOM.format(error.strerror)) from error
            file.seek(0)
            while content := await asyncio.to_thread(file.read, CHUNK):
                yield admin_pb2.BackupResponse(content=content)
        log.info("backup made", extra={"revision": header["revision"], "resources": header["resources"]})
        yield admin_pb2.BackupResponse(summary=_summary(header))

    async def restore(
        self, requests: AsyncIterator[admin_pb2.RestoreRequest], _context: Any
    ) -> admin_pb2.RestoreResponse:
        """Take a backup over; nothing is begun before it has been received and found whole."""
        with ExitStack() as begun:
            file = begun.enter_context(tempfile.TemporaryFile())
            await _receive(requests, file)
            taking_over = asyncio.create_task(self._take_over(file, begun.pop_all()))
        # A client that is gone does not stop it half-way: the controller would begin anew while the tables change.
        self._under_way.add(taking_over)
        taking_over.add_done_callback(self._taken_over)
        return await asyncio.shield(taking_over)

    def _taken_over(self, task: asyncio.Task[admin_pb2.RestoreResponse]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("backup not restored", extra={"reason": str(error)})

    async def settled(self) -> None:
        """Wait for what was received and is being put in place of the store, whether its client waits or not."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _take_over(self, file: IO[bytes], held: ExitStack) -> admin_pb2.RestoreResponse:
        """Put what was received in place of the store; `held` keeps the file open until then."""
        with held:
            backup = await asyncio.to_thread(_verified, file)
            async with self._restoring:
                await asyncio.to_thread(check_empty, self._engine)
                epoch = await self._restore(backup, await self._northbound())
        log.info("backup restored", extra={"revision": backup.header["revision"], "epoch": epoch})
        return admin_pb2.RestoreResponse(summary=_summary(backup.header), epoch=epoch)

    async def _restore(self, backup: BackupReader, northbound: Held) -> int:
        """Put the backup in place of the store, to which nobody writes any more; it is too late to go on as before."""
        await asyncio.to_thread(self._writer.close)
        try:
            return await asyncio.to_thread(restore, self._database, backup, self._keyring, northbound)
        finally:
            self.restored.set()


async def _receive(requests: AsyncIterator[admin_pb2.RestoreRequest], file: IO[bytes]) -> None:
    try:
        async for request in requests:
            await asyncio.to_thread(file.write, request.content)
        await asyncio.to_thread(file.flush)
    except OSError as error:
        raise UnavailableError(NO_ROOM.format(error.strerror)) from error


def _verified(file: IO[bytes]) -> BackupReader:
    backup = BackupReader(file)
    backup.verify()
    return backup


def _summary(header: Any) -> admin_pb2.BackupSummary:
    summary = admin_pb2.BackupSummary(**{key: header[key] for key in ("revision", "resources", "states", "release")})
    summary.left_out.extend(header["left_out"])
    summary.time.FromNanoseconds(header["time"])
    return summary
