"""Floating IPs: addresses of an external subnet that stand for ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Entry


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """One address of an external subnet, reserved, or standing for a port."""

    name: str
    meta: Meta = NEW
    external_subnet: str = ""
    ip: int | None = None
    port: str | None = None

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        yield "external_subnet", self.external_subnet
        if self.port:
            yield "port", self.port

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        yield from (("referrers", target) for _, target in self.references())
        if self.port:
            yield "floating_ip_of", (self.port, self.external_subnet)

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield its address."""
        if self.ip is not None:
            yield self.external_subnet, self.ip
