"""Static routes: one row for each next hop, always with the router port that leads to it."""

from __future__ import annotations

from collections.abc import Iterator

from headgate_common.rows import Member, Row, RowKey
from headgate_controller.addresses import V4, Address
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import ERROR, Condition, Kind
from headgate_controller.northbound_rows import external_key, gateway_key, held, router_key, static_route
from headgate_controller.nouns.route import NextHop, Route
from headgate_controller.nouns.subnet import Hop, connected, external_facts, hop_through, hop_to, ipv6_pool
from headgate_controller.nouns.vpc import attachments
from headgate_controller.world import Answers, World


def validate(route: Route, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `route`."""
    yield from _destination(route, world)
    seen: dict[Address, str] = {}
    for position, hop in enumerate(route.next_hops):
        field = f"next_hops[{position}]"
        if hop.external_subnet:
            yield from _through(route, f"{field}.external_subnet", hop.external_subnet, world)
        elif hop.ip:
            yield from _neighbour(route, f"{field}.ip", hop.ip, world)
        address = _address(hop, world)
        if address in seen:
            twice = f"It leads to {address} as {seen[address]} does; leave one of them out."
            yield Violation(field, "NEXT_HOP_TWICE", twice, needs=f"{route.vpc}/-")
        elif address is not None:
            seen[address] = field


def _destination(route: Route, world: World) -> Iterator[Violation]:
    destination = route.destination
    for reserved, use in world.reserved:
        if destination.within(reserved):
            text = f"{destination} lies in {reserved}, which is reserved for {use}; choose another destination."
            yield Violation("destination", "RESERVED_RANGE", text)
    for other in sorted(world.group("route_to", (route.vpc, destination))):
        text = f"{other} routes {destination} already; add the next hop to it instead."
        yield Violation("destination", "DESTINATION_IN_USE", text, passing=True, holder=other)
    for prefix, _, subnet, _ in connected(world, route.vpc):
        if prefix == destination:
            text = f"{destination} is {subnet}, to which {route.vpc} is connected directly; it needs no route."
            yield Violation("destination", "DESTINATION_CONNECTED", text, holder=subnet)


def _address(hop: NextHop, world: World) -> Address | None:
    facts = external_facts(world, hop.external_subnet) if hop.external_subnet else None
    return hop.ip if facts is None else Address(V4, facts.gateway)


def _through(route: Route, field: str, name: str, world: World) -> Iterator[Violation]:
    if name not in world.resources:
        return
    if all(attachment.subnet != name for _, attachment in attachments(world, route.vpc)):
        text = f"{route.vpc} is not attached to {name}; add it to external_subnets of the VPC first."
        yield Violation(field, "NOT_ATTACHED", text, passing=True, needs=route.vpc)
    elif route.destination.version != V4:
        text = f"{name} leads to IPv4 only, and {route.destination} is IPv6; give an IPv6 neighbour as `ip`."
        yield Violation(field, "WRONG_FAMILY", text)


def _neighbour(route: Route, field: str, ip: Address, world: World) -> Iterator[Violation]:
    if ip.version != route.destination.version:
        text = f"{ip} is not of the family of {route.destination}; give an address of the same family."
        yield Violation(field, "WRONG_FAMILY", text)
        return
    for found in connected(world, route.vpc):
        if found.prefix.version == ip.version and ip.value in found.prefix:
            if ip.value == found.router_ip:
                text = f"{ip} is the VPC's own router in {found.subnet}; give the address of another router there."
                yield Violation(field, "NEXT_HOP_IS_SELF", text, needs=found.subnet)
            elif not found.usable(ip.value):
                text = f"{ip} is the network's or the broadcast address of {found.prefix}; give a router's address."
                yield Violation(field, "RESERVED_ADDRESS", text, needs=found.subnet)
            return
    text = f"{ip} is in no subnet that {route.vpc} is connected to; give a neighbour, or attach its subnet first."
    yield Violation(field, "NOT_CONNECTED", text, passing=True, needs=f"{route.vpc}/-")


def _resolved(route: Route, hop: NextHop, world: Answers) -> Hop | None:
    if hop.external_subnet:
        return hop_through(world, route.vpc, hop.external_subnet, route.destination.version)
    return hop_to(world, route.vpc, hop.ip) if hop.ip else None


def compile_route(route: Route, world: Answers) -> Iterator[Row | Member]:
    """Yield a row for each next hop that can be reached; the others yield nothing, so nothing is sent astray.

    Source: ovn-nb(5), table Logical_Router_Static_Route.
    """
    for hop in route.next_hops:
        resolved = _resolved(route, hop, world)
        if resolved is None:
            continue
        output = (
            external_key(route.vpc, resolved.attachment) if resolved.attachment else gateway_key(resolved.subnet or "")
        )
        key = RowKey("Logical_Router_Static_Route", f"{route.name}/{hop.external_subnet or hop.ip}")
        row = static_route(key, str(route.destination), str(resolved.address), output)
        yield from held(router_key(route.vpc), "static_routes", row)


def conditions(route: Route, world: World) -> Iterator[Condition]:
    """Yield the next hops that cannot be used, and those that nobody is."""
    for hop in route.next_hops:
        resolved = _resolved(route, hop, world)
        if resolved is None:
            yield Condition(
                "NEXT_HOP_UNREACHABLE",
                f"{hop.external_subnet or hop.ip} cannot be reached from {route.vpc}: "
                "it is not connected to it, or no host carries the attachment.",
                ERROR,
            )
        elif resolved.subnet and not _is_taken(resolved.address, resolved.subnet, world):
            yield Condition(
                "NEXT_HOP_UNKNOWN",
                f"No port of {resolved.subnet} has the address {resolved.address}: what is routed there is lost. "
                "Create the port of the router or appliance with that address, or give another next hop.",
            )


def _is_taken(address: Address, subnet: str, world: World) -> bool:
    return address.value in world.pool(subnet if address.version == V4 else ipv6_pool(subnet))


KIND = Kind(message="headgate.v1.Route", noun=Route, validate=validate, compile=compile_route, conditions=conditions)
