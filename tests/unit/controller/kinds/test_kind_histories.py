"""Random histories of the real kinds: the incremental rows are the full ones, and never any that OVN would break on."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kind_site import (
    HOLDERS,
    INTERNET,
    INTERNET_FIELDS,
    PROVIDER,
    ROUTED_FIELDS,
    SUBNET,
    VPC,
    Site,
    connected,
    rows_of,
    units,
)
from row_audit import audit
from strict_rows import StrictRows

from headgate_controller.compile import Compiler
from headgate_controller.errors import HeadgateError
from headgate_controller.names import parent_of
from headgate_controller.world import World

VPCS = [VPC, "projects/p/vpcs/w"]
OVERLAYS = [SUBNET, f"{VPC}/subnets/t", "projects/p/vpcs/w/subnets/s"]
EXTERNALS = [INTERNET, "projects/p/subnets/routed", "projects/p/subnets/nat2"]
LAN = "projects/p/subnets/lan"
PORTS = [f"{subnet}/ports/{name}" for subnet in [*OVERLAYS, LAN] for name in "ab"]
ROUTES = [f"{vpc}/routes/{name}" for vpc in VPCS for name in "rt"]
FIPS = ["projects/p/floatingIps/f", "projects/p/floatingIps/g"]
HOSTS = ["h1", "h2", "h3"]
NAMES = [*VPCS, *OVERLAYS, *EXTERNALS, LAN, *PORTS, *ROUTES, *FIPS, *(f"hosts/{host}" for host in HOSTS)]

FIXED: dict[str, dict[str, Any]] = {
    INTERNET: dict(INTERNET_FIELDS),
    "projects/p/subnets/routed": dict(ROUTED_FIELDS),
    "projects/p/subnets/nat2": {
        **INTERNET_FIELDS,
        "vlan": {"physical_network": "storage", "id": 200},
        "cidr": "192.0.2.0/29",
        "gateway": "192.0.2.1",
    },
    LAN: {"vlan": {"physical_network": PROVIDER, "id": 100}, "cidr": "10.7.0.0/29", "gateway": "10.7.0.1"},
}


ADDRESSES = ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.2.0.4", "203.0.113.2", "203.0.113.3", "203.0.113.77", "fd00::9"]
CIDRS = ["10.1.0.0/29", "10.1.0.0/24", "10.2.0.0/24", "10.9.0.0/16"]


def fields_of(name: str, chance: Random) -> dict[str, Any]:
    """Return fields for a resource that have a fair chance to be accepted."""
    sometimes = chance.random() < 0.3
    match kind_of(name):
        case "vpc":
            chosen = chance.sample(EXTERNALS, chance.choice([0, 1, 1, 2]))
            return {"external_subnets": {key: {"subnet": subnet} for key, subnet in zip("ab", chosen, strict=False)}}
        case "subnet" if name in FIXED:
            return FIXED[name]
        case "subnet":
            six = {"ipv6_cidr": chance.choice(["fd00::/64", "fd00:2::/64"])} if sometimes else {}
            return {"cidr": chance.choice(CIDRS), **six}
        case "port":
            ip = {"ip": chance.choice(ADDRESSES)} if sometimes else {}
            host = {"host": f"hosts/{chance.choice(HOSTS)}"} if chance.random() < 0.2 else {}
            return {**ip, **host}
        case "route":
            hops = [
                chance.choice([{"ip": chance.choice(ADDRESSES)}, {"external_subnet": chance.choice(EXTERNALS)}])
                for _ in range(chance.choice([1, 1, 2]))
            ]
            return {"destination": chance.choice(["0.0.0.0/0", "0.0.0.0/0", "::/0", "10.9.0.0/16"]), "next_hops": hops}
        case "floating_ip":
            ip = {"ip": chance.choice(ADDRESSES)} if sometimes else {}
            return {"external_subnet": chance.choice(EXTERNALS), "port": chance.choice(PORTS), **ip}
    return {"drain": sometimes, "gateway_capable": chance.random() < 0.8}


def kind_of(name: str) -> str:
    collection = name.split("/")[-2]
    return {"floatingIps": "floating_ip"}.get(collection, collection.removesuffix("s"))


def missing(world: World) -> list[str]:
    """Return what could be created: what is not there, or on its way out, though its parent is there."""

    def absent(name: str) -> bool:
        noun: Any = world.resources.get(name)
        return noun is None or noun.meta.deleting

    return [n for n in NAMES if absent(n) and (parent_of(n) in ("", "projects/p") or parent_of(n) in world.resources)]


def play(site: Site, seed: int) -> None:
    """Let one thing happen that the seed and the World as it is choose; it may be refused."""
    chance, there = Random(seed), sorted(site.world.resources)
    verb = chance.choice(["create", "create", "create", "update", "delete", "vanish", "register"])
    if verb == "register" or (verb != "create" and not there):
        networks = chance.choice([[PROVIDER], [PROVIDER, "storage"], ["storage"], []])
        site.register(chance.choice(HOSTS), *networks, down=chance.choice([None, (), (PROVIDER,)]))
        return
    name = chance.choice((missing(site.world) or there) if verb == "create" else there)
    with suppress(HeadgateError):
        if verb == "create":
            site.create(name, **fields_of(name, chance))
        elif verb == "update":
            fields = fields_of(name, chance)
            mask = [] if kind_of(name) in ("subnet", "floating_ip") else list(fields)
            immutable = {"cidr", "ipv6_cidr", "external_subnet", "ip"} if not mask else set()
            site.update(name, mask, **{key: value for key, value in fields.items() if key not in immutable})
        else:
            site.delete(name, when_unreferenced=verb == "vanish")


def populated() -> Site:
    site = connected()
    site.create(LAN, **FIXED[LAN])
    site.create(f"{SUBNET}/ports/a", host="hosts/h1")
    site.create(f"{LAN}/ports/a")
    site.create(FIPS[0], external_subnet=INTERNET, port=f"{SUBNET}/ports/a")
    site.create(ROUTES[0], destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    return site


class Follower:
    """A compiler that steps from World to World, and the strict database that it keeps."""

    def __init__(self) -> None:
        self.compiler, self.database = Compiler(units()), StrictRows(HOLDERS)

    def follow(self, world: World, touched: set[str]) -> None:
        self.database.apply(self.compiler.advance(world, touched))
        assert not self.compiler.failed


START = populated().world
histories = st.lists(st.tuples(st.integers(0, 1 << 20), st.booleans()), min_size=8, max_size=24)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.booleans(), histories)
def test_incremental_is_full_and_passes_the_audit(filled: bool, history: list[Any]) -> None:
    site, follower = Site(START if filled else None), Follower()
    for seed, lags in history:
        play(site, seed)
        if not lags:
            follower.follow(site.world, site.touched)
            site.touched.clear()
            audit(follower.database.rows)
    follower.follow(site.world, site.touched)
    assert follower.database.rows == rows_of(site.world)
    audit(follower.database.rows)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(START.resources)), min_size=1, max_size=12))
def test_referents_torn_out_and_put_back_leave_nothing_dangling(torn: list[str]) -> None:
    """No validation here: whatever is missing, the strict database accepts each plan, and the end is a full compile."""
    world, follower = START, Follower()
    follower.follow(world, set(world.resources))
    for name in torn:
        there = world.resources.get(name)
        world = world.replace(there, None if there else START.resources[name])
        follower.follow(world, {name})
        assert follower.database.rows == rows_of(world)


def test_compiling_does_not_depend_on_order() -> None:
    expected = rows_of(START)
    groups = [{n for n in START.resources if kind_of(n) == kind} for kind in ("vpc", "subnet", "port", "route")]
    rest = set(START.resources) - set().union(*groups)
    for order in permutations([*groups, rest]):
        world, follower = World(), Follower()
        for names in order:
            for name in sorted(names):
                world = world.replace(None, START.resources[name])
            follower.follow(world, set(names))
        assert follower.database.rows == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_numbers_given_out_are_held_by_exactly_one(history: list[Any]) -> None:
    site = Site(START)
    for seed, _ in history:
        play(site, seed)
        held = [number for noun in site.world.resources.values() for number in set(noun.taken())]
        assert len(held) == len(set(held))
        assert all(number in site.world.pool(owner) for owner, number in held)
    for name in sorted(site.world.resources, key=len, reverse=True):
        with suppress(HeadgateError):
            site.delete(name, when_unreferenced=True)
    assert not site.world.resources
    assert not any(pool._chunks for pool in site.world.pools.values())
    assert not site.world.index
