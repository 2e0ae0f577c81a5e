"""What the kernel's devices should be: bridges and uplinks up, the tunnel address on its device. Pure.

The internal ports of userspace bridges are new devices after each start of ovs-vswitchd, so this is asked again
whenever the kernel says that a device came.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from headgate_hostagent.config import AgentConfig


@dataclass(frozen=True, slots=True)
class Link:
    """A device as the kernel says."""

    name: str
    up: bool
    mtu: int
    addresses: tuple[str, ...] = ()
    """With their prefix lengths."""


@dataclass(frozen=True, slots=True)
class BringUp:
    """Set a device up."""

    device: str


@dataclass(frozen=True, slots=True)
class AddAddress:
    """Give a device an address with its prefix length."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class SetMtu:
    """Set a device's greatest packet size."""

    device: str
    mtu: int


LinkChange = BringUp | AddAddress | SetMtu
"""One change of a device."""


def devices(config: AgentConfig) -> dict[str, str]:
    """Return the devices that are ours to keep, and the bridge each belongs to (empty: none)."""
    found = {config.tunnel_device: ""} if config.tunnel_device else {}
    for name, bridge in sorted(config.bridges.items()):
        found |= dict.fromkeys((name, *bridge.uplinks), name)
    return found


def plan_links(config: AgentConfig, links: Mapping[str, Link]) -> tuple[LinkChange, ...]:
    """Return the changes of the devices in `links`; those that are missing are not in it.

    The tunnel device gets the size of its smallest uplink, which is what Open vSwitch chooses for its own ports too:
    tunnels need 58 bytes more than the packets they carry.
    """
    changes: list[LinkChange] = [
        BringUp(device) for device in devices(config) if device in links and not links[device].up
    ]
    tunnel = links.get(config.tunnel_device)
    if tunnel is None:
        return tuple(changes)
    bridge = config.bridges.get(tunnel.name)
    sizes = [links[device].mtu for device in bridge.uplinks if device in links] if bridge else []
    if sizes and tunnel.mtu != min(sizes):
        changes.append(SetMtu(tunnel.name, min(sizes)))
    if ipaddress.ip_interface(config.tunnel_address) not in map(ipaddress.ip_interface, tunnel.addresses):
        changes.append(AddAddress(tunnel.name, config.tunnel_address))
    return tuple(changes)


def missing(config: AgentConfig, links: Mapping[str, Link]) -> dict[str, str]:
    """Return, by bridge, which of its devices there is not."""
    found: dict[str, str] = {}
    for device, bridge in devices(config).items():
        if device not in links:
            found[bridge] = f"there is no device {device}"
    return found
