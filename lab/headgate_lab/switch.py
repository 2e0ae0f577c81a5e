"""Open vSwitch of one machine: its database server and its switch daemon."""

from pathlib import Path

from headgate_lab.command import run
from headgate_lab.daemons import Daemon
from headgate_lab.machine import Machine

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")


class Switch:
    """An Open vSwitch with the userspace datapath and nothing configured in it.

    The kernel datapath is switched off, so that a lab behaves the same whether or not the machine has the module.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._conf = machine.run_dir / "conf.db"
        remote = machine.run_dir / "db.sock"
        self.database: Daemon = machine.ovs_daemon(
            "ovsdb-server", "ovsdb-server", str(self._conf), f"--remote=punix:{remote}", socket=remote.name
        )
        self.vswitchd: Daemon = machine.ovs_daemon("ovs-vswitchd", "ovs-vswitchd", f"unix:{remote}", "--disable-system")

    def start_database(self) -> None:
        """Start the database server, with an empty database if there is none, and note the version as ovs-ctl does."""
        if not self._conf.exists():
            run(["ovsdb-tool", "create", str(self._conf), str(SCHEMA)])
        self.database.start()
        version = run(["ovs-vswitchd", "--version"]).splitlines()[0].split()[-1]
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", f"ovs-version={version}")

    def start(self) -> None:
        """Start both daemons."""
        self.start_database()
        self.vswitchd.start()

    def vsctl(self, *argv: str) -> str:
        """Run ovs-vsctl against this switch and return what it printed.

        Raises:
            CommandError: it failed.
        """
        return run(["ovs-vsctl", "--timeout=20", *argv], env=self._machine.env)

    def appctl(self, target: str, *argv: str) -> str:
        """Send a command to the control socket of `target` (a program's name) and return the answer.

        Raises:
            CommandError: it failed.
        """
        return run(["ovs-appctl", "--timeout=20", "-t", target, *argv], env=self._machine.env)
