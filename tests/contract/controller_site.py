"""A site without hosts for tests: real Northbound and Southbound databases, ovn-northd, and the controller as a
program of its own; rootless, in one directory, each process stopped by its own id.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ovsdb_server import NB_SCHEMA, SB_SCHEMA, OvsdbServer, serving

from headgate_lab.configuration import to_toml
from headgate_lab.waiting import wait_until

SECONDS = 30.0


class Northd:
    """The ovn-northd between two databases."""

    def __init__(self, directory: Path, nb: OvsdbServer, sb: OvsdbServer) -> None:
        own = (f"--unixctl={directory}/northd.ctl", "--no-chdir", "-vconsole:off", f"--log-file={directory}/northd.log")
        self._command = ["ovn-northd", f"--ovnnb-db={nb.remote}", f"--ovnsb-db={sb.remote}", *own]
        self._environment = environment() | {"OVN_RUNDIR": str(directory)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._command, env=self._environment, **QUIET)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Central:
    """The two databases and ovn-northd."""

    def __init__(self, directory: Path, nb: OvsdbServer, sb: OvsdbServer) -> None:
        self.directory = directory
        self.nb, self.sb = nb, sb
        self.northd = Northd(directory, nb, sb)

    def nbctl(self, *arguments: str) -> str:
        """Return what ovn-nbctl prints."""
        return run("ovn-nbctl", f"--db={self.nb.remote}", "--timeout=20", *arguments)

    def sbctl(self, *arguments: str) -> str:
        """Return what ovn-sbctl prints."""
        return run("ovn-sbctl", f"--db={self.sb.remote}", "--timeout=20", *arguments)

    def northbound(self) -> str:
        """Return all that Northbound holds."""
        return run("ovsdb-client", "dump", self.nb.remote, "OVN_Northbound")

    def bind(self, port: str, chassis: str) -> None:
        """Claim a port for a host, as its ovn-controller would."""
        if chassis not in self.sbctl("--bare", "--columns=name", "list", "Chassis").split():
            number = len(self.sbctl("--bare", "--columns=name", "list", "Chassis").split()) + 1
            self.sbctl("chassis-add", chassis, "geneve", f"192.0.2.{number}")
            row = self.sbctl("--bare", "--columns=_uuid", "find", "Chassis", f"name={chassis}").strip()
            self.sbctl("create", "Chassis_Private", f"name={chassis}", f"chassis={row}", "nb_cfg=0")
        wait_until(lambda: bool(self.binding(port)), seconds=SECONDS, what=f"a binding of {port}", every=0.05)
        self.sbctl("lsp-bind", port, chassis)

    def binding(self, port: str) -> str:
        """Return the uuid of a port's binding."""
        return self.sbctl("--bare", "--columns=_uuid", "find", "Port_Binding", f'logical_port="{port}"').strip()

    def confirm(self, chassis: str) -> None:
        """Say for a host that it has done everything so far, as its ovn-controller would."""
        number = self.nbctl("--bare", "--columns=nb_cfg", "list", "NB_Global").strip()
        row = self.sbctl("--bare", "--columns=_uuid", "find", "Chassis_Private", f"name={chassis}").strip()
        self.sbctl("set", "Chassis_Private", row, f"nb_cfg={number}")

    def forget(self, *chassis: str) -> None:
        """Take hosts away."""
        for name in chassis:
            rows = self.sbctl("--bare", "--columns=_uuid", "find", "Chassis_Private", f"name={name}").split()
            for row in rows:
                self.sbctl("destroy", "Chassis_Private", row)
            self.sbctl("--if-exists", "chassis-del", name)


@contextmanager
def central(directory: Path, nb_schema: Path = NB_SCHEMA, sb_schema: Path = SB_SCHEMA) -> Iterator[Central]:
    """Run OVN's central parts while the block runs."""
    with ExitStack() as stack:
        nb = stack.enter_context(serving(directory / "nb", nb_schema))
        sb = stack.enter_context(serving(directory / "sb", sb_schema))
        found = Central(directory, nb, sb)
        found.nbctl("init")
        found.sbctl("init")
        found.northd.start()
        try:
            yield found
        finally:
            found.northd.kill()


QUIET: Mapping[str, int] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Controller:
    """One controller with files of its own; without a site it reaches no OVN.

    `settings` change its configuration, `variables` its environment; `within` is a command that runs it.
    """

    def __init__(
        self,
        directory: Path,
        site: Central | None = None,
        variables: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        **settings: object,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.api, self.hosts = f"unix:{directory}/api.sock", f"unix:{directory}/hosts.sock"
        self.http = f"unix:{directory}/http.sock"
        self.database = directory / "headgate.db"
        self.log = directory / "controller.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._directory = directory
        self._variables = environment() | dict(variables or {})
        self._within = within
        self._started_at = 0
        self.settings = {
            "listen": [self.api],
            "host_listen": [self.hosts],
            "http_listen": [self.http],
            "database": f"sqlite:///{self.database}",
            "northbound": site.nb.remote if site else f"unix:{directory}/nowhere",
            "southbound": site.sb.remote if site else f"unix:{directory}/nowhere",
            "southbound_remote": "tcp:192.0.2.100:6642",
        } | settings

    def configure(self) -> Path:
        """Write its configuration."""
        config = self._directory / "controller.toml"
        config.write_text(to_toml(self.settings))
        return config

    def launch(self) -> None:
        """Start it, and do not wait."""
        config = self.configure()
        self._started_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._within, sys.executable, "-m", "headgate_controller", "--config", str(config)],
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def await_said(self, words: str, seconds: float = SECONDS) -> None:
        """Return once it has logged something since its last start."""
        wait_until(lambda: words in self.said() or self.ended, seconds=seconds, what=f"the controller to say {words!r}")
        assert words in self.said(), f"the controller ended: {self.said()}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.launch()
        self.await_said(" ready ")

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self.process is None or self.process.poll() is not None

    def said(self) -> str:
        """Return what it has logged since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._started_at)
            return log.read().decode()

    def cpu_seconds(self) -> float:
        """Return the time that it has computed for.  Source: proc(5), /proc/PID/stat."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, seconds: float = SECONDS) -> int:
        """Return its exit status, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it as a service manager would."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(SECONDS) == 0, self.said()
            self.process = None


@contextmanager
def controlling(controller: Controller) -> Iterator[Controller]:
    """Run a controller while the block runs; it must have had no fault of its own by then."""
    controller.start()
    try:
        yield controller
        controller.stop()
        assert_sound(controller)
    finally:
        controller.kill()


def assert_sound(controller: Controller, since: int = 0) -> None:
    """See that nothing unforeseen has happened inside it, since its log had that many bytes."""
    log = controller.log.read_bytes()[since:].decode(errors="replace")
    for word in ("Traceback", " ERROR "):
        assert word not in log, log[max(0, log.index(word) - 200) :]


def environment() -> dict[str, str]:
    """Return an environment in which nothing is configured."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}


def run(*command: str) -> str:
    """Return what a command prints; it must succeed."""
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
