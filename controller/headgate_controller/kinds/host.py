"""Hosts: no rows of their own; what their agents report decides where gateways can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headgate_controller.kinds.registry import Faults, Kind
from headgate_controller.nouns.host import Host
from headgate_controller.world import World


def allocate(host: Host, before: Host | None, world: World) -> tuple[Host, Faults]:
    """Keep what the agent reported."""
    if before is None:
        return host, ()
    return replace(
        host, tunnel_ip=before.tunnel_ip, physical_networks=before.physical_networks, agent_version=before.agent_version
    ), ()


def affects(before: Host | None, after: Host | None, world: World) -> Iterator[str]:
    """Yield the VPCs whose gateways may be on the host, if it came, went, drains or changed its networks."""
    was, now = (_offers(host) for host in (before, after))
    for network in sorted(was ^ now):
        for subnet in sorted(world.group("subnets_on", network)):
            yield from sorted(world.group("vpcs_on", subnet))


def _offers(host: Host | None) -> frozenset[str]:
    """Return the physical networks that a host can carry gateways on."""
    if host is None or host.drain or host.meta.deleting:
        return frozenset()
    return frozenset(network for network, _ in host.physical_networks)


KIND = Kind(message="headgate.v1.Host", noun=Host, allocate=allocate, affects=affects)
