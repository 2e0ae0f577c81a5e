"""Subnets: what is refused, what the platform chooses, and the switch and router port that they become."""

from __future__ import annotations

from typing import Any

import pytest
from kind_site import (
    INTERNET,
    INTERNET_FIELDS,
    PROVIDER,
    SUBNET,
    VPC,
    Site,
    connected,
    faults,
    later,
    simple,
    words,
    yielded,
)

from headgate_common.rows import EMPTY, RowKey
from headgate_controller.addresses import parse_address, parse_prefix, reserved_ranges
from headgate_controller.kinds.subnet import KIND
from headgate_controller.nouns.subnet import Subnet
from headgate_controller.world import World

VLAN = "projects/p/subnets/lan"
OTHER = f"{VPC}/subnets/t"
ON_VLAN: dict[str, Any] = {"vlan": {"physical_network": PROVIDER, "id": 100}}

OVERLAY_REFUSED = {
    "a VLAN": ({"cidr": "10.2.0.0/24", **ON_VLAN}, [("vlan", "VLAN_IN_VPC")], "leave `vlan` out"),
    "external": (
        {"cidr": "10.2.0.0/24", "gateway": "10.2.0.1", "external": {"mode": "MODE_NAT"}},
        [("external", "EXTERNAL_IN_VPC")],
        "name no VPC",
    ),
    "no range": ({}, [("cidr", "RANGE_MISSING")], "`ipv6_cidr` is needed"),
    "host bits": ({"cidr": "10.2.0.1/24"}, [("cidr", "BAD_FORMAT")], "the prefix is 10.2.0.0/24"),
    "IPv6 host bits": ({"ipv6_cidr": "fd00::1/64"}, [("ipv6_cidr", "BAD_FORMAT")], "the prefix is fd00::/64"),
    "no length": ({"cidr": "10.2.0.0"}, [("cidr", "BAD_FORMAT")], "as in 10.1.0.0/24"),
    "a netmask": ({"cidr": "10.2.0.0/255.255.255.0"}, [("cidr", "BAD_FORMAT")], "number up to 32"),
    "the other family": ({"cidr": "fd00::/64"}, [("cidr", "BAD_FORMAT")], "not an IPv4 prefix"),
    "too small": ({"cidr": "10.2.0.0/30"}, [("cidr", "CIDR_SIZE")], "between /8 and /29"),
    "too large": ({"cidr": "10.0.0.0/7"}, [("cidr", "CIDR_SIZE"), ("cidr", "CIDR_OVERLAP")], "between /8 and /29"),
    "not a /64": ({"ipv6_cidr": "fd00::/48"}, [("ipv6_cidr", "CIDR_SIZE")], "every IPv6 subnet"),
    "the service network": ({"cidr": "100.64.0.0/16"}, [("cidr", "RESERVED_RANGE")], "service network"),
    "the link networks": ({"cidr": "169.254.7.0/24"}, [("cidr", "RESERVED_RANGE")], "links between routers"),
    "loopback": ({"cidr": "127.0.0.0/16"}, [("cidr", "RESERVED_RANGE")], "loopback"),
    "multicast": ({"cidr": "224.1.0.0/16"}, [("cidr", "RESERVED_RANGE")], "multicast"),
    "this network": ({"cidr": "0.0.0.0/8"}, [("cidr", "RESERVED_RANGE")], "RFC 1122"),
    "link-local IPv6": ({"ipv6_cidr": "fe80::/64"}, [("ipv6_cidr", "RESERVED_RANGE")], "link-local"),
    "multicast IPv6": ({"ipv6_cidr": "ff02::/64"}, [("ipv6_cidr", "RESERVED_RANGE")], "multicast"),
    "embedded IPv4": ({"ipv6_cidr": "::/64"}, [("ipv6_cidr", "RESERVED_RANGE")], "embedded IPv4"),
    "gateway outside": (
        {"cidr": "10.2.0.0/24", "gateway": "10.3.0.1"},
        [("gateway", "OUTSIDE_RANGE")],
        "choose an address of that range",
    ),
    "gateway is the network": (
        {"cidr": "10.2.0.0/24", "gateway": "10.2.0.0"},
        [("gateway", "RESERVED_ADDRESS")],
        "choose another",
    ),
    "gateway is the broadcast address": (
        {"cidr": "10.2.0.0/24", "gateway": "10.2.0.255"},
        [("gateway", "RESERVED_ADDRESS")],
        "broadcast",
    ),
    "gateway of no range": (
        {"ipv6_cidr": "fd00::/64", "gateway": "10.2.0.1"},
        [("gateway", "RANGE_MISSING")],
        "set `cidr`",
    ),
    "IPv6 gateway is the network": (
        {"ipv6_cidr": "fd00::/64", "ipv6_gateway": "fd00::"},
        [("ipv6_gateway", "RESERVED_ADDRESS")],
        "choose another",
    ),
    "pool reversed": (
        {"cidr": "10.2.0.0/24", "pools": [{"start": "10.2.0.9", "end": "10.2.0.8"}]},
        [("pools[0].end", "RANGE_REVERSED")],
        "exchange",
    ),
    "pool outside": (
        {"cidr": "10.2.0.0/24", "pools": [{"start": "10.1.9.9", "end": "10.2.0.8"}]},
        [("pools[0].start", "OUTSIDE_RANGE")],
        "10.2.0.0/24",
    ),
    "pool without a range": (
        {"ipv6_cidr": "fd00::/64", "pools": [{"start": "10.2.0.4", "end": "10.2.0.8"}]},
        [("pools[0].start", "OUTSIDE_RANGE"), ("pools[0].end", "OUTSIDE_RANGE")],
        "any IPv4 range",
    ),
    "pools overlap": (
        {
            "cidr": "10.2.0.0/24",
            "pools": [{"start": "10.2.0.4", "end": "10.2.0.8"}, {"start": "10.2.0.8", "end": "10.2.0.9"}],
        },
        [("pools[1]", "POOL_OVERLAP")],
        "10.2.0.4-10.2.0.8",
    ),
    "a domain that would break DHCP": (
        {"cidr": "10.2.0.0/24", "domain_name": 'x" router="10.9.9.9'},
        [("domain_name", "BAD_FORMAT")],
        "does not match",
    ),
    "a DNS server that is none": (
        {"cidr": "10.2.0.0/24", "dns_servers": ["10.2.0.2", "dns.local"]},
        [("dns_servers[1]", "BAD_FORMAT")],
        "'dns.local' is not an IP address",
    ),
}


