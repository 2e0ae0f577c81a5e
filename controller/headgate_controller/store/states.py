"""Terraform's states: versions and locks, in tables of their own, outside of the commit queue and the log.

One thread writes. Each write is one transaction that holds the leader's lease, and is on disk when it is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from headgate_controller.errors import HeadgateError
from headgate_controller.store.complaints import NoRoomError, Seldom, refusal, why
from headgate_controller.store.database import Database
from headgate_controller.store.keyring import Keyring, SealedError, about_state
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.state_content import serial_of
from headgate_controller.store.state_locks import check_lock, lock, unlock
from headgate_controller.store.tables import state_version

log = logging.getLogger(__name__)

VERSIONS_KEPT = 10

T = TypeVar("T")


class NoStateError(HeadgateError):
    """There is no such state, or no such version of it."""

    code, reason = "NOT_FOUND", "NO_STATE"


class Version(NamedTuple):
    """One version of a state: its number, when it was written (nanoseconds), Terraform's serial, size in bytes, whether
    it is sealed, and whether it says that the state was deleted.
    """

    version: int
    time: int
    serial: int | None
    size: int
    sealed: bool
    deleted: bool


class States:
    """Keeps states, while `run` runs and before."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._engine = database.engine
        self._epoch = database.epoch()
        self._keyring = keyring
        self._thread = ThreadPoolExecutor(1, "states")
        self._seldom = Seldom()

    async def run(self) -> None:
        """Seal what is to be sealed, until cancelled; then finish what is being written."""
        try:
            await self._reseal_all()
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.to_thread(self._thread.shutdown)

    async def read(self, path: str, version: int | None = None) -> bytes:
        """Return a state, or an earlier version of it.

        Raises:
            NoStateError: there is none. SealedError: it cannot be opened. UnavailableError.
        """
        return await asyncio.to_thread(self._read, path, version)

    async def versions(self, path: str) -> list[Version]:
        """Return the versions that are kept of a state, the newest first; none if there is no such state."""
        return await asyncio.to_thread(self._versions, path)

    async def write(self, path: str, content: bytes, lock_id: str) -> None:
        """Store a state, under the lock of that id, or under none if the id is empty.

        The same content again makes no new version.

        Raises:
            LockedError: somebody else holds it. LockLostError. InvalidError: it is no state. NoRoomError.
            UnavailableError.
        """
        # Before the transaction: that keeps all other writers waiting.
        serial = await asyncio.get_running_loop().run_in_executor(self._thread, serial_of, content)
        await self._writing(lambda connection: self._write(connection, path, content, lock_id, serial))

    async def remove(self, path: str, lock_id: str, *, purge: bool) -> None:
        """Delete a state; its versions can still be read, unless they are purged too.

        Raises:
            LockedError, LockLostError, NoRoomError, UnavailableError.
        """
        await self._writing(lambda connection: self._remove(connection, path, lock_id, purge=purge))

    async def lock(self, path: str, holder: bytes) -> None:
        """Give a state to somebody; again to the same one is harmless.

        Raises:
            LockedError: somebody else holds it. InvalidError: the holder says nothing usable. NoRoomError.
            UnavailableError.
        """
        await self._writing(lambda connection: lock(connection, path, holder))

    async def unlock(self, path: str, wanted: bytes) -> None:
        """Take a state from its holder, whose id the caller must know; nobody's state stays nobody's.

        Raises:
            LockedError: somebody of another id holds it. InvalidError: there is no id. NoRoomError. UnavailableError.
        """
        await self._writing(lambda connection: unlock(connection, path, wanted))

    async def _reseal_all(self) -> None:
        """Seal with the current key what is sealed with another, or not at all; what cannot be, the log names."""
        try:
            sealed, lacking = await self._resealed()
        except HeadgateError as error:
            log.warning("states not sealed", extra={"reason": str(error)})
            return
        if sealed:
            log.info("states sealed", extra={"versions": sealed, "key": self._keyring.current})
        for key in sorted(lacking):
            log.error("states unreadable", extra={"key": key, "reason": "the key is not in state_key_file"})

    async def _resealed(self) -> tuple[int, set[str]]:
        """Return how many versions were sealed anew, and the keys that were not there for others."""
        sealed, lacking = 0, set()
        for path, version, key in await asyncio.to_thread(self._sealed_otherwise):
            try:
                await self._writing(partial(self._reseal, path=path, version=version))
                sealed += 1
            except SealedError:
                lacking.add(key)
        return sealed, lacking

    async def _writing(self, act: Callable[[Connection], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, act)

    def _transact(self, act: Callable[[Connection], None]) -> None:
        with self._explained(), self._engine.begin() as connection:
            hold_lease(connection, self._epoch)
            act(connection)

    def _read(self, path: str, version: int | None) -> bytes:
        with self._explained(), self._engine.connect() as connection:
            row = _row(connection, path, version)
        if row is None or row.content is None:
            which = f"version {version} of the state {path}" if version else f"state {path}"
            raise NoStateError(f"There is no {which}.")
        return self._opened(row)

    def _opened(self, row: Any) -> bytes:
        return self._keyring.open(row.key, row.content, about_state(row.path, row.version))

    def _versions(self, path: str) -> list[Version]:
        columns = state_version.c
        query = (
            select(
                columns.version,
                columns.time,
                columns.serial,
                columns.size,
                columns.key != "",
                columns.content.is_(None),
            )
            .where(columns.path == path)
            .order_by(columns.version.desc())
        )
        with self._explained(), self._engine.connect() as connection:
            return [Version(*row) for row in connection.execute(query)]

    def _write(self, connection: Connection, path: str, content: bytes, lock_id: str, serial: int | None) -> None:
        check_lock(connection, path, lock_id)
        newest = _row(connection, path)
        if newest is None or newest.content is None or not self._holds(newest, content):
            number = newest.version + 1 if newest else 1
            sealed = self._keyring.seal(content, about_state(path, number))
            _add(connection, path, number, serial=serial, size=len(content), key=self._keyring.current, content=sealed)

    def _holds(self, row: Any, content: bytes) -> bool:
        try:
            return bool(row.size == len(content) and self._opened(row) == content)
        except SealedError:
            return False

    def _remove(self, connection: Connection, path: str, lock_id: str, *, purge: bool) -> None:
        check_lock(connection, path, lock_id)
        newest = _row(connection, path)
        if purge:
            connection.execute(delete(state_version).where(state_version.c.path == path))
        elif newest is not None and newest.content is not None:
            _add(connection, path, newest.version + 1, serial=None, size=0, key="", content=None)

    def _sealed_otherwise(self) -> list[tuple[str, int, str]]:
        columns = state_version.c
        query = select(columns.path, columns.version, columns.key).where(
            columns.key != self._keyring.current, columns.content.is_not(None)
        )
        with self._explained(), self._engine.connect() as connection:
            return [(row.path, row.version, row.key) for row in connection.execute(query)]

    def _reseal(self, connection: Connection, path: str, version: int) -> None:
        row = _row(connection, path, version)
        if row is not None and row.content is not None:
            content = self._keyring.seal(self._opened(row), about_state(path, version))
            one = (state_version.c.path == path) & (state_version.c.version == version)
            connection.execute(update(state_version).where(one).values(key=self._keyring.current, content=content))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell of what the database refuses in words."""
        try:
            yield
        except SQLAlchemyError as error:
            told = refusal(error, "Terraform's states cannot be kept or read now")
            if (more := self._seldom.due(why(error))) is not None:
                if isinstance(told, NoRoomError):
                    log.warning("no room for a state", extra={"reason": why(error), **more})
                else:
                    log.warning("states unavailable", extra={"reason": why(error), **more})
            raise told from error


def _row(connection: Connection, path: str, version: int | None = None) -> Any:
    """Return a version of a state, the newest unless told otherwise; None if there is none."""
    columns = state_version.c
    query = select(state_version).where(columns.path == path).order_by(columns.version.desc()).limit(1)
    return connection.execute(query if version is None else query.where(columns.version == version)).first()


def _add(connection: Connection, path: str, number: int, **values: Any) -> None:
    """Add a version, and forget the oldest."""
    columns = state_version.c
    connection.execute(insert(state_version).values(path=path, version=number, time=time.time_ns(), **values))
    old = (columns.path == path) & (columns.version <= number - VERSIONS_KEPT)
    connection.execute(delete(state_version).where(old))
