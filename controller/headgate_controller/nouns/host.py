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

    @property
    def chassis(self) -> str:
        """The OVN chassis name."""
        return id_of(self.name)

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
def is_gateway_host(world: Answers, name: str) -> bool:
    """Return whether a host may be given gateways."""
    host = world.get(Host, name)
    return host is not None and not host.drain and not host.meta.deleting


@view
def zone_of(world: Answers, name: str) -> str | None:
    """Return the zone of a host; None if it is in none that we know of."""
    host = world.get(Host, name)
    return None if host is None else host.zone
