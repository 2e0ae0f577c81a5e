"""Network namespaces and what connects them.

Devices are created inside namespaces from the start, so nothing of a lab is ever visible in the machine's own
namespace, and device names need to be unique only within one lab.
"""

import ctypes
import os
import shlex
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from headgate_lab.command import run
from headgate_lab.errors import CommandError

NETNS_DIR = Path("/run/netns")
"""Where named namespaces are mounted.  Source: ip-netns(8)."""

CLONE_NEWNET = 0x40000000
"""Source: setns(2)."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace known by name; the value exists whether or not the namespace does."""

    name: str

    @property
    def path(self) -> Path:
        """The file that stands for it."""
        return NETNS_DIR / self.name

    @property
    def exists(self) -> bool:
        """Whether it is there now."""
        return self.path.exists()

    def create(self) -> None:
        """Make it, with its loopback up.

        Raises:
            CommandError: it is there already.
        """
        run(["ip", "netns", "add", self.name])
        self.ip("link set lo up")

    def delete(self) -> None:
        """Remove the name, and with its last process and socket the namespace; no harm if it is gone."""
        if self.exists:
            run(["ip", "netns", "delete", self.name])

    def ip(self, *commands: str) -> None:
        """Configure its devices, addresses and routes by commands of iproute2, in order, all in one process.

        Raises:
            CommandError: one failed; later ones were not tried.
        """
        run(["ip", "-n", self.name, "-batch", "-"], stdin="".join(f"{command}\n" for command in commands))

    def command(self, *argv: str) -> list[str]:
        """Return the command line that runs `argv` inside; the process keeps its pid across the entry."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, env: Mapping[str, str] | None = None, seconds: float = 30) -> str:
        """Run `argv` inside to its end and return what it printed.

        Raises:
            CommandError: it failed.
        """
        return run(self.command(*argv), env=env, seconds=seconds)

    def pids(self) -> list[int]:
        """Return the processes that live in it."""
        return [int(pid) for pid in run(["ip", "netns", "pids", self.name]).split()] if self.exists else []

    def socket(self, family: socket.AddressFamily, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
        """Return a socket of this namespace that this process may use from any thread.

        The namespace outlives its name until the socket is closed.

        Raises:
            OSError: it does not exist, or this process may not enter it.
        """

        def enter_and_open() -> socket.socket:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _enter(fd)
            finally:
                os.close(fd)
            return socket.socket(family, kind, protocol)

        # Entering is an act of one thread; that thread ends here, so no other code ever finds itself in there.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(enter_and_open).result()


@dataclass(frozen=True, slots=True)
class End:
    """One end of a cable: a device's name and the namespace it is in."""

    namespace: Namespace
    device: str


def namespaces(prefix: str) -> list[Namespace]:
    """Return all that exist and whose names start with `prefix`."""
    if not NETNS_DIR.is_dir():
        return []
    return [Namespace(path.name) for path in sorted(NETNS_DIR.iterdir()) if path.name.startswith(prefix)]


def cable(one: End, other: End, *, mtu: int) -> None:
    """Connect two devices that do not exist yet; both come up."""
    run(
        shlex.split(
            f"ip link add {one.device} mtu {mtu} netns {one.namespace.name}"
            f" type veth peer name {other.device} mtu {mtu} netns {other.namespace.name}"
        )
    )
    for end in (one, other):
        end.namespace.ip(f"link set {end.device} up")


def unplug(end: End) -> None:
    """Remove a cable by one of its ends; no harm if it is gone."""
    try:
        end.namespace.ip(f"link delete {end.device}")
    except CommandError:
        if _has_device(end):
            raise


def without_checksum_offload(namespace: Namespace, device: str) -> None:
    """Have the kernel compute checksums before packets leave `device`.

    The userspace datapath forwards packets with the checksum that the kernel left unfinished, so without this ping
    works while TCP never connects.
    """
    namespace.run("ethtool", "-K", device, "tx", "off")


def _has_device(end: End) -> bool:
    try:
        end.namespace.ip(f"link show {end.device}")
    except CommandError:
        return False
    return True


def _enter(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
