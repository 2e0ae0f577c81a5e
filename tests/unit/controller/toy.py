"""Toy kinds for the tests of the core: the shapes that real kinds have, in the fewest words.

A switch stands in a VPC, a port on a switch; a policy yields a group that all policies of its tag share and that ports
feed; a route names a row of another unit without asking whether it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headgate_common.rows import EMPTY, Member, Row, RowKey
from headgate_controller.compile import CompileUnit
from headgate_controller.world import Answers, Draft, Entry, Noun, World, view

EVALUATED: list[tuple[object, ...]] = []
"""Every view and unit that was computed for a compiler, with its arguments."""

HOLDERS: Mapping[str, frozenset[tuple[str, str]]] = {
    "Port": frozenset({("Switch", "ports")}),
    "RouterPort": frozenset({("Router", "ports")}),
    "Route": frozenset({("Router", "routes")}),
    "Acl": frozenset({("Group", "acls")}),
}
"""The non-root tables, and the columns that hold their rows."""

POISON = 13
"""The base of a switch that makes the view of it raise."""


@dataclass(frozen=True, slots=True)
class Vpc:
    name: str
    label: str = ""
    broken: bool = False

    def entries(self) -> Iterable[Entry]:
        return ()

    def taken(self) -> Iterable[tuple[str, int]]:
        return ()


@dataclass(frozen=True, slots=True)
class Switch:
    name: str
    vpc: str = "v0"
    base: int = 0
    lease: int | None = None
    note: str = ""
    broken: bool = False

    def entries(self) -> Iterable[Entry]:
        yield "switches_of", self.vpc

    def taken(self) -> Iterable[tuple[str, int]]:
        return ()


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    switch: str = "s0"
    address: int = 1
    tags: frozenset[str] = frozenset()
    broken: bool = False

    def entries(self) -> Iterable[Entry]:
        yield "ports_of", self.switch

    def taken(self) -> Iterable[tuple[str, int]]:
        return ((self.switch, self.address),)


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    tag: str = "t0"
    action: str = "allow"
    label: str = ""
    broken: bool = False

    def entries(self) -> Iterable[Entry]:
        yield "policies_of", self.tag

    def taken(self) -> Iterable[tuple[str, int]]:
        return ()


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    vpc: str = "v0"
    via: str = "s0"
    broken: bool = False

    def entries(self) -> Iterable[Entry]:
        yield "routes_of", self.vpc

    def taken(self) -> Iterable[tuple[str, int]]:
        return ()


class Unrealised(NamedTuple):
    """A noun of a kind that no unit compiles."""

    name: str

    def entries(self) -> Iterable[Entry]:
        return ()

    def taken(self) -> Iterable[tuple[str, int]]:
        return ()


class SwitchFacts(NamedTuple):
    base: int
    dhcp: bool


def _evaluated(world: Answers, *question: object) -> None:
    if not isinstance(world, World):
        EVALUATED.append(question)


@view
def vpc_exists(world: Answers, name: str) -> bool:
    _evaluated(world, "vpc_exists", name)
    return world.get(Vpc, name) is not None


@view
def switch_facts(world: Answers, name: str) -> SwitchFacts | None:
    _evaluated(world, "switch_facts", name)
    switch = world.get(Switch, name)
    if switch is None or not vpc_exists(world, switch.vpc):
        return None
    if switch.base == POISON:
        raise ValueError("poisoned")
    return SwitchFacts(switch.base, switch.lease is not None)


@view
def tag_used(world: Answers, tag: str) -> bool:
    _evaluated(world, "tag_used", tag)
    return bool(world.group("policies_of", tag))


def _compile_vpc(vpc: Vpc, world: Answers) -> Iterator[Row | Member]:
    yield Row(RowKey("Router", vpc.name), {"label": vpc.label}, ("ports", "routes"))


def _compile_switch(switch: Switch, world: Answers) -> Iterator[Row | Member]:
    if not vpc_exists(world, switch.vpc):
        return
    key, router = RowKey("Switch", switch.name), RowKey("Router", switch.vpc)
    router_port, peer = RowKey("RouterPort", switch.name), RowKey("Port", f"{switch.name}/router")
    yield Row(key, {"base": switch.base}, ("ports",))
    yield Row(router_port, {"network": switch.base}, parent=router)
    yield Member(router, "ports", router_port)
    yield Row(peer, {"addresses": EMPTY, "dhcp": EMPTY, "peer": frozenset({router_port})}, parent=key)
    yield Member(key, "ports", peer)
    if switch.lease is not None:
        yield Row(RowKey("Dhcp", switch.name), {"lease": switch.lease})


def _compile_port(port: Port, world: Answers) -> Iterator[Row | Member]:
    facts = switch_facts(world, port.switch)
    if facts is None:
        return
    key, switch = RowKey("Port", port.name), RowKey("Switch", port.switch)
    address = str(facts.base + port.address)
    dhcp = frozenset({RowKey("Dhcp", port.switch)}) if facts.dhcp else EMPTY
    yield Row(key, {"addresses": frozenset({address}), "dhcp": dhcp, "peer": EMPTY}, parent=switch)
    yield Member(switch, "ports", key)
    for tag in sorted(port.tags):
        if tag_used(world, tag):
            yield Member(RowKey("Group", tag), "ports", key)
            yield Member(RowKey("AddressSet", tag), "addresses", address)


def _compile_policy(policy: Policy, world: Answers) -> Iterator[Row | Member]:
    group, acl = RowKey("Group", policy.tag), RowKey("Acl", policy.name)
    yield Row(group, {"label": policy.label}, ("ports", "acls"))
    yield Row(RowKey("AddressSet", policy.tag), {"label": policy.tag}, ("addresses",))
    yield Row(acl, {"action": policy.action}, parent=group)
    yield Member(group, "acls", acl)


def _compile_route(route: Route, world: Answers) -> Iterator[Row | Member]:
    if vpc_exists(world, route.vpc):
        router, key = RowKey("Router", route.vpc), RowKey("Route", route.name)
        yield Row(key, {"output": RowKey("RouterPort", route.via)}, parent=router)
        yield Member(router, "routes", key)


def _recorded(compute: Callable[..., Iterator[Row | Member]]) -> CompileUnit:
    def unit(noun: Vpc | Switch | Port | Policy | Route, world: Answers) -> Iterator[Row | Member]:
        _evaluated(world, noun.name)
        yield from compute(noun, world)
        if noun.broken:
            raise ValueError(f"{noun.name} is broken")

    return unit


UNITS: Mapping[type, CompileUnit] = {
    Vpc: _recorded(_compile_vpc),
    Switch: _recorded(_compile_switch),
    Port: _recorded(_compile_port),
    Policy: _recorded(_compile_policy),
    Route: _recorded(_compile_route),
}


class RefusedError(Exception):
    """The toy validation: a port's address is taken."""


