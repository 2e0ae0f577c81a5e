"""The programs that figures measure: real ones, rootless, each in a directory of its own, gone when the block ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from headgate_lab.configuration import to_toml
from headgate_lab.daemons import Daemon, DaemonSpec, Spawner, accepts

NORTHBOUND_SCHEMA = Path("/usr/share/ovn/ovn-nb.ovsschema")
SOUTHBOUND_SCHEMA = Path("/usr/share/ovn/ovn-sb.ovsschema")


class Server(NamedTuple):
    """A program that runs: the number of its process, and the address at which it serves, "unix:PATH"."""

    pid: int
    address: str


@contextmanager
def a_directory() -> Iterator[Path]:
    """Lend a directory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="hgb-") as path:
        yield Path(path)


@contextmanager
def a_northbound(directory: Path) -> Iterator[Server]:
    """Run an OVN Northbound database, empty, and nobody who reads it."""
    with _database(directory, "nb", NORTHBOUND_SCHEMA) as server:
        yield server


@contextmanager
def a_southbound(directory: Path) -> Iterator[Server]:
    """Run an OVN Southbound database, empty: no host has a part in anything."""
    with _database(directory, "sb", SOUTHBOUND_SCHEMA) as server:
        yield server


@contextmanager
def _database(directory: Path, name: str, schema: Path) -> Iterator[Server]:
    directory.mkdir(parents=True, exist_ok=True)
    file, socket = directory / f"{name}.db", directory / f"{name}.sock"
    file.unlink(missing_ok=True)
    subprocess.run(["ovsdb-tool", "create", file, schema], check=True)
    own = (f"--remote=punix:{socket}", f"--unixctl={directory}/{name}.ctl", "--no-chdir", "-vconsole:off")
    with _running(name, ("ovsdb-server", str(file), *own), directory, socket) as server:
        yield server


@contextmanager
def a_controller(directory: Path, **settings: object) -> Iterator[Server]:
    """Run a controller on the store and the Northbound of a directory; `settings` change its configuration."""
    config = directory / "controller.toml"
    config.write_text(to_toml(controller_settings(directory) | settings))
    argv = (sys.executable, "-m", "headgate_controller", "--config", str(config))
    with _running("controller", argv, directory, directory / "api.sock") as server:
        yield server


@contextmanager
def an_echo(directory: Path) -> Iterator[Server]:
    """Run gRPC alone, which sends back what it is sent (`echo_server.py`)."""
    socket = directory / "echo.sock"
    argv = (sys.executable, "-m", "headgate_bench.echo_server", f"unix:{socket}")
    with _running("echo", argv, directory, socket) as server:
        yield server


def controller_settings(directory: Path) -> dict[str, object]:
    """Return how a controller is configured that has all in one directory; it reaches no Southbound, and asks for no
    tokens.
    """
    return {
        "listen": [f"unix:{directory}/api.sock"],
        "host_listen": [f"unix:{directory}/hosts.sock"],
        "http_listen": [f"unix:{directory}/http.sock"],
        "database": f"sqlite:///{directory}/headgate.db",
        "northbound": f"unix:{directory}/nb.sock",
        "southbound": f"unix:{directory}/nowhere",
        "southbound_remote": "tcp:192.0.2.100:6642",
        "pki_dir": f"{directory}/pki",
        "ca_dir": f"{directory}/ca",
        "require_tokens": False,
    }


@contextmanager
def _running(name: str, argv: tuple[str, ...], directory: Path, socket: Path) -> Iterator[Server]:
    """Run a daemon that accepts at a socket once it serves."""
    environment = {key: os.environ[key] for key in ("PATH", "LANG", "HOME") if key in os.environ}
    spec = DaemonSpec(
        name=name,
        argv=argv,
        env=environment,
        run_dir=directory,
        ready=lambda _pid: accepts(socket),
        writes_pid_file=False,
    )
    with closing(Spawner(keep=False)) as spawner:
        daemon = Daemon(spec, spawner)
        daemon.start()
        try:
            assert daemon.pid is not None
            yield Server(daemon.pid, f"unix:{socket}")
        finally:
            daemon.kill()
