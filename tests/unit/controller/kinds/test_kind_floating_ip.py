"""Floating IPs: what is refused, which address is chosen, and the translation that they become."""

from __future__ import annotations

from typing import Any

import pytest
from kind_site import (
    INTERNET,
    INTERNET_FIELDS,
    PROVIDER,
    ROUTED_FIELDS,
    SUBNET,
    VPC,
    Site,
    connected,
    faults,
    later,
    rows_of,
    words,
    yielded,
)

from headgate_common.rows import EMPTY, RowKey

FIP, FIP2, PORT, LAN = (
    "projects/p/floatingIps/f",
    "projects/p/floatingIps/g",
    f"{SUBNET}/ports/a",
    "projects/p/subnets/lan",
)
KEY = RowKey("NAT", FIP)


def site_with_port() -> Site:
    site = connected()
    site.create(PORT)
    return site


REFUSED = {
    "no external subnet": ({}, [("external_subnet", "REQUIRED")], "required"),
    "an external subnet that is not there": (
        {"external_subnet": "projects/p/subnets/x"},
        [("external_subnet", "REFERENCE_NOT_FOUND")],
        "projects/p/subnets/x",
    ),
    "a subnet that is not external": ({"external_subnet": SUBNET}, [("external_subnet", "NOT_NAT")], "mode NAT"),
    "a routed external subnet": (
        {"external_subnet": "projects/p/subnets/routed"},
        [("external_subnet", "NOT_NAT")],
        "name one that is",
    ),
    "an address outside": (
        {"external_subnet": INTERNET, "ip": "203.0.114.9"},
        [("ip", "OUTSIDE_RANGE")],
        "203.0.113.0/24",
    ),
    "the gateway": ({"external_subnet": INTERNET, "ip": "203.0.113.1"}, [("ip", "RESERVED_ADDRESS")], "the gateway"),
    "the network's address": (
        {"external_subnet": INTERNET, "ip": "203.0.113.0"},
        [("ip", "RESERVED_ADDRESS")],
        "choose another",
    ),
    "a router's address": (
        {"external_subnet": INTERNET, "ip": "203.0.113.2"},
        [("ip", "ADDRESS_IN_USE")],
        f"a router address of {VPC}",
    ),
    "IPv6": ({"external_subnet": INTERNET, "ip": "2001:db8::1"}, [("ip", "BAD_FORMAT")], "not an IPv4 address"),
    "a port that is not there": (
        {"external_subnet": INTERNET, "port": f"{SUBNET}/ports/x"},
        [("port", "REFERENCE_NOT_FOUND")],
        f"{SUBNET}/ports/x",
    ),
    "a port on a VLAN": (
        {"external_subnet": INTERNET, "port": f"{LAN}/ports/a"},
        [("port", "PORT_NOT_IN_VPC")],
        "only ports of a VPC",
    ),
    "a port without IPv4": (
        {"external_subnet": INTERNET, "port": f"{VPC}/subnets/six/ports/a"},
        [("port", "PORT_HAS_NO_IPV4")],
        "`cidr`",
    ),
    "a port of a VPC that is not attached": (
        {"external_subnet": INTERNET, "port": "projects/p/vpcs/w/subnets/s/ports/a"},
        [("port", "NOT_ATTACHED")],
        "add it to external_subnets",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_floating_ip_is_refused_with(case: str) -> None:
    fields, expected, phrase = REFUSED[case]
    site = site_with_port()
    site.create("projects/p/subnets/routed", **ROUTED_FIELDS)
    site.create(LAN, vlan={"physical_network": PROVIDER, "id": 7}, cidr="10.7.0.0/24")
    site.create(f"{LAN}/ports/a")
    site.create(f"{VPC}/subnets/six", ipv6_cidr="fd00::/64")
    site.create(f"{VPC}/subnets/six/ports/a")
    site.create("projects/p/vpcs/w")
    site.create("projects/p/vpcs/w/subnets/s", cidr="10.1.0.0/24")
    site.create("projects/p/vpcs/w/subnets/s/ports/a")
    attempt = later(site.create, FIP, **fields)
    assert faults(attempt) == expected
    assert phrase in words(attempt, expected[0][0])


def test_an_address_is_one_floating_ip_only() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, ip="203.0.113.50")
    attempt = later(site.create, FIP2, external_subnet=INTERNET, ip="203.0.113.50")
    assert faults(attempt) == [("ip", "ADDRESS_IN_USE")]
    assert FIP in words(attempt, "ip")


def test_a_port_has_one_floating_ip_of_an_external_subnet_only() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    attempt = later(site.create, FIP2, external_subnet=INTERNET, port=PORT)
    assert faults(attempt) == [("port", "PORT_HAS_FLOATING_IP")]
    assert FIP in words(attempt, "port")


def test_a_port_may_have_a_floating_ip_of_each_of_two_external_subnets_each_at_its_own_gateway() -> None:
    site = site_with_port()
    second = "projects/p/subnets/second"
    site.create(second, **{**ROUTED_FIELDS, "external": {"mode": "MODE_NAT"}})
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}, "second": {"subnet": second}})
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.create(FIP2, external_subnet=second, port=PORT)
    rows = site.rows()
    assert rows[KEY]["gateway_port"] != rows[RowKey("NAT", FIP2)]["gateway_port"]