def put(draft: Draft, noun: Noun) -> Draft:
    """Return the Draft with the noun in it, unless that would take a number twice."""
    own = draft.world.resources.get(noun.name)
    mine = set(own.taken()) if own else set()
    for owner, number in noun.taken():
        if (owner, number) not in mine and number in draft.world.pool(owner):
            raise RefusedError(noun.name)
    return draft.put(noun)


def world_of(*nouns: Noun) -> World:
    """Return the World that holds just these."""
    draft = Draft(World())
    for noun in nouns:
        draft = put(draft, noun)
    return draft.commit(1)


ONE_VPC = world_of(Vpc("v0"))
POPULATED = world_of(
    Vpc("v0"),
    Vpc("v1"),
    Switch("s0", "v0", 100, 60),
    Switch("s1", "v0", 200),
    Switch("s2", "v1", 100, 30),
    Port("p0", "s0", 1, frozenset({"t0"})),
    Port("p1", "s0", 2, frozenset({"t0", "t1"})),
    Port("p2", "s1", 1, frozenset({"t1"})),
    Port("p3", "s2", 1, frozenset({"t0"})),
    Port("p4", "s2", 2),
    Policy("a0", "t0"),
    Policy("a1", "t0", "drop"),
    Policy("a2", "t1"),
    Route("r0", "v0", "s1"),
    Route("r1", "v1", "s0"),
)
"""Of everything something: where half of the random histories start."""
