"""VPCs: isolated routing domains, each with one virtual router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Answers, Entry, view


@dataclass(frozen=True, slots=True)
class ExternalAttachment:
    """One attachment of a VPC's router to an external subnet."""

    subnet: str
    router_ips: tuple[int, ...] = ()
    snat_ips: tuple[int, ...] = ()
    gateway_hosts: tuple[str, ...] = ()
    router_mac: str | None = None


@dataclass(frozen=True, slots=True)
class Vpc:
    """One VPC; attachments by the key that the user chose."""

    name: str
    meta: Meta = NEW
    external_subnets: tuple[tuple[str, ExternalAttachment], ...] = ()

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        for key, attachment in self.external_subnets:
            yield f"external_subnets[{key}].subnet", attachment.subnet

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        for _, attachment in self.external_subnets:
            yield "referrers", attachment.subnet
            yield "vpcs_on", attachment.subnet
            if attachment.router_mac:
                yield "mac", (attachment.subnet, attachment.router_mac)
                yield "mac", (self.name, attachment.router_mac)

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield the addresses it holds on external subnets."""
        for _, attachment in self.external_subnets:
            for ip in {*attachment.router_ips, *attachment.snat_ips}:
                yield attachment.subnet, ip


@view
def vpc_exists(world: Answers, name: str) -> bool:
    """Return whether there is such a VPC."""
    return world.get(Vpc, name) is not None


@view
def attachments(world: Answers, vpc: str) -> tuple[tuple[str, ExternalAttachment], ...]:
    """Return the external attachments of a VPC by key; empty if there is no such VPC."""
    found = world.get(Vpc, vpc)
    return () if found is None else found.external_subnets
