"""A real PostgreSQL for tests: in a directory of its own, on a unix socket only, stopped by its own process.

It refuses to run as root, and is run as Debian's `postgres` then.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url

from headgate_controller.store.database import Database
from headgate_lab.waiting import wait_until

PROGRAMS = Path(next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), "/usr/bin"))
UNPRIVILEGED = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
QUICKLY = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB"]
"""Settings: nobody by TCP; and no test cuts the power of the machine."""

SECONDS = 20.0


class PostgresServer:
    """One server; databases are made in it as they are needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._template = ""
        own = [*UNPRIVILEGED, PROGRAMS / "initdb", "--username=headgate", "--auth=trust", "--no-sync", "--no-locale"]
        done = subprocess.run(
            [*own, "--encoding=UTF8", directory / "data"], cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        self.start()

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql+psycopg://headgate@/{database}?host={self._directory}"

    def new(self, like: str = "template0") -> str:
        """Return the URL of a new database: empty, or like another."""
        name = f"t{secrets.token_hex(4)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def prepared(self) -> str:
        """Return the URL of a new store, whose tables are there: that takes a tenth of making them."""
        if not self._template:
            url = self.new()
            Database(url).close()
            self._template = str(make_url(url).database)
        return self.new(self._template)

    def administer(self, statement: str) -> None:
        """Carry out a statement that is about databases or the server."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def start(self) -> None:
        """Start it on the data there is."""
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*UNPRIVILEGED, PROGRAMS / "postgres", "-D", self._directory / "data", "-k", self._directory, *QUICKLY],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, seconds=SECONDS, what="PostgreSQL to answer", every=0.02)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "server.log").read_text()
        probe = subprocess.run(
            [PROGRAMS / "pg_isready", "-q", "-h", self._directory, "-U", "headgate", "-d", "postgres"], check=False
        )
        return probe.returncode == 0

    def suspend(self, stopped: bool) -> None:
        """Stop it, with all who serve a connection, from answering, or let it go on."""
        assert self._process is not None
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in (main, *map(int, children)):
            os.kill(pid, signal.SIGSTOP if stopped else signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, as a crash would: every connection is cut, and what is not committed is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(SECONDS)
            self._process = None


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Run a server while the block runs."""
    directory = Path(tempfile.mkdtemp(prefix="hgp-"))
    if UNPRIVILEGED:
        shutil.chown(directory, "postgres", "postgres")
    server: PostgresServer | None = None
    try:
        server = PostgresServer(directory)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(directory)


def sql(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Carry out statements in a database, of either sort, as somebody else would; return the rows of the last."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()
