"""The machine's network cards, as the kernel describes them in its files.

Source: Documentation/ABI/testing/sysfs-class-net of Linux.
"""

from collections.abc import Collection
from pathlib import Path

from headgate_hostagent.managers.nics import Nic

DEVICES = Path("/sys/class/net")
IFF_UP = 0x1


def read_nics(besides: Collection[str]) -> dict[str, Nic]:
    """Return the cards of the machine, which have a device on some bus, and those of `besides` that are there."""
    names = {path.parent.name for path in DEVICES.glob("*/device")} | set(besides)
    found = (_read(DEVICES / name) for name in sorted(names))
    return {nic.name: nic for nic in found if nic is not None}


def _read(path: Path) -> Nic | None:
    """Return one card; None if there is none, or no longer."""
    try:
        flags = int((path / "flags").read_text(), 16)
        mac, mtu = (path / "address").read_text().strip(), int((path / "mtu").read_text())
    except OSError:
        return None
    return Nic(path.name, mac, bool(flags & IFF_UP), _number(path / "carrier") == 1, _number(path / "speed"), mtu)


def _number(path: Path) -> int:
    """Return what a file holds; 0 if the kernel refuses to say, as it does for a device that is not up, or says -1."""
    try:
        return max(0, int(path.read_text()))
    except OSError:
        return 0
