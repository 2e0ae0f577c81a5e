"""Routes: which next hops are refused, and the rows that the others become."""

from __future__ import annotations

from typing import Any

import pytest
from kind_site import INTERNET, PROVIDER, SUBNET, VPC, Site, connected, faults, later, rows_of, words, yielded

from headgate_common.rows import EMPTY, RowKey

ROUTE, ROUTE2 = f"{VPC}/routes/r", f"{VPC}/routes/t"
HOP: dict[str, Any] = {"next_hops": [{"ip": "10.1.0.9"}]}

REFUSED = {
    "no destination": (HOP, [("destination", "REQUIRED")], "required"),
    "host bits": (
        {"destination": "10.9.0.1/16", **HOP},
        [("destination", "BAD_FORMAT")],
        "the prefix is 10.9.0.0/16",
    ),
    "no next hop": ({"destination": "10.9.0.0/16"}, [("next_hops", "TOO_FEW")], "add some"),
    "an empty next hop": (
        {"destination": "10.9.0.0/16", "next_hops": [{}]},
        [("next_hops[0]", "EXACTLY_ONE")],
        "external_subnet and ip",
    ),
    "a reserved destination": (
        {"destination": "100.64.1.128/25", **HOP},
        [("destination", "RESERVED_RANGE")],
        "service network",
    ),
    "a link network": ({"destination": "169.254.0.0/16", **HOP}, [("destination", "RESERVED_RANGE")], "links between"),
    "multicast": ({"destination": "224.0.0.0/4", **HOP}, [("destination", "RESERVED_RANGE")], "multicast"),
    "a subnet of the VPC": (
        {"destination": "10.1.0.0/24", **HOP},
        [("destination", "DESTINATION_CONNECTED")],
        SUBNET,
    ),
    "an attached external subnet": (
        {"destination": "203.0.113.0/24", **HOP},
        [("destination", "DESTINATION_CONNECTED")],
        "needs no route",
    ),
    "a neighbour in no subnet": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": "10.2.0.9"}]},
        [("next_hops[0].ip", "NOT_CONNECTED")],
        "attach its subnet first",
    ),
    "the router of the subnet": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": "10.1.0.1"}]},
        [("next_hops[0].ip", "NEXT_HOP_IS_SELF")],
        "own router",
    ),
    "the router's own external address": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": "203.0.113.2"}]},
        [("next_hops[0].ip", "NEXT_HOP_IS_SELF")],
        "own router",
    ),
    "the broadcast address": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": "10.1.0.255"}]},
        [("next_hops[0].ip", "RESERVED_ADDRESS")],
        "broadcast",
    ),
    "a neighbour of the other family": (
        {"destination": "::/0", **HOP},
        [("next_hops[0].ip", "WRONG_FAMILY")],
        "same family",
    ),
    "an external subnet of the other family": (
        {"destination": "::/0", "next_hops": [{"external_subnet": INTERNET}]},
        [("next_hops[0].external_subnet", "WRONG_FAMILY")],
        "IPv4 only",
    ),
    "an external subnet that is not attached": (
        {"destination": "0.0.0.0/0", "next_hops": [{"external_subnet": "projects/p/subnets/lan"}]},
        [("next_hops[0].external_subnet", "NOT_ATTACHED")],
        "add it to external_subnets",
    ),
    "an external subnet that is not there": (
        {"destination": "0.0.0.0/0", "next_hops": [{"external_subnet": "projects/p/subnets/x"}]},
        [("next_hops[0].external_subnet", "REFERENCE_NOT_FOUND")],
        "projects/p/subnets/x",
    ),
    "the same next hop twice": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": "10.1.0.9"}, {"ip": "10.1.0.9"}]},
        [("next_hops[1]", "NEXT_HOP_TWICE")],
        "as next_hops[0] does",
    ),
    "the same next hop by two names": (
        {"destination": "0.0.0.0/0", "next_hops": [{"external_subnet": INTERNET}, {"ip": "203.0.113.1"}]},
        [("next_hops[1]", "NEXT_HOP_TWICE")],
        "203.0.113.1",
    ),
    "too many next hops": (
        {"destination": "10.9.0.0/16", "next_hops": [{"ip": f"10.1.0.{n}"} for n in range(20, 37)]},
        [("next_hops", "TOO_MANY")],
        "more than 16",
    ),
}


def attached() -> Site:
    site = connected()
    site.create("projects/p/subnets/lan", vlan={"physical_network": PROVIDER, "id": 7}, cidr="10.7.0.0/24")
    return site


@pytest.mark.parametrize("case", REFUSED)
def test_a_route_is_refused_with(case: str) -> None:
    fields, expected, phrase = REFUSED[case]
    attempt = later(attached().create, ROUTE, **fields)
    assert faults(attempt) == expected
    assert phrase in words(attempt, expected[0][0])


def test_a_destination_has_one_route() -> None:
    site = attached()
    site.create(ROUTE, destination="10.9.0.0/16", **HOP)
    attempt = later(site.create, ROUTE2, destination="10.9.0.0/16", next_hops=[{"ip": "10.1.0.10"}])
    assert faults(attempt) == [("destination", "DESTINATION_IN_USE")]
    assert ROUTE in words(attempt, "destination")