def test_all_faults_come_at_once() -> None:
    attempt = later(
        site_with_port().create, FIP, external_subnet=INTERNET, ip="203.0.113.1", port="projects/p/subnets/x/ports/a"
    )
    assert faults(attempt) == [("port", "REFERENCE_NOT_FOUND"), ("ip", "RESERVED_ADDRESS")]


@pytest.mark.parametrize("change", [{"ip": "203.0.113.99"}, {"external_subnet": "projects/p/subnets/x"}])
def test_address_and_external_subnet_cannot_change(change: dict[str, Any]) -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET)
    assert faults(later(site.update, FIP, **change)) == [(next(iter(change)), "IMMUTABLE")]


def test_an_exhausted_external_subnet_is_refused() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS, pools=[{"start": "203.0.113.9", "end": "203.0.113.9"}])
    site.create(FIP, external_subnet=INTERNET)
    assert faults(later(site.create, FIP2, external_subnet=INTERNET)) == [("ip", "POOL_EXHAUSTED")]


def test_the_next_free_address_is_chosen_and_kept_and_comes_back() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET)
    site.update(FIP, port=PORT)
    assert site.message(FIP).ip == "203.0.113.3"
    site.delete(FIP)
    site.create(FIP2, external_subnet=INTERNET)
    assert site.message(FIP2).ip == "203.0.113.3"


def test_a_floating_ip_becomes_a_translation_at_the_gateway_port() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, ip="203.0.113.50", port=PORT)
    rows = site.rows()
    assert rows[KEY] == {
        "type": "dnat_and_snat",
        "external_ip": "203.0.113.50",
        "logical_ip": "10.1.0.2",
        "external_mac": EMPTY,
        "logical_port": EMPTY,
        "gateway_port": frozenset({RowKey("Logical_Router_Port", f"{VPC}/external/internet")}),
        "options": {},
    }
    assert KEY in rows[RowKey("Logical_Router", VPC)]["nat"]


def test_a_floating_ip_follows_its_port_to_another_address_and_to_another_port() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.update(PORT, ip="10.1.0.99")
    assert site.rows()[KEY]["logical_ip"] == "10.1.0.99"
    site.create(f"{SUBNET}/ports/b")
    site.update(FIP, port=f"{SUBNET}/ports/b")
    assert site.rows()[KEY]["logical_ip"] == "10.1.0.2"


def test_a_reserved_floating_ip_has_no_row() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.update(FIP, ["port"])
    assert KEY not in site.rows()


def test_a_floating_ip_of_a_vpc_that_is_detached_yields_nothing_and_says_so() -> None:
    site = site_with_port()
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    assert site.conditions(FIP) == {}
    site.update(VPC, ["external_subnets"])
    assert KEY not in site.rows()
    assert INTERNET in site.conditions(FIP)["NOT_ATTACHED"]


@pytest.mark.parametrize("gone", [PORT, INTERNET, VPC])
def test_a_floating_ip_whose_referent_is_gone_yields_nothing(gone: str) -> None:
    site = site_with_port()
    floating = site.create(FIP, external_subnet=INTERNET, port=PORT)
    world = site.world.replace(site.get(gone), None)
    assert yielded(floating, world) == {}
    assert KEY not in rows_of(world)
