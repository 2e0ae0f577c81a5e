"""The machine's network cards: which are looked at, and which physical networks have lost their link. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headgate_hostagent.config import AgentConfig


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card, or a device that is used as one, as the kernel says; its speed is 0 if it does not say."""

    name: str
    mac: str = ""
    enabled: bool = False
    """Set up by the machine; of one that is not, nobody knows whether it would have a link."""
    link_up: bool = False
    speed_mbps: int = 0
    mtu: int = 0


def uplinks(config: AgentConfig) -> frozenset[str]:
    """Return the devices that the configuration uses as network cards, whatever they are."""
    return frozenset(uplink for bridge in config.bridges.values() for uplink in bridge.uplinks)


def networks_down(config: AgentConfig, nics: Mapping[str, Nic]) -> Iterator[str]:
    """Yield the physical networks that no packet can get to: there are uplinks to them, and none has a link.

    One that is not enabled yet, which this agent is about to do, does not count as lost.
    """
    for network, bridge in sorted(config.physical_networks.items()):
        devices = config.bridges[bridge].uplinks
        if devices and not any(_may_carry(nics.get(device)) for device in devices):
            yield network


def _may_carry(nic: Nic | None) -> bool:
    return nic is not None and (nic.link_up or not nic.enabled)