@pytest.mark.parametrize("case", OVERLAY_REFUSED)
def test_an_overlay_subnet_is_refused_with(case: str) -> None:
    fields, expected, phrase = OVERLAY_REFUSED[case]
    attempt = later(simple().create, OTHER, **fields)
    assert faults(attempt) == expected
    assert phrase in words(attempt, expected[0][0])


VLAN_REFUSED = {
    "no VLAN": ({"cidr": "10.2.0.0/24"}, [("vlan", "VLAN_MISSING")]),
    "an id too large": (
        {"cidr": "10.2.0.0/24", "vlan": {"physical_network": PROVIDER, "id": 4095}},
        [("vlan.id", "OUT_OF_RANGE")],
    ),
    "no physical network": ({"cidr": "10.2.0.0/24", "vlan": {"id": 7}}, [("vlan.physical_network", "REQUIRED")]),
    "a physical network that OVN could not name": (
        {"cidr": "10.2.0.0/24", "vlan": {"physical_network": "a,b:c", "id": 7}},
        [("vlan.physical_network", "BAD_FORMAT")],
    ),
    "external without a gateway": (
        {**ON_VLAN, "cidr": "10.2.0.0/24", "external": {"mode": "MODE_NAT"}},
        [("gateway", "GATEWAY_MISSING")],
    ),
    "external without a mode": (
        {**ON_VLAN, "cidr": "10.2.0.0/24", "gateway": "10.2.0.1", "external": {}},
        [("external.mode", "REQUIRED")],
    ),
    "external and IPv6": (
        {**ON_VLAN, "cidr": "10.2.0.0/24", "gateway": "10.2.0.1", "ipv6_cidr": "fd00::/64", "external": {"mode": 2}},
        [("ipv6_cidr", "IPV6_NOT_SUPPORTED")],
    ),
    "external and too small": (
        {**ON_VLAN, "cidr": "10.2.0.0/31", "gateway": "10.2.0.1", "external": {"mode": "MODE_NAT"}},
        [("cidr", "CIDR_SIZE"), ("gateway", "RESERVED_ADDRESS")],
    ),
}


