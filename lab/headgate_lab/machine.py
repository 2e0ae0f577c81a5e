"""A machine of the lab: a network namespace and a run directory, in which daemons run."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headgate_lab.daemons import Daemon, DaemonSpec, Spawner, accepts
from headgate_lab.namespaces import End, Namespace, cable, unplug
from headgate_lab.topology import UNDERLAY_MTU, Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the daemons of one machine run; without a namespace, in the one the lab itself runs in."""

    name: str
    run_dir: Path
    spawner: Spawner
    namespace: Namespace | None = None

    @property
    def env(self) -> dict[str, str]:
        """Environment in which OVS and OVN tools find this machine's sockets and files and no others.

        Settings of Headgate's programs are left out: daemons take theirs from the files the lab writes.
        """
        directories = {
            f"{program}_{kind}": str(self.run_dir)
            for program in ("OVS", "OVN")
            for kind in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")
        }
        return {key: value for key, value in os.environ.items() if not key.startswith("HEADGATE_")} | directories

    def command(self, *argv: str) -> list[str]:
        """Return the command line that runs `argv` on this machine."""
        return self.namespace.command(*argv) if self.namespace else list(argv)

    def daemon(
        self, name: str, *argv: str, ready: Callable[[int], bool] = lambda _pid: True, writes_pid_file: bool = True
    ) -> Daemon:
        """Return a daemon that runs `argv` here, not yet started."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        spec = DaemonSpec(
            name=name,
            argv=tuple(self.command(*argv)),
            env=self.env,
            run_dir=self.run_dir,
            ready=ready,
            writes_pid_file=writes_pid_file,
        )
        return Daemon(spec, self.spawner)

    def ovs_daemon(self, name: str, *argv: str, socket: str | None = None) -> Daemon:
        """Return a daemon of the OVS family: own pid file and log, ready when it answers on `socket`.

        The default is its control socket, named after program and pid as it does by itself: the ovn-controller of
        23.03 has no option for that.
        """
        files = (f"--pidfile={self.run_dir}/{name}.pid", f"--log-file={self.run_dir}/{name}.log", "-vconsole:off")

        def ready(pid: int) -> bool:
            return accepts(self.run_dir / (socket or f"{name}.{pid}.ctl"))

        return self.daemon(name, *argv, *files, ready=ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class Underlay:
    """The wires of a site: one kernel bridge each, in a namespace of their own.

    A kernel bridge without VLAN filtering passes tagged frames untouched.
    """

    namespace: Namespace

    def lay(self, wires: Mapping[str, int]) -> None:
        """Make the namespace and its bridges, given as name and MTU."""
        self.namespace.create()
        for wire, mtu in wires.items():
            self.namespace.ip(f"link add {wire} type bridge", f"link set {wire} up mtu {mtu}")

    def plug(self, name: str, namespace: Namespace, links: tuple[Link, ...]) -> None:
        """Give machine `name` its NICs, and the management one its address."""
        for link in links:
            socket = self._socket(name, link)
            cable(End(namespace, link.device), socket, mtu=UNDERLAY_MTU)
            self.namespace.ip(f"link set {socket.device} master {link.wire}")
            if link.address:
                namespace.ip(f"address add {link.address} dev {link.device}")

    def unplug(self, name: str, links: tuple[Link, ...]) -> None:
        """Take the NICs of machine `name` away."""
        for link in links:
            unplug(self._socket(name, link))

    def set_link(self, name: str, link: Link, *, up: bool) -> None:
        """Pull or plug the cable: the machine's NIC loses or regains its carrier."""
        self.namespace.ip(f"link set {self._socket(name, link).device} {'up' if up else 'down'}")

    def _socket(self, name: str, link: Link) -> End:
        return End(self.namespace, f"{link.wire}-{name}")
