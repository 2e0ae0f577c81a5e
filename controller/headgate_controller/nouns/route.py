"""Static routes of a VPC's router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.addresses import Address, Prefix
from headgate_controller.names import parent_of
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Entry


@dataclass(frozen=True, slots=True)
class NextHop:
    """The gateway of an attached external subnet, or a neighbour's address; exactly one is set."""

    external_subnet: str | None = None
    ip: Address | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One static route; several next hops share the traffic by flow."""

    name: str
    meta: Meta = NEW
    destination: Prefix = Prefix(4, 0, 0)
    next_hops: tuple[NextHop, ...] = ()

    @property
    def vpc(self) -> str:
        """The VPC whose router it is for."""
        return parent_of(self.name)

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        yield "parent", self.vpc
        for position, hop in enumerate(self.next_hops):
            if hop.external_subnet:
                yield f"next_hops[{position}].external_subnet", hop.external_subnet

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        yield from (("referrers", target) for _, target in self.references())
        yield "route_to", (self.vpc, self.destination)

    def taken(self) -> tuple[tuple[str, int], ...]:
        """Return the numbers it holds: none."""
        return ()
