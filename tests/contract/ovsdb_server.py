"""A real ovsdb-server for tests: rootless, in a directory of its own, stopped by its own process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from headgate_common.ovsdb import Connection

NB_SCHEMA = Path("/usr/share/ovn/ovn-nb.ovsschema")
SB_SCHEMA = Path("/usr/share/ovn/ovn-sb.ovsschema")
DEADLINE_SECONDS = 30.0


_BY_DATABASE = {
    schema: (
        f"--remote=db:{database},{root},connections",
        f"--private-key=db:{database},SSL,private_key",
        f"--certificate=db:{database},SSL,certificate",
        f"--ca-cert=db:{database},SSL,ca_cert",
    )
    for schema, database, root in (
        (NB_SCHEMA, "OVN_Northbound", "NB_Global"),
        (SB_SCHEMA, "OVN_Southbound", "SB_Global"),
    )
}
"""As distributions start it: where it listens besides, and its certificate, are set in the database.

Source: ovn-ctl(8).
"""


class OvsdbServer:
    """One database in one server; `remote` is its address. A directory holds one server only."""

    def __init__(self, directory: Path, schema: Path) -> None:
        self.directory = directory
        self.remote = f"unix:{directory / 'db.sock'}"
        self._schema = schema
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, empty: bool = False) -> None:
        """Start it on the data there is, or on none."""
        database = self.directory / "data.db"
        if empty:
            database.unlink(missing_ok=True)
        if not database.exists():
            subprocess.run(["ovsdb-tool", "create", database, self._schema], check=True)
        (self.directory / "db.sock").unlink(missing_ok=True)
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "ovsdb-server",
                    database,
                    f"--remote=p{self.remote}",
                    *_BY_DATABASE.get(self._schema, ()),
                    f"--unixctl={self.directory / 'server.ctl'}",
                    "--no-chdir",
                    "-vconsole:off",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.directory / "server.log").read_text()
            assert time.monotonic() < deadline, "ovsdb-server does not listen"
            time.sleep(0.01)

    def _answers(self) -> bool:
        # The socket is there a moment before the server listens on it.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.directory / "db.sock")) == 0

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def compact(self) -> None:
        """Have its file hold what there is, and not how it came to that: a server reads all of it when it starts.

        It may decline, as while it does so already.
        """
        control = self.directory / "server.ctl"
        subprocess.run(["ovs-appctl", f"--target={control}", "ovsdb-server/compact"], check=False, capture_output=True)

    def suspend(self, stopped: bool) -> None:
        """Stop it from answering, or let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)


@contextlib.contextmanager
def serving(directory: Path, schema: Path):  # type: ignore[no-untyped-def]
    """Run a server while the block runs."""
    directory.mkdir(parents=True, exist_ok=True)
    server = OvsdbServer(directory, schema)
    server.start(empty=True)
    try:
        yield server
    finally:
        server.kill()


@contextlib.asynccontextmanager
async def connected(remote: str, **options: float) -> AsyncIterator[Connection]:
    """Hold a plain connection while the block runs."""
    connection = await Connection.open(remote, **options)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def running(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run a task beside the block, and cancel it after; a fault of its own is raised."""
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def eventually(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds: float = DEADLINE_SECONDS
) -> Any:
    """Wait until a condition holds, and return what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        await asyncio.sleep(0.005)
