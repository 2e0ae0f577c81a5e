"""What is missing though everything that is there is valid: a condition says so, with how much it matters."""

from __future__ import annotations

from kind_site import INTERNET, INTERNET_FIELDS, PROVIDER, SUBNET, VPC, Seen, Site

from headgate_controller.world import Pool

ROUTE = f"{VPC}/routes/r"
FIP = "projects/p/floatingIps/f"


def attached() -> Site:
    site = Site()
    site.register("h1", PROVIDER)
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    return site


def test_a_vpc_that_is_attached_and_has_no_route_there_says_so_until_it_has() -> None:
    site = attached()
    assert INTERNET in site.conditions(VPC)["NO_ROUTE_OUT"]
    assert site.severity(VPC, "NO_ROUTE_OUT") == "warning"
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    assert site.conditions(VPC) == {}


def test_a_route_by_an_address_of_the_external_subnet_leads_there_too() -> None:
    site = attached()
    site.create(SUBNET, cidr="10.1.0.0/24")
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"ip": "10.1.0.9"}])
    assert "NO_ROUTE_OUT" in site.conditions(VPC)
    site.update(ROUTE, next_hops=[{"ip": "203.0.113.77"}])
    assert site.conditions(VPC) == {}


def test_a_next_hop_that_nobody_is_says_so_until_a_port_has_the_address() -> None:
    site = attached()
    site.create(SUBNET, cidr="10.1.0.0/24", ipv6_cidr="fd00:1::/64")
    site.create(ROUTE, destination="192.0.2.0/24", next_hops=[{"ip": "10.1.0.9"}])
    six = f"{VPC}/routes/six"
    site.create(six, destination="fd00:2::/64", next_hops=[{"ip": "fd00:1::9"}])
    assert "10.1.0.9" in site.conditions(ROUTE)["NEXT_HOP_UNKNOWN"]
    assert "fd00:1::9" in site.conditions(six)["NEXT_HOP_UNKNOWN"]
    site.create(f"{SUBNET}/ports/appliance", ip="10.1.0.9", ipv6="fd00:1::9")
    assert (site.conditions(ROUTE), site.conditions(six)) == ({}, {})


def test_a_next_hop_beyond_the_platform_is_nobodys_business() -> None:
    site = attached()
    site.create(ROUTE, destination="192.0.2.0/24", next_hops=[{"ip": "203.0.113.77"}])
    assert site.conditions(ROUTE) == {}


def test_an_external_subnet_that_no_vpc_is_attached_to_says_so() -> None:
    site = Site()
    site.register("h1", PROVIDER)
    site.create(INTERNET, **INTERNET_FIELDS)
    assert site.severity(INTERNET, "UNUSED_EXTERNAL_SUBNET") == "info"
    site.create(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    assert site.conditions(INTERNET) == {}


def test_a_floating_ip_without_a_port_says_so() -> None:
    site = attached()
    site.create(SUBNET, cidr="10.1.0.0/24")
    port = site.create(f"{SUBNET}/ports/a")
    site.create(FIP, external_subnet=INTERNET)
    assert site.severity(FIP, "NO_PORT") == "info"
    site.update(FIP, port=port.name)
    assert site.conditions(FIP) == {}


def test_a_subnet_says_when_it_runs_short_of_addresses_and_when_it_has_none() -> None:
    site = Site()
    site.create(VPC)
    pools = [{"start": "10.1.0.10", "end": "10.1.0.19"}, {"start": "10.1.0.30", "end": "10.1.0.39"}]
    site.create(SUBNET, cidr="10.1.0.0/24", pools=pools)
    for number in range(18):
        site.create(f"{SUBNET}/ports/p{number}")
    assert site.conditions(SUBNET) == {}, "two of twenty are a tenth"
    site.create(f"{SUBNET}/ports/p18")
    assert site.conditions(SUBNET)["ADDRESSES_LOW"].startswith("1 of 20 addresses are free")
    site.create(f"{SUBNET}/ports/p19")
    assert site.conditions(SUBNET)["ADDRESSES_EXHAUSTED"].startswith("All 20 addresses are taken")
    site.delete(f"{SUBNET}/ports/p3")
    assert list(site.conditions(SUBNET)) == ["ADDRESSES_LOW"]


def test_an_address_outside_of_the_pools_does_not_count() -> None:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24", pools=[{"start": "10.1.0.10", "end": "10.1.0.10"}])
    site.create(f"{SUBNET}/ports/outside", ip="10.1.0.200")
    assert site.conditions(SUBNET) == {}


def test_counting_what_is_taken_is_exact_at_the_edges_of_chunks() -> None:
    pool = Pool()
    for number in (4094, 4095, 4096, 8191, 8192):
        pool = pool.flip(number)
    assert [pool.count(*ends) for ends in ((0, 4095), (4095, 4096), (4096, 8191), (8192, 8192), (9000, 1 << 32))] == [
        *(2, 2, 2, 1, 0)
    ]


def test_a_port_that_only_a_host_without_its_network_may_bind_says_so() -> None:
    site = Site()
    site.register("h1", "storage")
    vlan = "projects/p/subnets/lan"
    site.create(vlan, cidr="10.7.0.0/24", gateway="10.7.0.1", vlan={"physical_network": PROVIDER, "id": 7})
    site.create(f"{vlan}/ports/a", host="hosts/h1")
    assert "hosts/h1" in site.conditions(f"{vlan}/ports/a")["HOST_NOT_ON_NETWORK"]
    assert site.severity(f"{vlan}/ports/a", "HOST_NOT_ON_NETWORK") == "error"
    site.register("h1", PROVIDER)
    assert site.conditions(f"{vlan}/ports/a") == {}


def test_a_physical_network_that_no_subnet_is_on_is_told_where_it_is_written() -> None:
    site = Site()
    site.register("h1", "provder")
    assert "'provder'" in site.conditions("hosts/h1")["NETWORK_UNUSED"]
    assert site.severity("hosts/h1", "NETWORK_UNUSED") == "info"


def test_a_port_shows_where_it_is_plugged() -> None:
    site = attached()
    site.create(SUBNET, cidr="10.1.0.0/24")
    port = site.create(f"{SUBNET}/ports/a")
    assert site.seen(port.name, Seen()).bound_host == ""
    assert site.seen(port.name, Seen(places={port.iface_id: "h1"})).bound_host == "hosts/h1"


def test_a_vpc_shows_which_host_carries_each_attachment() -> None:
    site = attached()
    assert dict(site.seen(VPC, Seen()).active_gateways) == {}
    carried = Seen(places={f"cr-{VPC}/external/internet": "h1"})
    assert dict(site.seen(VPC, carried).active_gateways) == {"internet": "hosts/h1"}
