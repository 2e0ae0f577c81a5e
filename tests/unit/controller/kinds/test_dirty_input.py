"""What OVN accepts though it breaks: each row of that list that these kinds could ask for is refused, or cannot be
compiled. `row_audit.audit` checks the same of whatever random histories lead to.

Source: each effect was seen on OVN 23.03.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import row_audit
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
    simple,
)
from row_audit import audit, one

from headgate_common.rows import EMPTY, RowKey
from headgate_controller import pools
from headgate_controller.addresses import parse_address
from headgate_controller.nouns.subnet import Vlan

PORT, FIP, ROUTE, PARTNER = f"{SUBNET}/ports/a", "projects/p/floatingIps/f", f"{VPC}/routes/r", "projects/p/subnets/x"
EXTERNAL = RowKey("Logical_Router_Port", f"{VPC}/external/internet")


def full() -> Site:
    """Return a site with everything in it."""
    site = connected()
    site.create(PARTNER, **ROUTED_FIELDS)
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}, "partner": {"subnet": PARTNER}})
    site.create(f"{VPC}/subnets/t", cidr="10.2.0.0/24", ipv6_cidr="fd00:2::/64", domain_name="shop.local")
    site.create(PORT)
    site.create(f"{VPC}/subnets/t/ports/a", host="hosts/h1")
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    site.create(f"{VPC}/routes/six", destination="::/0", next_hops=[{"ip": "fd00:2::9"}])
    site.create("projects/q/vpcs/v", external_subnets={"internet": {"subnet": INTERNET}})
    site.create("projects/q/vpcs/v/subnets/s", cidr="10.1.0.0/24")
    site.create("projects/q/subnets/lan", vlan={"physical_network": PROVIDER, "id": 7}, cidr="10.7.0.0/24")
    site.create("projects/q/subnets/lan/ports/a")
    return site


def without(site: Site, name: str) -> Any:
    return rows_of(site.world.replace(site.get(name), None))


def of_table(rows: Any, table: str) -> list[Any]:
    return [row for key, row in rows.items() if key.table == table]


def test_a_site_with_everything_passes_the_audit() -> None:
    rows = full().rows()
    assert {key.table for key in rows} == row_audit.TABLES
    audit(rows)


# --- floating IPs and NAT ---------------------------------------------------------------------------------------------


def test_a_floating_ip_never_names_a_logical_port_that_could_be_missing_or_anothers() -> None:
    assert all(row["logical_port"] == row["external_mac"] == EMPTY for row in of_table(full().rows(), "NAT"))


def test_a_floating_ip_of_a_port_that_does_not_exist_is_refused_and_has_no_row_if_the_port_goes() -> None:
    site = full()
    attempt = later(site.create, "projects/p/floatingIps/g", external_subnet=INTERNET, port=f"{SUBNET}/ports/none")
    assert faults(attempt) == [("port", "REFERENCE_NOT_FOUND")]
    assert RowKey("NAT", FIP) not in without(site, PORT)


def test_two_floating_ips_with_one_address_are_refused() -> None:
    site = full()
    attempt = later(site.create, "projects/p/floatingIps/g", external_subnet=INTERNET, ip=site.message(FIP).ip)
    assert faults(attempt) == [("ip", "ADDRESS_IN_USE")]


def test_two_source_translations_of_one_prefix_at_one_gateway_cannot_be_compiled() -> None:
    site = full()
    second = {"vlan": {"physical_network": PROVIDER, "id": 9}, "cidr": "192.0.2.0/24", "gateway": "192.0.2.1"}
    site.create("projects/p/subnets/y", **INTERNET_FIELDS | second)
    attached = {key: {"subnet": subnet} for key, subnet in (("internet", INTERNET), ("y", "projects/p/subnets/y"))}
    site.update(VPC, external_subnets=attached)
    rows = site.rows()
    gateways = [row["gateway_port"] for row in of_table(rows, "NAT") if row["logical_ip"] == "10.1.0.0/24"]
    assert frozenset({EXTERNAL}) in gateways
    audit(rows)


def test_two_floating_ips_of_one_port_at_one_gateway_are_refused() -> None:
    attempt = later(full().create, "projects/p/floatingIps/g", external_subnet=INTERNET, port=PORT)
    assert faults(attempt) == [("port", "PORT_HAS_FLOATING_IP")]


def test_a_translation_to_an_address_in_no_connected_network_cannot_be_compiled() -> None:
    site = full()
    assert faults(later(site.create, "projects/p/floatingIps/g", external_subnet=INTERNET, ip="192.0.2.9")) == [
        ("ip", "OUTSIDE_RANGE")
    ]
    site.update(VPC, external_subnets={"partner": {"subnet": PARTNER}})
    routers = of_table(site.rows(), "Logical_Router")
    assert next(row["nat"] for row in routers if row["name"] == VPC) == EMPTY


def test_a_floating_ip_that_is_the_routers_own_address_is_refused() -> None:
    site = full()
    own = site.message(VPC).external_subnets["internet"].router_ips[0]
    attempt = later(site.create, "projects/p/floatingIps/g", external_subnet=INTERNET, ip=own)
    assert faults(attempt) == [("ip", "ADDRESS_IN_USE")]


def test_translations_on_a_router_without_a_gateway_cannot_be_compiled() -> None:
    site = full()
    for host in ("h1", "h2"):
        site.register(host)
    assert not of_table(site.rows(), "NAT")


def test_a_translation_to_what_is_no_address_is_refused() -> None:
    attempt = later(full().create, "projects/p/floatingIps/g", external_subnet=INTERNET, ip="203.0.113.9, 1.2.3.4")
    assert faults(attempt) == [("ip", "BAD_FORMAT")]


def test_a_translation_goes_with_its_gateway_port_and_never_stays_without() -> None:
    site = full()
    rows = without(site, INTERNET)
    assert EXTERNAL not in rows
    assert all(row["gateway_port"] != {EXTERNAL} for row in of_table(rows, "NAT"))


# --- routes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hop", ["192.0.2.9", "203.0.114.1"])
def test_a_next_hop_in_no_connected_network_is_refused(hop: str) -> None:
    attempt = later(full().create, f"{VPC}/routes/z", destination="10.9.0.0/16", next_hops=[{"ip": hop}])
    assert faults(attempt) == [("next_hops[0].ip", "NOT_CONNECTED")]


def test_a_next_hop_that_is_no_longer_connected_is_never_installed_with_an_output_port() -> None:
    site = full()
    site.create(f"{VPC}/routes/z", destination="10.9.0.0/16", next_hops=[{"ip": "203.0.113.77"}])
    site.update(VPC, external_subnets={"partner": {"subnet": PARTNER}})
    assert [row["nexthop"] for row in of_table(site.rows(), "Logical_Router_Static_Route")] == ["fd00:2::9"]


def test_a_next_hop_that_is_the_routers_own_address_is_refused() -> None:
    site = full()
    for own in ("10.1.0.1", site.message(VPC).external_subnets["internet"].router_ips[0]):
        attempt = later(site.create, f"{VPC}/routes/z", destination="10.9.0.0/16", next_hops=[{"ip": own}])
        assert faults(attempt) == [("next_hops[0].ip", "NEXT_HOP_IS_SELF")]


def test_a_next_hop_that_becomes_the_routers_own_address_yields_no_row() -> None:
    site = simple()
    site.register("h1", PROVIDER)
    site.create(INTERNET, **INTERNET_FIELDS)
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    site.create(f"{VPC}/routes/z", destination="10.9.0.0/16", next_hops=[{"ip": "203.0.113.3"}])
    site.update(VPC, ["external_subnets"])
    site.create("projects/q/vpcs/first", external_subnets={"internet": {"subnet": INTERNET}})
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    assert list(site.message(VPC).external_subnets["internet"].router_ips) == ["203.0.113.3"]
    rows = site.rows()
    assert not of_table(rows, "Logical_Router_Static_Route")
    assert "cannot be reached" in site.conditions(f"{VPC}/routes/z")["NEXT_HOP_UNREACHABLE"]
    audit(rows)


@pytest.mark.parametrize("gone", [INTERNET, f"{VPC}/subnets/t"])
def test_a_route_goes_with_its_output_port_and_never_names_one_that_is_missing(gone: str) -> None:
    rows = without(full(), gone)
    names = {row["name"] for row in of_table(rows, "Logical_Router_Port")}
    routes = of_table(rows, "Logical_Router_Static_Route")
    assert len(routes) == 1
    assert all(one(row["output_port"]) in names for row in routes)


@pytest.mark.parametrize("prefix", ["10.9.0.0/33", "10.9.0.1/16", "all", "10.9.0.0/16 "])
def test_a_bad_prefix_is_refused(prefix: str) -> None:
    attempt = later(full().create, f"{VPC}/routes/z", destination=prefix, next_hops=[{"ip": "10.1.0.9"}])
    assert faults(attempt) == [("destination", "BAD_FORMAT")]


def test_an_ipv4_route_to_an_ipv6_next_hop_is_refused() -> None:
    attempt = later(full().create, f"{VPC}/routes/z", destination="10.9.0.0/16", next_hops=[{"ip": "fd00:2::9"}])
    assert faults(attempt) == [("next_hops[0].ip", "WRONG_FAMILY")]


# --- gateways ---------------------------------------------------------------------------------------------------------


def test_a_group_of_no_hosts_cannot_be_compiled() -> None:
    site = full()
    for host in ("h1", "h2"):
        site.register(host)
    rows = site.rows()
    assert not of_table(rows, "HA_Chassis_Group")
    audit(rows)


def test_a_group_of_hosts_that_do_not_exist_cannot_be_compiled() -> None:
    site = full()
    site.create("hosts/planned")
    site.update(
        VPC, ["external_subnets"], external_subnets={"internet": {"subnet": INTERNET, "gateway_hosts": ["hosts/x"]}}
    )
    assert {row["chassis_name"] for row in of_table(site.rows(), "HA_Chassis")} == {"h1", "h2"}


def test_equal_priorities_cannot_be_compiled() -> None:
    site = full()
    for number in range(3, 9):
        site.register(f"h{number}", PROVIDER)
    audit(site.rows())


# --- router ports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cidr", ["10.1.0.0/24", "10.1.0.0/25", "10.0.0.0/8", "203.0.113.64/26"])
def test_overlapping_networks_on_one_router_are_refused(cidr: str) -> None:
    assert faults(later(connected().create, f"{VPC}/subnets/z", cidr=cidr))[-1] == ("cidr", "CIDR_OVERLAP")


def test_the_same_ethernet_address_twice_on_one_router_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "mac_candidate", lambda _seed, attempt: f"0a:00:00:00:00:{attempt:02x}")
    rows = full().rows()
    router = rows[RowKey("Logical_Router", VPC)]
    assert len({rows[key]["mac"] for key in router["ports"]}) == len(router["ports"]) == 4
    audit(rows)


@pytest.mark.parametrize("cidr", ["10.3.0.0/33", "10.3.0.5/24"])
def test_a_network_of_impossible_length_or_with_host_bits_is_refused(cidr: str) -> None:
    assert faults(later(full().create, f"{VPC}/subnets/z", cidr=cidr)) == [("cidr", "BAD_FORMAT")]


def test_a_router_port_whose_host_part_is_zero_is_refused() -> None:
    attempt = later(full().create, f"{VPC}/subnets/z", cidr="10.3.0.0/24", gateway="10.3.0.0")
    assert faults(attempt) == [("gateway", "RESERVED_ADDRESS")]


def test_two_routers_never_have_one_address_on_an_external_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "mac_candidate", lambda _seed, attempt: f"0a:00:00:00:00:{attempt:02x}")
    rows = full().rows()
    ports = [rows[EXTERNAL], rows[RowKey("Logical_Router_Port", "projects/q/vpcs/v/external/internet")]]
    assert len({port["mac"] for port in ports}) == 2
    assert not ports[0]["networks"] & ports[1]["networks"]


def test_a_router_on_an_external_net_without_a_group_of_hosts_cannot_be_compiled() -> None:
    rows = full().rows()
    outside = [row for row in of_table(rows, "Logical_Router_Port") if "/external/" in row["name"]]
    assert len(outside) == 3
    assert all(row["ha_chassis_group"] for row in outside)


@pytest.mark.parametrize("gone", [VPC, SUBNET, INTERNET])
def test_a_switch_port_and_its_router_port_never_go_one_without_the_other(gone: str) -> None:
    rows = without(full(), gone)
    ports = {row["name"] for row in of_table(rows, "Logical_Router_Port")}
    peers = [row["options"]["router-port"] for row in of_table(rows, "Logical_Switch_Port") if row["type"] == "router"]
    assert sorted(peers) == sorted(ports)


# --- switch ports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ip": "10.1.0.2"}, ("ip", "ADDRESS_IN_USE")),
        ({"ip": "10.1.0.1"}, ("ip", "RESERVED_ADDRESS")),
        ({"ip": "10.2.0.9"}, ("ip", "OUTSIDE_RANGE")),
        ({"ip": "10.1.0.9 10.1.0.10"}, ("ip", "BAD_FORMAT")),
        ({"mac": "0a:00:00:00:00:09 10.1.0.9"}, ("mac", "BAD_FORMAT")),
        ({"mac": "unknown"}, ("mac", "BAD_FORMAT")),
    ],
)
def test_a_port_with_an_address_of_another_the_gateway_outside_or_garbage_is_refused(
    fields: dict[str, str], expected: tuple[str, str]
) -> None:
    assert faults(later(full().create, f"{SUBNET}/ports/b", **fields)) == [expected]


def test_two_ports_with_one_ethernet_address_on_a_switch_are_refused() -> None:
    site = full()
    attempt = later(site.create, f"{SUBNET}/ports/b", mac=site.get(PORT).mac)
    assert faults(attempt) == [("mac", "MAC_IN_USE")]


def test_a_port_is_in_one_switch_only() -> None:
    rows = full().rows()
    held = [key for row in of_table(rows, "Logical_Switch") for key in row["ports"]]
    assert sorted(held) == sorted(key for key in rows if key.table == "Logical_Switch_Port")


def test_two_switches_with_one_name_cannot_be_compiled() -> None:
    names = [row["name"] for row in of_table(full().rows(), "Logical_Switch")]
    assert len(names) == len(set(names)) == 6


def test_a_second_localnet_with_the_same_tag_is_refused() -> None:
    attempt = later(
        full().create, "projects/z/subnets/z", vlan={"physical_network": PROVIDER, "id": 7}, cidr="10.8.0.0/24"
    )
    assert faults(attempt) == [("vlan", "VLAN_IN_USE")]


def test_a_physical_network_that_no_host_maps_is_reported() -> None:
    site = full()
    site.create("projects/z/subnets/z", vlan={"physical_network": "typo", "id": 7}, cidr="10.8.0.0/24")
    assert "'typo'" in site.conditions("projects/z/subnets/z")["NO_HOST_ON_NETWORK"]


# --- DHCP and order ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{"domain_name": 'a"b'}, {"domain_name": "a b"}, {"domain_name": "a;b"}, {"dns_servers": ["{10.1.0.2}"]}],
    ids=str,
)
def test_dhcp_options_that_ovn_could_not_parse_are_refused(fields: dict[str, Any]) -> None:
    found = faults(later(simple().update, SUBNET, **fields))
    assert [reason for _, reason in found] == ["BAD_FORMAT"]


def test_domain_names_are_quoted_inside_for_both_families() -> None:
    options = [row["options"] for row in of_table(full().rows(), "DHCP_Options")]
    assert {'"shop.local"'} == {o[k] for o in options for k in ("domain_name", "domain_search") if k in o}


@pytest.mark.parametrize("gone", [VPC, SUBNET, f"{VPC}/subnets/t", INTERNET, PARTNER, PORT, "hosts/h1", "hosts/h2"])
def test_whatever_goes_first_no_reference_dangles_and_others_are_unharmed(gone: str) -> None:
    site = full()
    before, after = site.rows(), without(site, gone)
    unharmed = {key for key in before if key.name.startswith("projects/q/vpcs/v/subnets/")}
    assert unharmed <= after.keys() | {key for key in unharmed if key.table == "NAT" and gone == INTERNET}


# --- the audit itself -------------------------------------------------------------------------------------------------

BROKEN = {
    "a next hop outside": ("Logical_Router_Static_Route", {"nexthop": "192.0.2.9"}),
    "an output port that is missing": ("Logical_Router_Static_Route", {"output_port": frozenset({"nowhere"})}),
    "the router's own address as floating IP": ("NAT", {"external_ip": "203.0.113.2", "type": "dnat_and_snat"}),
    "a translation outside": ("NAT", {"external_ip": "192.0.2.9"}),
    "equal priorities": ("HA_Chassis", {"priority": 100}),
    "one Ethernet address": ("Logical_Router_Port", {"mac": "0a:00:00:00:00:01"}),
    "one network": ("Logical_Router_Port", {"networks": frozenset({"10.1.0.1/24"})}),
    "no host part": ("Logical_Router_Port", {"networks": frozenset({"10.200.0.0/24"})}),
    "an unquoted domain": ("DHCP_Options", {"options": {"domain_search": "shop.local"}}),
    "a switch's name twice": ("Logical_Switch", {"name": "same"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_audit_finds(case: str) -> None:
    table, columns = BROKEN[case]
    rows = full().rows()
    for key in [key for key in rows if key.table == table]:
        rows[key] = {**rows[key], **columns}
    with pytest.raises((AssertionError, KeyError)):
        audit(rows)


def test_doctored_nouns_prove_that_the_compiler_alone_refuses_what_is_no_neighbour() -> None:
    site = full()
    route = site.get(ROUTE)
    for hop in ("203.0.113.2", "203.0.113.0", "203.0.113.255", "192.0.2.1", "10.1.0.1"):
        doctored = replace(route, next_hops=(replace(route.next_hops[0], external_subnet=None, ip=parse_address(hop)),))
        rows = rows_of(site.world.replace(route, doctored))
        assert not [key for key in rows if key.name.startswith(ROUTE)]
        audit(rows)


def test_an_untagged_vlan_is_one_subnet_too() -> None:
    site = Site()
    site.create("projects/z/subnets/a", vlan={"physical_network": PROVIDER, "id": 0}, cidr="10.8.0.0/24")
    assert site.get("projects/z/subnets/a").vlan == Vlan(PROVIDER, 0)
    untagged = {"physical_network": PROVIDER, "id": 0}
    attempt = later(site.create, "projects/z/subnets/b", vlan=untagged, cidr="10.9.0.0/24")
    assert faults(attempt) == [("vlan", "VLAN_IN_USE")]
    attempt = later(site.create, "projects/z/subnets/b", vlan={"physical_network": PROVIDER}, cidr="10.9.0.0/24")
    assert faults(attempt) == [("vlan.id", "REQUIRED")], "untagged is said, not left out"