@pytest.mark.parametrize("case", VLAN_REFUSED)
def test_a_vlan_subnet_is_refused_with(case: str) -> None:
    fields, expected = VLAN_REFUSED[case]
    assert faults(later(simple().create, VLAN, **fields)) == expected


def test_an_overlapping_subnet_is_refused_naming_the_other() -> None:
    attempt = later(simple().create, OTHER, cidr="10.1.0.128/25")
    assert faults(attempt) == [("cidr", "CIDR_OVERLAP")]
    assert words(attempt, "cidr") == f"10.1.0.128/25 overlaps 10.1.0.0/24 of {SUBNET}; choose another range."


def test_an_overlapping_ipv6_subnet_is_refused() -> None:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, ipv6_cidr="fd00::/64")
    assert faults(later(site.create, OTHER, cidr="10.1.0.0/24", ipv6_cidr="fd00::/64")) == [
        ("ipv6_cidr", "CIDR_OVERLAP")
    ]


def test_a_subnet_that_overlaps_an_attached_external_subnet_is_refused() -> None:
    attempt = later(connected().create, OTHER, cidr="203.0.113.0/25")
    assert faults(attempt) == [("cidr", "CIDR_OVERLAP")]
    assert INTERNET in words(attempt, "cidr")


def test_a_subnet_that_is_the_destination_of_a_route_is_refused_naming_the_route() -> None:
    site = simple()
    site.create(f"{VPC}/routes/r", destination="10.2.0.0/24", next_hops=[{"ip": "10.1.0.9"}])
    attempt = later(site.create, OTHER, cidr="10.2.0.0/24")
    assert faults(attempt) == [("cidr", "CIDR_ROUTED")]
    assert f"{VPC}/routes/r" in words(attempt, "cidr")


def test_the_same_addresses_in_another_vpc_are_accepted() -> None:
    site = simple()
    site.create("projects/p/vpcs/w")
    assert faults(later(site.create, "projects/p/vpcs/w/subnets/s", cidr="10.1.0.0/24")) == []


def test_a_vlan_is_one_subnet_only() -> None:
    site = simple()
    site.create(VLAN, **ON_VLAN, cidr="10.2.0.0/24")
    attempt = later(site.create, "projects/q/subnets/other", **ON_VLAN, cidr="10.3.0.0/24")
    assert faults(attempt) == [("vlan", "VLAN_IN_USE")]
    assert VLAN in words(attempt, "vlan")
    other_network = {"vlan": {"physical_network": "storage", "id": 100}}
    assert faults(later(site.create, "projects/q/subnets/other", **other_network, cidr="10.3.0.0/24")) == []