def test_paths_count_next_hops_as_the_client_did() -> None:
    hops = [{"ip": "10.2.0.9"}, {"external_subnet": INTERNET}, {"ip": "10.1.0.9"}, {"ip": "10.0.0.9"}]
    attempt = later(attached().create, ROUTE, destination="0.0.0.0/0", next_hops=hops)
    assert faults(attempt) == [("next_hops[0].ip", "NOT_CONNECTED"), ("next_hops[3].ip", "NOT_CONNECTED")]


def test_all_faults_come_at_once() -> None:
    hops = [{"ip": "10.1.0.1"}, {"external_subnet": "projects/p/subnets/lan"}, {"ip": "fd00::1"}, {"ip": "10.1.0.1"}]
    attempt = later(attached().create, ROUTE, destination="169.254.7.0/24", next_hops=hops)
    assert [reason for _, reason in faults(attempt)] == [
        "RESERVED_RANGE",
        "NEXT_HOP_IS_SELF",
        "NOT_ATTACHED",
        "WRONG_FAMILY",
        "NEXT_HOP_IS_SELF",
        "NEXT_HOP_TWICE",
    ]


def test_the_order_of_next_hops_is_no_change() -> None:
    site = attached()
    site.create(ROUTE, destination="10.9.0.0/16", next_hops=[{"ip": "10.1.0.9"}, {"ip": "10.1.0.10"}])
    revision = site.world.revision
    site.update(ROUTE, next_hops=[{"ip": "10.1.0.10"}, {"ip": "10.1.0.9"}])
    assert site.world.revision == revision


def test_each_next_hop_becomes_a_row_with_its_output_port() -> None:
    site = attached()
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}, {"ip": "10.1.0.9"}])
    rows = site.rows()
    outside = RowKey("Logical_Router_Static_Route", f"{ROUTE}/{INTERNET}")
    inside = RowKey("Logical_Router_Static_Route", f"{ROUTE}/10.1.0.9")
    common = {"ip_prefix": "0.0.0.0/0", "policy": EMPTY, "options": {}}
    assert rows[outside] == common | {
        "nexthop": "203.0.113.1",
        "output_port": frozenset({f"{VPC}/external/internet"}),
    }
    assert rows[inside] == common | {"nexthop": "10.1.0.9", "output_port": frozenset({f"{SUBNET}/gateway"})}
    assert rows[RowKey("Logical_Router", VPC)]["static_routes"] == {outside, inside}


def test_a_neighbour_outside_is_reached_through_the_attachment() -> None:
    site = attached()
    site.create(ROUTE, destination="10.9.0.0/16", next_hops=[{"ip": "203.0.113.77"}])
    row = site.rows()[RowKey("Logical_Router_Static_Route", f"{ROUTE}/203.0.113.77")]
    assert row["output_port"] == {f"{VPC}/external/internet"}


def test_an_ipv6_route_has_an_ipv6_neighbour() -> None:
    site = attached()
    site.create(f"{VPC}/subnets/six", ipv6_cidr="fd00::/64")
    site.create(ROUTE, destination="::/0", next_hops=[{"ip": "fd00::9"}])
    row = site.rows()[RowKey("Logical_Router_Static_Route", f"{ROUTE}/fd00::9")]
    assert (row["ip_prefix"], row["nexthop"]) == ("::/0", "fd00::9")
    assert faults(later(site.update, ROUTE, next_hops=[{"ip": "fd00::1"}])) == [("next_hops[0].ip", "NEXT_HOP_IS_SELF")]


@pytest.mark.parametrize("hop", [{"external_subnet": INTERNET}, {"ip": "203.0.113.77"}], ids=["subnet", "ip"])
def test_a_next_hop_that_is_detached_yields_nothing_and_says_so(hop: dict[str, str]) -> None:
    site = attached()
    route = site.create(ROUTE, destination="10.9.0.0/16", next_hops=[hop])
    assert site.conditions(ROUTE) == {}
    site.update(VPC, ["external_subnets"])
    assert yielded(route, site.world) == {}
    assert VPC in site.conditions(ROUTE)["NEXT_HOP_UNREACHABLE"]


@pytest.mark.parametrize("hop", [{"external_subnet": INTERNET}, {"ip": "203.0.113.77"}], ids=["subnet", "ip"])
def test_a_route_may_be_made_before_a_host_can_carry_it(hop: dict[str, str]) -> None:
    site = attached()
    for host in ("h1", "h2"):
        site.delete(f"hosts/{host}")
    route = site.create(ROUTE, destination="10.9.0.0/16", next_hops=[hop])
    assert yielded(route, site.world) == {}
    site.register("h3", PROVIDER)
    assert len(yielded(route, site.world)) == 1


@pytest.mark.parametrize("gone", [SUBNET, VPC])
def test_a_route_whose_subnet_or_vpc_is_gone_leaves_no_row(gone: str) -> None:
    site = attached()
    site.create(ROUTE, destination="10.9.0.0/16", **HOP)
    rows = rows_of(site.world.replace(site.get(gone), None))
    assert not [key for key in rows if key.table == "Logical_Router_Static_Route"]
