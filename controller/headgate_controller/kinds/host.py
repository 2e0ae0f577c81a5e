"""Hosts: no rows of their own; what their agents report decides where gateways can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate_controller.addresses import parse_address
from headgate_controller.kinds.registry import ERROR, INFO, Condition, Faults, Kind
from headgate_controller.nouns.host import Host
from headgate_controller.observed import Nic, Observed
from headgate_controller.world import World

FACTS = ("tunnel_ip", "physical_networks", "agent_version", "physical_networks_down")
"""What the host's agent reports, and no client."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a host can be heard; times are in nanoseconds since the epoch."""

    connected: bool
    connected_since: int | None
    last_heard: int | None
    ovn_connected: bool
    ovn_behind: int | None


@dataclass(frozen=True, slots=True)
class TunnelPeer:
    """The other end of a tunnel."""

    host: str
    remote_ip: str
    bfd_state: str


@dataclass(frozen=True, slots=True)
class HostSeen:
    """What is shown of a host besides what is stored."""

    liveness: Liveness
    versions: tuple[tuple[str, str], ...]
    nics: tuple[Nic, ...]
    tunnel_peers: tuple[TunnelPeer, ...]


def allocate(host: Host, before: Host | None, world: World) -> tuple[Host, Faults]:
    """Keep what the agent reported."""
    if before is None:
        return host, ()
    facts: dict[str, Any] = {name: getattr(before, name) for name in FACTS}
    return replace(host, **facts), ()


def affects(before: Host | None, after: Host | None, world: World) -> Iterator[str]:
    """Yield the VPCs whose gateways may be on the host, if it came, went, drains, or its networks changed."""
    was, now = (_offers(host) for host in (before, after))
    for network in sorted({network for network, _ in was ^ now}):
        for subnet in sorted(world.group("subnets_on", network)):
            yield from sorted(world.group("vpcs_on", subnet))


def _offers(host: Host | None) -> frozenset[tuple[str, bool]]:
    """Return the physical networks that a host can have gateways to, and whether it is good for them now."""
    if host is None or not host.takes_gateways:
        return frozenset()
    return frozenset((network, host.carries(network)) for network, _ in host.physical_networks)


def conditions(host: Host, world: World) -> Iterator[Condition]:
    """Yield what keeps the host from doing all that it could."""
    for network, _ in host.physical_networks:
        if not world.group("subnets_on", network):
            text = (
                f"No subnet is on the physical network {network!r}: create one, or see whether it is spelled so there."
            )
            yield Condition("NETWORK_UNUSED", text, INFO)
    for network in host.physical_networks_down:
        yield Condition(
            "UPLINK_DOWN",
            f"None of the uplinks to the physical network {network} has a link; see to the cable and the switch. "
            "Gateways to it have moved to other hosts, and stay there when the link is back.",
        )


def remarks(host: Host, world: World, observed: Observed) -> Iterator[Condition]:
    """Yield what the host's agent, and its ovn-controller, say to be wrong."""
    heard = observed.heard(host.chassis)
    if not heard.connected:
        fix = "see `systemctl status headgate-agent` there."
        why = f"is turned away: {heard.turned_away}" if heard.turned_away else f"is not connected; {fix}"
        yield Condition("NOT_CONNECTED", f"The host's agent {why}")
        return
    if heard.refusal:
        yield Condition("REFUSED", heard.refusal, ERROR)
    for key, text in sorted(heard.report.failures.items()):
        yield Condition("NOT_AS_DESIRED", f"{key}: {text}", ERROR)
    if heard.report.versions and not heard.report.ovn_connected:
        text = (
            "Its ovn-controller is not connected to OVN Southbound, or does not answer: what it has goes on, and no "
            "change is carried out there. headgate-agent doctor, on the host, says more."
        )
        yield Condition("OVN_AWAY", text, ERROR)
    for complaint in heard.report.ovn_complaints:
        text = (
            f"ovn-controller cannot use a flow, and leaves it out: {complaint}. Look for rows in Northbound that are "
            "not Headgate's; if there are none, report it."
        )
        yield Condition("OVN_LEAVES_OUT", text, ERROR)


def observe(host: Host, world: World, observed: Observed) -> HostSeen:
    """Return what the host's agent and OVN say of it."""
    heard = observed.heard(host.chassis)
    report = heard.report
    liveness = Liveness(
        connected=heard.connected,
        connected_since=heard.connected_since,
        last_heard=heard.last_heard,
        ovn_connected=heard.connected and report.ovn_connected,
        ovn_behind=observed.behind(host.chassis),
    )
    peers = tuple(TunnelPeer(_host_at(world, ip), ip, state) for ip, state in report.tunnels)
    return HostSeen(liveness, report.versions, report.nics, peers)


def _host_at(world: World, tunnel_ip: str) -> str:
    """Return the host with a tunnel address; empty if none, or if what its switch holds is no address."""
    try:
        address = parse_address(tunnel_ip)
    except ValueError:
        return ""
    return next(iter(sorted(world.group("host_at", address))), "")


KIND = Kind(
    message="headgate.v1.Host",
    noun=Host,
    allocate=allocate,
    affects=affects,
    conditions=conditions,
    live=HostSeen,
    observe=observe,
    remarks=remarks,
)
