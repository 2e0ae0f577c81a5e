"""Ports: attachments of workloads to subnets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.names import parent_of
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.nouns.subnet import ipv6_pool
from headgate_controller.nouns.vm import VM_NAME
from headgate_controller.world import Answers, Entry, view


@dataclass(frozen=True, slots=True)
class Port:
    """The attachment of one workload's NIC to a subnet."""

    name: str
    meta: Meta = NEW
    ip: int | None = None
    ipv6: int | None = None
    mac: str | None = None
    vm: str | None = None
    host: str | None = None
    iface_id: str = ""

    @property
    def subnet(self) -> str:
        """The subnet it is on."""
        return parent_of(self.name)

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        yield "parent", self.subnet
        if self.host:
            yield "host", self.host
        if self.vm and VM_NAME.fullmatch(self.vm):
            yield "vm", self.vm

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        yield from (("referrers", target) for _, target in self.references())
        yield "iface", self.iface_id
        if self.mac:
            yield "mac", (self.subnet, self.mac)
        if self.host:
            yield "ports_on", self.host
        if self.vm:
            yield "ports_of_vm", self.vm

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield its addresses."""
        if self.ip is not None:
            yield self.subnet, self.ip
        if self.ipv6 is not None:
            yield ipv6_pool(self.subnet), self.ipv6


@view
def port_address(world: Answers, name: str) -> int | None:
    """Return the IPv4 address of a port; None if there is none."""
    port = world.get(Port, name)
    return None if port is None else port.ip
