"""VPCs: attachments to external subnets, their addresses and gateway hosts, and the router that they become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_site import (
    INTERNET,
    INTERNET_FIELDS,
    PROVIDER,
    ROUTED_FIELDS,
    SUBNET,
    VPC,
    Seen,
    Site,
    connected,
    faults,
    later,
    rows_of,
    simple,
    words,
    yielded,
)

from headgate_common.rows import EMPTY, RowKey

OTHER, PARTNER = "projects/p/vpcs/w", "projects/p/subnets/partner"
PORT = RowKey("Logical_Router_Port", f"{VPC}/external/internet")


def attach(**subnets: str) -> dict[str, Any]:
    return {"external_subnets": {key: {"subnet": subnet} for key, subnet in subnets.items()}}


def attachment(site: Site, vpc: str = VPC, key: str = "internet") -> Any:
    return site.message(vpc).external_subnets[key]


def test_an_attachment_to_a_subnet_that_is_not_external_is_refused() -> None:
    site = simple()
    attempt = later(site.create, OTHER, **attach(a=SUBNET))
    assert faults(attempt) == [("external_subnets[a].subnet", "NOT_EXTERNAL")]
    assert "attach one that has `external` set" in words(attempt, "external_subnets[a].subnet")


def test_an_attachment_to_a_subnet_that_is_not_there_is_refused() -> None:
    attempt = later(Site().create, VPC, **attach(a=INTERNET))
    assert faults(attempt) == [("external_subnets[a].subnet", "REFERENCE_NOT_FOUND")]
    assert INTERNET in words(attempt, "external_subnets[a].subnet")


def test_a_subnet_is_attached_once_at_most() -> None:
    attempt = later(connected().update, VPC, **attach(internet=INTERNET, z=INTERNET))
    assert faults(attempt) == [("external_subnets[z].subnet", "ATTACHED_TWICE")]
    assert "'internet'" in words(attempt, "external_subnets[z].subnet")


def test_attaching_what_overlaps_a_subnet_of_the_vpc_is_refused() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC)
    site.create(SUBNET, cidr="203.0.112.0/20")
    attempt = later(site.update, VPC, **attach(a=INTERNET))
    assert faults(attempt) == [("external_subnets[a].subnet", "CIDR_OVERLAP")]
    assert f"203.0.113.0/24 overlaps 203.0.112.0/20 of {SUBNET}" in words(attempt, "external_subnets[a].subnet")


def test_attaching_two_external_subnets_that_overlap_is_refused() -> None:
    site = connected()
    site.create(PARTNER, **{**ROUTED_FIELDS, "cidr": "203.0.113.128/25", "gateway": "203.0.113.129"})
    attempt = later(site.update, VPC, **attach(internet=INTERNET, partner=PARTNER))
    assert faults(attempt) == [
        ("external_subnets[internet].subnet", "CIDR_OVERLAP"),
        ("external_subnets[partner].subnet", "CIDR_OVERLAP"),
    ]


def test_attaching_what_a_route_leads_elsewhere_is_refused_naming_the_route() -> None:
    site = simple()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(f"{VPC}/routes/r", destination="203.0.113.0/24", next_hops=[{"ip": "10.1.0.9"}])
    attempt = later(site.update, VPC, **attach(a=INTERNET))
    assert faults(attempt) == [("external_subnets[a].subnet", "CIDR_ROUTED")]
    assert f"{VPC}/routes/r" in words(attempt, "external_subnets[a].subnet")


def test_an_exhausted_external_subnet_is_refused_with_the_fix() -> None:
    site = Site()
    pool = [{"start": "203.0.113.9", "end": "203.0.113.9"}]
    site.create(INTERNET, **INTERNET_FIELDS, pools=pool)
    site.create(VPC, **attach(a=INTERNET))
    attempt = later(site.create, OTHER, **attach(a=INTERNET))
    assert faults(attempt) == [("external_subnets[a].subnet", "POOL_EXHAUSTED")]
    assert "widen its pools" in words(attempt, "external_subnets[a].subnet")


def test_bad_keys_are_refused() -> None:
    site = connected()
    assert faults(later(site.update, VPC, **attach(**{"Bad/Key": INTERNET}))) == [("external_subnets", "BAD_KEY")]


def test_nat_attachments_translate_to_their_router_address_and_routed_ones_do_not() -> None:
    site = connected()
    site.create(PARTNER, **ROUTED_FIELDS)
    site.update(VPC, **attach(internet=INTERNET, partner=PARTNER))
    internet, partner = attachment(site), attachment(site, key="partner")
    assert list(internet.router_ips) == list(internet.snat_ips) == ["203.0.113.2"]
    assert (list(partner.router_ips), list(partner.snat_ips)) == (["198.51.100.2"], [])
    assert internet.router_mac != partner.router_mac


def test_an_attachment_keeps_its_addresses_whatever_its_key_and_whoever_comes_or_goes() -> None:
    site = connected()
    site.create(OTHER, **attach(internet=INTERNET))
    before = attachment(site, OTHER)
    site.update(VPC, ["external_subnets"])
    site.create(PARTNER, **ROUTED_FIELDS)
    site.update(OTHER, **attach(renamed=INTERNET, partner=PARTNER), description="moved")
    assert attachment(site, OTHER, "renamed") == before


def test_a_detached_vpc_gives_its_address_back() -> None:
    site = connected()
    site.update(VPC, ["external_subnets"])
    site.create(OTHER, **attach(internet=INTERNET))
    assert list(attachment(site, OTHER).router_ips) == ["203.0.113.2"]


def test_addresses_that_clients_send_for_outputs_are_ignored() -> None:
    site = connected()
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET, "router_ips": ["203.0.113.77"]}})
    assert list(attachment(site).router_ips) == ["203.0.113.2"]


# --- gateway hosts ----------------------------------------------------------------------------------------------------


def gateways(site: Site) -> list[str]:
    return [name.removeprefix("hosts/") for name in attachment(site).gateway_hosts]


def test_only_hosts_on_the_physical_network_carry_gateways() -> None:
    site = connected()
    site.register("h3", "storage")
    site.create("hosts/h4")
    assert sorted(gateways(site)) == ["h1", "h2"]


def test_a_new_host_moves_no_gateway() -> None:
    site = connected()
    for number in range(3, 12):
        before = gateways(site)
        site.register(f"h{number}", PROVIDER)
        assert gateways(site)[: len(before)] == before


def test_not_more_than_five_hosts_are_in_an_order() -> None:
    site = connected()
    for number in range(3, 12):
        site.register(f"h{number}", PROVIDER)
    assert len(gateways(site)) == 5


def test_a_draining_host_comes_last_and_stays_there_when_it_returns() -> None:
    site = connected()
    first, second = gateways(site)
    site.update(f"hosts/{first}", drain=True)
    assert gateways(site) == [second, first]
    site.update(f"hosts/{first}", drain=False)
    assert gateways(site) == [second, first]


def test_a_gateway_stays_on_the_only_host_though_it_drains_and_the_vpc_says_so() -> None:
    site = connected()
    for host in ("h1", "h2"):
        site.update(f"hosts/{host}", drain=True)
    assert len(gateways(site)) == 2
    assert "drains" in site.conditions(VPC)["NO_GATEWAY_HOST"]


def test_a_draining_host_gets_no_new_gateway() -> None:
    site = connected()
    site.update("hosts/h1", drain=True)
    site.create(OTHER, **attach(internet=INTERNET))
    assert list(attachment(site, OTHER).gateway_hosts) == ["hosts/h2"]


def test_a_host_without_a_link_to_the_network_comes_last_and_stays_there_when_it_is_back() -> None:
    site = connected()
    first, second = gateways(site)
    site.register(first, PROVIDER, down=(PROVIDER,))
    assert gateways(site) == [second, first]
    site.register(first, PROVIDER, down=())
    assert gateways(site) == [second, first], "its return moves nothing"


def test_a_link_that_is_lost_moves_only_the_gateways_that_need_it() -> None:
    site = connected()
    before = gateways(site)
    site.register("h1", PROVIDER, "storage", down=("storage",))
    site.register("h2", PROVIDER, "storage", down=("storage",))
    assert gateways(site) == before


def test_a_gateway_stays_where_it_is_if_no_host_has_a_link_and_the_vpc_says_so() -> None:
    site = connected()
    before = gateways(site)
    for host in reversed(before):
        site.register(host, PROVIDER, down=(PROVIDER,))
    assert gateways(site) == before
    assert "no link" in site.conditions(VPC)["NO_GATEWAY_HOST"]


def test_a_host_that_is_not_gateway_capable_carries_nothing() -> None:
    site = connected()
    first, second = gateways(site)
    site.update(f"hosts/{first}", gateway_capable=False)
    assert gateways(site) == [second]
    site.update(f"hosts/{second}", gateway_capable=False)
    assert gateways(site) == []
    assert PORT not in site.rows()
    assert "gateway_capable" in site.conditions(VPC)["NO_GATEWAY_HOST"]
    site.update(f"hosts/{second}", ["gateway_capable"])
    assert gateways(site) == [second]


@pytest.mark.parametrize("leave", [{"gateway_capable": False}, None])
def test_a_draining_host_that_leaves_altogether_is_in_no_order_any_more(leave: dict[str, bool] | None) -> None:
    site = connected()
    site.update("hosts/h1", drain=True)
    assert gateways(site) == ["h2", "h1"]
    if leave is None:
        site.delete("hosts/h1")
    else:
        site.update("hosts/h1", **leave)
    assert gateways(site) == ["h2"]


# --- zones ------------------------------------------------------------------------------------------------------------


def test_a_vpc_whose_span_crosses_zones_says_which_hosts_are_where() -> None:
    site = connected()
    site.register("h3", PROVIDER)
    site.register("h4", PROVIDER)
    for host, zone in {"h1": "north", "h2": "south", "h3": "north"}.items():
        site.update(f"hosts/{host}", zone=zone)

    def warning(*hosts: str) -> str | None:
        return site.remarks(VPC, Seen(spans={VPC: list(hosts)})).get("SPANS_ZONES")

    assert "(north: h1, h3; south: h2)" in str(warning("h1", "h2", "h3"))
    assert warning("h1", "h3") is None
    assert warning("h1", "h4", "elsewhere") is None, "of a host without a zone nobody knows that it is in another"
    site.update("hosts/h2", zone="north")
    assert warning("h1", "h2", "h3") is None


def test_a_deleted_host_carries_nothing() -> None:
    site = connected()
    site.delete("hosts/h1")
    assert gateways(site) == ["h2"]


def test_a_host_on_its_way_out_carries_nothing() -> None:
    site = connected()
    site.create(f"{SUBNET}/ports/a", host="hosts/h1")
    site.delete("hosts/h1", when_unreferenced=True)
    assert gateways(site) == ["h2"]
    site.delete(f"{SUBNET}/ports/a")
    assert "hosts/h1" not in site.world.resources


def test_a_host_that_leaves_the_physical_network_carries_nothing() -> None:
    site = connected()
    site.register("h1", "storage")
    assert gateways(site) == ["h2"]


def test_a_registration_that_says_nothing_new_changes_nothing() -> None:
    site = connected()
    revision = site.world.revision
    site.register("h1", PROVIDER)
    assert site.world.revision == revision


def test_gateways_move_without_a_new_generation() -> None:
    site = connected()
    before = site.get(VPC).meta
    site.update("hosts/h1", drain=True)
    site.update("hosts/h2", drain=True)
    after = site.get(VPC).meta
    assert after.generation == before.generation
    assert after.revision > before.revision


def test_gateways_of_many_vpcs_are_spread_over_hosts() -> None:
    site = connected()
    for number in range(40):
        site.create(f"projects/p/vpcs/many{number}", **attach(internet=INTERNET))
    first = [site.get(f"projects/p/vpcs/many{n}").external_subnets[0][1].gateway_hosts[0] for n in range(40)]
    assert 8 < first.count("hosts/h1") < 32


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["h1", "h2", "h3", "h4"]), st.sampled_from(["on", "off", "drain", "down"])),
        max_size=12,
    )
)
def test_a_gateway_moves_only_when_its_own_host_gives_it_up(history: list[tuple[str, str]]) -> None:
    site = connected()
    for host, event in history:
        before = gateways(site)
        if event == "drain" and f"hosts/{host}" in site.world.resources:
            site.update(f"hosts/{host}", drain=True)
        elif event != "drain":
            lost = {"down": (PROVIDER,), "on": ()}.get(event)
            site.register(host, *([PROVIDER] if event != "off" else []), down=lost)
        after = gateways(site)
        if before and before[0] != host:
            useless = not site.get(f"hosts/{before[0]}").carries(PROVIDER)
            assert after[0] == before[0] or useless, (history, before, after)


# --- rows -------------------------------------------------------------------------------------------------------------


def test_an_attachment_becomes_a_gateway_port_with_its_group_of_hosts() -> None:
    site = connected()
    given = attachment(site)
    group, peer = RowKey("HA_Chassis_Group", PORT.name), RowKey("Logical_Switch_Port", f"{PORT.name}/switch")
    rows = site.rows()
    assert rows[PORT] == {
        "name": PORT.name,
        "mac": given.router_mac,
        "networks": frozenset({"203.0.113.2/24"}),
        "ipv6_ra_configs": {},
        "options": {},
        "ha_chassis_group": frozenset({group}),
    }
    assert rows[peer]["type"] == "router"
    assert rows[peer]["options"] == {"router-port": PORT.name, "nat-addresses": "router"}
    assert peer in rows[RowKey("Logical_Switch", INTERNET)]["ports"]
    chassis = {rows[key]["chassis_name"]: rows[key]["priority"] for key in rows[group]["ha_chassis"]}
    assert [name for name, _ in sorted(chassis.items(), key=lambda item: -item[1])] == gateways(site)
    assert len(set(chassis.values())) == len(chassis)


def test_an_attachment_that_no_host_can_carry_yields_no_gateway_and_says_so() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC, **attach(internet=INTERNET))
    site.create(SUBNET, cidr="10.1.0.0/24")
    assert PORT not in site.rows()
    assert not [key for key in site.rows() if key.table in ("NAT", "HA_Chassis_Group", "HA_Chassis")]
    assert INTERNET in site.conditions(VPC)["NO_GATEWAY_HOST"]
    site.register("h1", PROVIDER)
    assert PORT in site.rows()
    assert "NO_GATEWAY_HOST" not in site.conditions(VPC)


def test_an_attachment_whose_subnet_is_gone_yields_the_router_only() -> None:
    site = connected()
    world = site.world.replace(site.get(INTERNET), None)
    assert yielded(site.get(VPC), world).keys() == {RowKey("Logical_Router", VPC)}
    assert PORT not in rows_of(world)


def test_a_vpc_without_attachments_is_a_router_that_forgets_neighbours() -> None:
    site = Site()
    site.create(VPC)
    assert site.rows() == {
        RowKey("Logical_Router", VPC): {
            "name": VPC,
            "options": {"mac_binding_age_threshold": "300"},
            "ports": EMPTY,
            "static_routes": EMPTY,
            "nat": EMPTY,
        }
    }
