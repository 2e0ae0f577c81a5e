"""A hypervisor of the lab: NICs, Open vSwitch, ovn-controller and, as one more daemon, the host agent."""

import sys
from pathlib import Path

from headgate_lab.command import run
from headgate_lab.configuration import agent_settings, to_toml
from headgate_lab.daemons import Daemon, start_all
from headgate_lab.machine import Machine, Underlay
from headgate_lab.namespaces import Namespace
from headgate_lab.switch import Switch
from headgate_lab.topology import Host

AGENT = "agent"


class LabHost:
    """One host.  The lab provides what a real machine has by itself: NICs and running daemons.

    Bridges, uplinks in them, tunnel address and OVN's settings are the agent's work, or, without an agent, of
    whoever programs the switch by hand.
    """

    def __init__(self, spec: Host, *, machine: Machine, underlay: Underlay, with_agent: bool) -> None:
        assert machine.namespace is not None
        self.spec = spec
        self.namespace: Namespace = machine.namespace
        self._machine = machine
        self._underlay = underlay
        self.switch = Switch(machine)
        self.ovn_controller: Daemon = machine.ovs_daemon(
            "ovn-controller", "ovn-controller", f"unix:{machine.run_dir}/db.sock"
        )
        self._config = machine.run_dir / "agent.toml"
        self.agent: Daemon | None = self._agent() if with_agent else None

    @property
    def name(self) -> str:
        """Its name, also that of its OVN chassis."""
        return self.spec.name

    @property
    def run_dir(self) -> Path:
        """Where its daemons keep databases, sockets, logs and pid files."""
        return self._machine.run_dir

    @property
    def pki_dir(self) -> Path:
        """Where its certificate is."""
        return self.run_dir / "pki"

    @property
    def env(self) -> dict[str, str]:
        """Environment in which OVS's tools talk to this host's switch."""
        return self._machine.env

    @property
    def daemons(self) -> list[Daemon]:
        """All its daemons, in the order of a boot."""
        return [self.switch.database, self.switch.vswitchd, self.ovn_controller, *([self.agent] if self.agent else [])]

    @property
    def settled(self) -> bool:
        """Whether its agent has seen the switch settle; until then it has something left to write there."""
        column = "external_ids:ovn-ofctrl-wait-before-clear"
        value = self.switch.vsctl("--if-exists", "get", "Open_vSwitch", ".", column)
        return value.strip().strip('"') not in ("", "0")

    def wire(self) -> None:
        """Make the machine: its namespace and NICs."""
        self.namespace.create()
        self._underlay.plug(self.name, self.namespace, self.spec.links)

    def start(self) -> None:
        """Write the agent's configuration and start the daemons; each goes on by itself from there."""
        if self.agent:
            settings = agent_settings(self.spec, run_dir=self.run_dir, pki_dir=self.pki_dir)
            self._config.write_text(to_toml(settings))
        self.switch.start_database()
        start_all(self.daemons)

    def crash(self) -> None:
        """Take the power away: daemons and everything the kernel held are gone, the disk stays."""
        for daemon in reversed(self.daemons):
            daemon.kill()
        self._underlay.unplug(self.name, self.spec.links)
        self.namespace.delete()

    def power_on(self) -> None:
        """Boot it after a crash."""
        self.wire()
        self.start()

    def set_uplinks(self, *, up: bool) -> None:
        """Pull or plug the cables that carry workloads' packets; the management network stays."""
        for link in self.spec.uplinks:
            self._underlay.set_link(self.name, link, up=up)

    def set_provider(self, *, up: bool) -> None:
        """Pull or plug the cable to the physical network alone: tunnels to other hosts go on."""
        self._underlay.set_link(self.name, self.spec.provider, up=up)

    def agent_command(self, *argv: str) -> str:
        """Run a command of this host's agent program, on the host, and return what it printed.

        Raises:
            CommandError: it failed.
        """
        return run(self._machine.command(*self._agent_argv(*argv)), env=self.env)

    def _agent(self) -> Daemon:
        return self._machine.daemon(AGENT, *self._agent_argv("run"), writes_pid_file=False)

    def _agent_argv(self, *argv: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "headgate_hostagent", "--config", str(self._config), *argv)
