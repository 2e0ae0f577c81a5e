"""Hosts: hypervisors, as their agents registered them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.addresses import Address
from headgate_controller.names import id_of
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Answers, Entry, view


@dataclass(frozen=True, slots=True)
class Host:
    """One hypervisor; its id is the OVN chassis name."""

    name: str
    meta: Meta = NEW
    drain: bool | None = None
    tunnel_ip: Address | None = None
    physical_networks: tuple[tuple[str, str], ...] = ()
    agent_version: str = ""
    zone: str | None = None
    gateway_capable: bool | None = None
    physical_networks_down: tuple[str, ...] = ()

    @property
    def chassis(self) -> str:
        """The OVN chassis name."""
        return id_of(self.name)

    @property
    def takes_gateways(self) -> bool:
        """Whether gateways may be there at all."""
        return self.gateway_capable is not False and not self.meta.deleting

    def carries(self, network: str) -> bool:
        """Return whether new gateways to a physical network may come, and those that are there may stay."""
        return self.takes_gateways and not self.drain and network not in self.physical_networks_down

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field: none."""
        yield from ()

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        for network, _ in self.physical_networks:
            yield "hosts_on", network
        if self.tunnel_ip:
            yield "host_at", self.tunnel_ip

    def taken(self) -> tuple[tuple[str, int], ...]:
        """Return the numbers it holds: none."""
        return ()


@view
def carries_gateways(world: Answers, name: str, network: str) -> bool:
    """Return whether a host can carry gateways to a physical network."""
    host = world.get(Host, name)
    return host is not None and host.carries(network)


@view
def zone_of(world: Answers, name: str) -> str | None:
    """Return the zone of a host; None if it is in none that we know of."""
    host = world.get(Host, name)
    return None if host is None else host.zone
