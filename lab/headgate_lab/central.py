"""OVN central of a site: Northbound and Southbound databases and ovn-northd."""

from pathlib import Path

from headgate_cli.commands.pki import southbound_commands
from headgate_common.identity import IdentityFiles
from headgate_lab.command import run
from headgate_lab.configuration import SB_PORT
from headgate_lab.daemons import Daemon, start_all
from headgate_lab.machine import Machine
from headgate_lab.topology import CENTRAL_ADDRESS, Link, Wire

SCHEMAS = Path("/usr/share/ovn")

CENTRAL_LINKS = (Link(device="mgmt0", wire=Wire.MANAGEMENT, address=f"{CENTRAL_ADDRESS}/24"),)
"""Its NICs: hosts reach the Southbound database by the management wire."""


BY_CERTIFICATE = (
    "--remote=db:OVN_Southbound,SB_Global,connections",
    "--private-key=db:OVN_Southbound,SSL,private_key",
    "--certificate=db:OVN_Southbound,SSL,certificate",
    "--ca-cert=db:OVN_Southbound,SSL,ca_cert",
)
"""As distributions start it: where it listens, and its certificate, are in the database.  Source: ovn-ctl(8)."""


class Central:
    """The three daemons; Northbound is reachable by unix socket only, Southbound also from the hosts: by certificate,
    each host for its own rows, or with `open` by anybody.
    """

    def __init__(self, machine: Machine, *, open: bool = False) -> None:  # noqa: A002 - reads as what it is
        self._machine = machine
        self._open = open
        run_dir = machine.run_dir
        self.northbound = f"unix:{run_dir}/nb.sock"
        self.southbound = f"unix:{run_dir}/sb.sock"
        self.nb: Daemon = self._database("nb")
        self.sb: Daemon = self._database(
            "sb", *([f"--remote=ptcp:{SB_PORT}:{CENTRAL_ADDRESS}"] if open else BY_CERTIFICATE)
        )
        self.northd: Daemon = machine.ovs_daemon(
            "ovn-northd", "ovn-northd", f"--ovnnb-db={self.northbound}", f"--ovnsb-db={self.southbound}"
        )

    @property
    def env(self) -> dict[str, str]:
        """Environment in which OVN's tools talk to these databases."""
        return self._machine.env | {"OVN_NB_DB": self.northbound, "OVN_SB_DB": self.southbound}

    @property
    def pki_dir(self) -> Path:
        """Where the certificate of the machine is."""
        return self._machine.run_dir / "pki"

    def start(self) -> None:
        """Start all, with empty databases if there are none."""
        _, fresh = self._created("nb"), self._created("sb")
        start_all([self.nb, self.sb])
        self.nbctl("init")
        self.sbctl("init")
        if fresh:
            self.let_hosts_in()
        self.northd.start()

    def empty_northbound(self) -> None:
        """Kill Northbound and start it on nothing, as after the loss of its disk."""
        self._empty(self.nb)

    def empty_southbound(self) -> None:
        """Kill Southbound and start it on nothing; hosts get in only by `let_hosts_in`."""
        self._empty(self.sb)
        self.sbctl("init")

    def let_hosts_in(self) -> None:
        """Tell a new Southbound where to listen for hosts, and its certificate, as whoever installs it does."""
        for command in [] if self._open else southbound_commands(IdentityFiles(self.pki_dir), SB_PORT):
            self.sbctl(*command)

    def nbctl(self, *argv: str) -> str:
        """Run ovn-nbctl and return what it printed.

        Raises:
            CommandError: it failed.
        """
        return run(["ovn-nbctl", "--timeout=30", *argv], env=self.env, seconds=40)

    def sbctl(self, *argv: str) -> str:
        """Run ovn-sbctl and return what it printed.

        Raises:
            CommandError: it failed.
        """
        return run(["ovn-sbctl", "--timeout=30", *argv], env=self.env, seconds=40)

    def chassis(self) -> set[str]:
        """Return the names of the hosts whose ovn-controller has registered."""
        return set(self.sbctl("--bare", "--columns=name", "list", "Chassis").split())

    def _empty(self, database: Daemon) -> None:
        database.kill()
        self._file(database.name).unlink()
        self._created(database.name)
        database.start()

    def _created(self, name: str) -> bool:
        """Make an empty database unless there is one; return whether there was none."""
        database = self._file(name)
        if database.exists():
            return False
        run(["ovsdb-tool", "create", str(database), str(SCHEMAS / f"ovn-{name}.ovsschema")])
        return True

    def _file(self, name: str) -> Path:
        return self._machine.run_dir / f"{name}.db"

    def _database(self, name: str, *remotes: str) -> Daemon:
        run_dir = self._machine.run_dir
        return self._machine.ovs_daemon(
            name,
            "ovsdb-server",
            str(self._file(name)),
            f"--remote=punix:{run_dir}/{name}.sock",
            *remotes,
            f"--unixctl={run_dir}/{name}.ctl",
            socket=f"{name}.sock",
        )