def test_all_faults_come_at_once() -> None:
    fields = {
        **ON_VLAN,
        "cidr": "169.254.0.0/30",
        "gateway": "10.0.0.1",
        "ipv6_cidr": "fe80::/60",
        "pools": [{"start": "10.0.0.9", "end": "10.0.0.8"}],
        "external": {"mode": "MODE_NAT"},
    }
    assert {reason for _, reason in faults(later(simple().create, "projects/p/vpcs/gone/subnets/x", **fields))} == {
        "REFERENCE_NOT_FOUND",
        "VLAN_IN_VPC",
        "EXTERNAL_IN_VPC",
        "IPV6_NOT_SUPPORTED",
        "CIDR_SIZE",
        "RESERVED_RANGE",
        "OUTSIDE_RANGE",
        "RANGE_REVERSED",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"cidr": "10.1.0.0/25"},
        {"ipv6_cidr": "fd00::/64"},
        {"gateway": "10.1.0.254"},
        {"vlan": {"physical_network": "x", "id": 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_immutable_cannot_change(change: dict[str, Any]) -> None:
    field = next(iter(change))
    attempt = later(simple().update, SUBNET, [field], **change)
    assert faults(attempt) == [(field, "IMMUTABLE")]
    assert "create it anew" in words(attempt, field)


def test_pools_dns_and_words_can_change() -> None:
    site = simple()
    site.update(
        SUBNET,
        pools=[{"start": "10.1.0.50", "end": "10.1.0.59"}],
        dns_servers=["10.1.0.2", "fd00::2"],
        domain_name="shop.local",
        description="two\nlines",
    )
    message = site.message(SUBNET)
    assert message.pools[0].start == "10.1.0.50"
    assert list(message.dns_servers) == ["10.1.0.2", "fd00::2"]
    assert (message.domain_name, message.description) == ("shop.local", "two\nlines")


def test_the_gateway_is_the_first_address_unless_another_is_requested() -> None:
    site = simple()
    site.create(OTHER, cidr="10.2.0.0/24", gateway="10.2.0.254", ipv6_cidr="fd00:2::/64")
    assert site.message(SUBNET).gateway == "10.1.0.1"
    assert (site.message(OTHER).gateway, site.message(OTHER).ipv6_gateway) == ("10.2.0.254", "fd00:2::1")


def test_a_vlan_subnet_gets_no_gateway_by_itself() -> None:
    site = Site()
    site.create(VLAN, **ON_VLAN, cidr="10.2.0.0/24", ipv6_cidr="fd00:2::/64")
    assert not site.message(VLAN).HasField("gateway")
    assert not site.message(VLAN).HasField("ipv6_gateway")


def test_an_overlay_subnet_becomes_a_switch_a_gateway_and_dhcp() -> None:
    site = simple()
    site.update(SUBNET, dns_servers=["10.1.0.2", "fd00::2", "10.1.0.3"], domain_name="shop.local")
    mac = site.get(SUBNET).gateway_mac
    switch, port = RowKey("Logical_Switch", SUBNET), RowKey("Logical_Router_Port", f"{SUBNET}/gateway")
    peer = RowKey("Logical_Switch_Port", f"{SUBNET}/router")
    rows = site.rows()
    assert rows == {
        RowKey("Logical_Router", VPC): {
            "name": VPC,
            "options": {"mac_binding_age_threshold": "300"},
            "ports": frozenset({port}),
            "static_routes": EMPTY,
            "nat": EMPTY,
        },
        switch: {"name": SUBNET, "other_config": {}, "ports": frozenset({peer})},
        peer: {
            "name": peer.name,
            "type": "router",
            "addresses": frozenset({"router"}),
            "port_security": EMPTY,
            "options": {"router-port": port.name},
            "dhcpv4_options": EMPTY,
            "dhcpv6_options": EMPTY,
            "tag": EMPTY,
        },
        port: {
            "name": port.name,
            "mac": mac,
            "networks": frozenset({"10.1.0.1/24"}),
            "ipv6_ra_configs": {},
            "options": {},
            "ha_chassis_group": EMPTY,
        },
        RowKey("DHCP_Options", f"{SUBNET}/v4"): {
            "cidr": "10.1.0.0/24",
            "options": {
                "server_id": "10.1.0.1",
                "server_mac": mac,
                "router": "10.1.0.1",
                "lease_time": "86400",
                "mtu": "1442",
                "dns_server": "{10.1.0.2, 10.1.0.3}",
                "domain_name": '"shop.local"',
            },
        },
    }


def test_a_dual_stack_subnet_advertises_stateful_dhcpv6_with_quoted_domain() -> None:
    site = Site()
    site.create(VPC)
    site.create(
        SUBNET,
        cidr="10.1.0.0/24",
        ipv6_cidr="2001:DB8:1:0::/64",
        dns_servers=["2001:db8::53"],
        domain_name="shop.local",
    )
    rows = site.rows()
    port = rows[RowKey("Logical_Router_Port", f"{SUBNET}/gateway")]
    assert port["networks"] == {"10.1.0.1/24", "2001:db8:1::1/64"}
    assert port["ipv6_ra_configs"] == {"address_mode": "dhcpv6_stateful", "mtu": "1442", "send_periodic": "true"}
    assert rows[RowKey("DHCP_Options", f"{SUBNET}/v6")] == {
        "cidr": "2001:db8:1::/64",
        "options": {
            "server_id": site.get(SUBNET).gateway_mac,
            "dns_server": "2001:db8::53",
            "domain_search": '"shop.local"',
        },
    }


@pytest.mark.parametrize(("vlan", "tag"), [(100, frozenset({100})), (0, EMPTY)])
def test_a_vlan_subnet_becomes_a_switch_with_a_localnet_port(vlan: int, tag: object) -> None:
    site = Site()
    site.create(VLAN, vlan={"physical_network": PROVIDER, "id": vlan}, cidr="10.2.0.0/24")
    rows = site.rows()
    port = RowKey("Logical_Switch_Port", f"{VLAN}/vlan")
    assert rows.keys() == {RowKey("Logical_Switch", VLAN), port}
    assert rows[port]["options"] == {"network_name": PROVIDER}
    assert (rows[port]["type"], rows[port]["addresses"], rows[port]["tag"]) == ("localnet", {"unknown"}, tag)


def test_a_vlan_subnet_with_a_gateway_serves_dhcp_without_an_mtu_of_ours() -> None:
    site = Site()
    site.create(VLAN, **ON_VLAN, cidr="10.2.0.0/24", gateway="10.2.0.1")
    options = site.rows()[RowKey("DHCP_Options", f"{VLAN}/v4")]["options"]
    assert (options["router"], "mtu" in options) == ("10.2.0.1", False)


def test_an_external_subnet_serves_no_dhcp() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    assert not [key for key in site.rows() if key.table == "DHCP_Options"]


def test_each_subnet_is_translated_at_each_nat_attachment_only() -> None:
    site = connected()
    site.create(OTHER, cidr="10.2.0.0/24")
    site.create(f"{VPC}/subnets/six", ipv6_cidr="fd00::/64")
    gateway = RowKey("Logical_Router_Port", f"{VPC}/external/internet")
    rows = site.rows()
    translations = {key.name: row for key, row in rows.items() if key.table == "NAT"}
    assert translations.keys() == {f"{SUBNET}/snat/internet", f"{OTHER}/snat/internet"}
    assert translations[f"{SUBNET}/snat/internet"] == {
        "type": "snat",
        "external_ip": site.message(VPC).external_subnets["internet"].snat_ips[0],
        "logical_ip": "10.1.0.0/24",
        "external_mac": EMPTY,
        "logical_port": EMPTY,
        "gateway_port": frozenset({gateway}),
        "options": {},
    }
    assert rows[RowKey("Logical_Router", VPC)]["nat"] == {RowKey("NAT", name) for name in translations}


def test_a_subnet_of_a_vpc_that_is_gone_yields_nothing() -> None:
    site = simple()
    world = site.world.replace(site.get(VPC), None)
    assert yielded(site.get(SUBNET), world) == {}


def test_a_vlan_that_no_host_is_connected_to_says_so() -> None:
    site = Site()
    site.create(VLAN, **ON_VLAN, cidr="10.2.0.0/24")
    assert PROVIDER in site.conditions(VLAN)["NO_HOST_ON_NETWORK"]
    site.register("h1", PROVIDER)
    site.update("hosts/h1", drain=True)
    assert site.conditions(VLAN) == {}


def test_the_ranges_that_a_site_keeps_to_itself_are_configurable() -> None:
    moved = World(reserved=reserved_ranges("10.255.0.0/24", "169.254.0.0/16"))
    subnet = Subnet(
        "projects/p/vpcs/v/subnets/s", cidr=parse_prefix("10.255.0.0/25"), gateway=parse_address("10.255.0.1").value
    )
    assert [v.reason for v in KIND.validate(subnet, moved)] == ["RESERVED_RANGE"]
    assert list(KIND.validate(subnet, World())) == []
