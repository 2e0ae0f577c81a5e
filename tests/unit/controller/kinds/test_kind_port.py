"""Ports: addresses, requested and chosen, and the switch port that they become."""

from __future__ import annotations

import pytest
from immutables import Map
from kind_site import (
    INTERNET,
    INTERNET_FIELDS,
    PROVIDER,
    SUBNET,
    VPC,
    Site,
    calls,
    faults,
    later,
    rows_of,
    simple,
    units,
    words,
    yielded,
)

from headgate_common.rows import EMPTY, RowKey
from headgate_controller import pools
from headgate_controller.addresses import parse_prefix
from headgate_controller.compile import Compiler
from headgate_controller.nouns.subnet import Subnet
from headgate_controller.world import CHUNK, Pool, World

A, B, C = (f"{SUBNET}/ports/{name}" for name in "abc")

REFUSED = {
    "an address outside the subnet": ({"ip": "10.2.0.9"}, [("ip", "OUTSIDE_RANGE")], "10.1.0.0/24"),
    "the gateway": ({"ip": "10.1.0.1"}, [("ip", "RESERVED_ADDRESS")], "the gateway of"),
    "the network's address": ({"ip": "10.1.0.0"}, [("ip", "RESERVED_ADDRESS")], "the network's"),
    "the broadcast address": ({"ip": "10.1.0.255"}, [("ip", "RESERVED_ADDRESS")], "broadcast"),
    "an address that is none": ({"ip": "10.1.0.256"}, [("ip", "BAD_FORMAT")], "not an IPv4 address"),
    "an address of the other family": ({"ip": "fd00::9"}, [("ip", "BAD_FORMAT")], "not an IPv4 address"),
    "an empty address": ({"ip": ""}, [("ip", "BAD_FORMAT")], "not an IPv4 address"),
    "IPv6 where there is none": ({"ipv6": "fd00::9"}, [("ipv6", "RANGE_MISSING")], "leave it out"),
    "a MAC that is none": ({"mac": "0a:00"}, [("mac", "BAD_FORMAT")], "six pairs"),
    "a multicast MAC": ({"mac": "01:00:5e:00:00:01"}, [("mac", "BAD_FORMAT")], "multicast"),
    "a host that is not there": ({"host": "hosts/h9"}, [("host", "REFERENCE_NOT_FOUND")], "hosts/h9"),
    "a host that is no host": ({"host": VPC}, [("host", "BAD_REFERENCE")], "not the name of a host"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_port_is_refused_with(case: str) -> None:
    fields, expected, phrase = REFUSED[case]
    attempt = later(simple().create, A, **fields)
    assert faults(attempt) == expected
    assert phrase in words(attempt, expected[0][0])


def test_a_duplicate_address_is_refused_naming_the_holder() -> None:
    site = simple()
    site.create(A, ip="10.1.0.9")
    attempt = later(site.create, B, ip="10.1.0.9")
    assert faults(attempt) == [("ip", "ADDRESS_IN_USE")]
    assert words(attempt, "ip") == f"10.1.0.9 is the address of {A} already; choose another, or leave it out."


def test_a_duplicate_mac_is_refused_naming_the_holder() -> None:
    site = simple()
    site.create(A, mac="0a:00:00:00:00:09")
    attempt = later(site.create, B, mac="0A-00-00-00-00-09")
    assert faults(attempt) == [("mac", "MAC_IN_USE")]
    assert A in words(attempt, "mac")


def test_the_mac_of_the_gateway_is_refused() -> None:
    site = simple()
    assert faults(later(site.create, A, mac=site.get(SUBNET).gateway_mac)) == [("mac", "MAC_IN_USE")]


def test_the_same_mac_on_another_subnet_is_accepted() -> None:
    site = simple()
    site.create(f"{VPC}/subnets/t", cidr="10.2.0.0/24")
    site.create(A, mac="0a:00:00:00:00:09")
    assert faults(later(site.create, f"{VPC}/subnets/t/ports/a", mac="0a:00:00:00:00:09")) == []


def test_a_port_on_an_external_subnet_is_refused() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    assert faults(later(site.create, f"{INTERNET}/ports/a")) == [("parent", "SUBNET_IS_EXTERNAL")]


def test_an_exhausted_subnet_is_refused_with_the_fix() -> None:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/29")
    for name in "abcde":
        site.create(f"{SUBNET}/ports/{name}")
    attempt = later(site.create, f"{SUBNET}/ports/f")
    assert faults(attempt) == [("ip", "POOL_EXHAUSTED")]
    assert "widen its pools or release some" in words(attempt, "ip")


def test_all_faults_come_at_once() -> None:
    site = simple()
    site.create(A, mac="0a:00:00:00:00:09", ip="10.1.0.9")
    attempt = later(site.create, B, mac="0a:00:00:00:00:09", ip="10.1.0.9", ipv6="fd00::1", host="hosts/h9")
    assert faults(attempt) == [
        ("host", "REFERENCE_NOT_FOUND"),
        ("ip", "ADDRESS_IN_USE"),
        ("ipv6", "RANGE_MISSING"),
        ("mac", "MAC_IN_USE"),
    ]
    bad = {"ip": "x", "mac": "y", "vm": "z" * 256, "display_name": "d" * 256, "labels": {"BAD KEY": "v"}}
    assert [field for field, _ in faults(later(site.create, f"{SUBNET}/ports/B_", **bad))] == [
        "name",
        "ip",
        "mac",
        "vm",
        "display_name",
        "labels",
    ]


# --- what is chosen ---------------------------------------------------------------------------------------------------


def ip_of(site: Site, name: str) -> str:
    return str(site.message(name).ip)


def test_the_lowest_free_address_is_chosen_and_a_freed_one_comes_back() -> None:
    site = simple()
    for name in (A, B, C):
        site.create(name)
    assert [ip_of(site, name) for name in (A, B, C)] == ["10.1.0.2", "10.1.0.3", "10.1.0.4"]
    site.delete(A)
    assert ip_of(site, B) == "10.1.0.3"
    site.create(A)
    assert ip_of(site, A) == "10.1.0.2"


def test_a_requested_address_is_given_and_skipped_by_others() -> None:
    site = simple()
    site.create(A, ip="10.1.0.2")
    site.create(B)
    assert (ip_of(site, A), ip_of(site, B)) == ("10.1.0.2", "10.1.0.3")


def test_addresses_are_chosen_from_the_pools_in_order_and_requested_from_anywhere() -> None:
    site = Site()
    site.create(VPC)
    pools = [{"start": "10.1.0.20", "end": "10.1.0.20"}, {"start": "10.1.0.10", "end": "10.1.0.11"}]
    site.create(SUBNET, cidr="10.1.0.0/24", pools=pools)
    for name in (A, B, C):
        site.create(name)
    assert [ip_of(site, name) for name in (A, B, C)] == ["10.1.0.20", "10.1.0.10", "10.1.0.11"]
    assert faults(later(site.create, f"{SUBNET}/ports/d")) == [("ip", "POOL_EXHAUSTED")]
    assert faults(later(site.create, f"{SUBNET}/ports/d", ip="10.1.0.99")) == []


def test_a_pool_that_holds_the_gateway_never_gives_it_away() -> None:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24", pools=[{"start": "10.1.0.0", "end": "10.1.0.2"}])
    site.create(A)
    assert ip_of(site, A) == "10.1.0.2"


def test_dual_stack_ports_get_an_address_of_each_family() -> None:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24", ipv6_cidr="2001:db8::/64")
    site.create(A)
    site.create(B, ipv6="2001:DB8:0::3")
    site.create(C)
    assert [site.message(name).ipv6 for name in (A, B, C)] == ["2001:db8::2", "2001:db8::3", "2001:db8::4"]
    assert faults(later(site.create, f"{SUBNET}/ports/d", ipv6="2001:db8::3")) == [("ipv6", "ADDRESS_IN_USE")]
    assert faults(later(site.create, f"{SUBNET}/ports/d", ipv6="2001:db8::1")) == [("ipv6", "RESERVED_ADDRESS")]
    assert faults(later(site.create, f"{SUBNET}/ports/d", ipv6="2001:db8:1::1")) == [("ipv6", "OUTSIDE_RANGE")]


def test_an_address_can_change_and_the_old_one_is_free_again() -> None:
    site = simple()
    site.create(A)
    site.update(A, ip="10.1.0.77")
    site.create(B)
    assert (ip_of(site, A), ip_of(site, B)) == ("10.1.0.77", "10.1.0.2")


def test_an_address_moves_between_ports_in_one_batch() -> None:
    site = simple()
    site.create(A, ip="10.1.0.9")
    site.create(B, ip="10.1.0.10")
    site.submit(site.change(A, ip="10.1.0.11"), site.change(B, ip="10.1.0.9"))
    assert (ip_of(site, A), ip_of(site, B)) == ("10.1.0.11", "10.1.0.9")


def test_macs_are_local_unicast_unique_and_stable() -> None:
    site = simple()
    macs = {site.create(f"{SUBNET}/ports/p{number}").mac for number in range(100)}
    assert len(macs) == 100
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs)
    before = site.get(f"{SUBNET}/ports/p7").mac
    site.update(f"{SUBNET}/ports/p7", vm="other")
    assert site.get(f"{SUBNET}/ports/p7").mac == before


def test_a_mac_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "mac_candidate", lambda _seed, attempt: f"0a:00:00:00:00:{attempt:02x}")
    site = simple()
    macs = [site.get(SUBNET).gateway_mac, *(site.create(f"{SUBNET}/ports/{name}").mac for name in "abc")]
    assert macs == [f"0a:00:00:00:00:{number:02x}" for number in range(4)]


def chunks_read(size: str, taken: int) -> int:
    """Return how many chunks of a pool a choice looks at, in a subnet with the lowest `taken` addresses taken."""
    prefix = parse_prefix(size)
    chunks: dict[int, int] = {}
    for chunk in range(prefix.base >> 12, ((prefix.base + taken) >> 12) + 1):
        first = max(prefix.base, chunk * CHUNK)
        count = min(prefix.base + taken, (chunk + 1) * CHUNK) - first
        if count > 0:
            chunks[chunk] = ((1 << count) - 1) << (first % CHUNK)
    asked = 0

    class Chunks:
        def get(self, key: int, default: int) -> int:
            nonlocal asked
            asked += 1
            return chunks.get(key, default)

    world = World(pools=Map({"s": Pool(Chunks())}))  # type: ignore[arg-type]
    assert pools.next_free(world, Subnet("s", cidr=prefix)) == (
        None if taken == 1 << (32 - prefix.length) else prefix.base + taken
    )
    return asked


@pytest.mark.parametrize(
    ("size", "taken"),
    [("10.0.0.0/28", 1), ("10.0.0.0/28", 16), ("10.0.0.0/16", 1), ("10.0.0.0/16", 65_534), ("10.0.0.0/16", 65_536)],
)
def test_choosing_looks_at_a_bounded_number_of_chunks_however_many_addresses_are_taken(size: str, taken: int) -> None:
    assert chunks_read(size, taken) <= 16


def test_creating_a_port_does_the_same_work_beside_two_ports_and_beside_two_thousand() -> None:
    counts = []
    for others in (2, 2_000):
        site = Site()
        site.create(VPC)
        site.create(SUBNET, cidr="10.0.0.0/16")
        for number in range(others):
            site.create(f"{SUBNET}/ports/p{number}")
        creation = site.creation(A)
        counts.append(calls(lambda creation=creation, site=site: site.submit(creation)))
    assert counts[0] == counts[1]


def test_compiling_a_port_does_the_same_work_beside_two_ports_and_beside_two_thousand() -> None:
    counts = []
    for others in (2, 2_000):
        site, compiler = Site(), Compiler(units())
        site.create(VPC)
        site.create(SUBNET, cidr="10.0.0.0/16")
        for number in range(others):
            site.create(f"{SUBNET}/ports/p{number}")
        compiler.advance(site.world, site.world.resources)
        site.create(A)
        counts.append(calls(lambda site=site, compiler=compiler: compiler.advance(site.world, [A])))
    assert counts[0] == counts[1]


def test_ports_of_a_subnet_share_what_is_the_same_of_them() -> None:
    site, compiler = simple(), Compiler(units())
    keys = [RowKey("Logical_Switch_Port", site.create(name).meta.uid) for name in (A, B)]
    compiler.advance(site.world, site.world.resources)
    rows = [compiler.target.wanted(key) for key in keys]
    first, second = (row.columns for row in rows if row)
    assert first["dhcpv4_options"] is second["dhcpv4_options"]
    assert first["addresses"] is first["port_security"]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_port_becomes_a_switch_port_named_by_its_uid() -> None:
    site = Site()
    site.register("h1", PROVIDER)
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24", ipv6_cidr="2001:db8::/64")
    port = site.create(A, host="hosts/h1", mac="0a:00:00:00:00:09")
    key = RowKey("Logical_Switch_Port", port.meta.uid)
    rows = site.rows()
    address = "0a:00:00:00:00:09 10.1.0.2 2001:db8::2"
    assert rows[key] == {
        "name": port.meta.uid,
        "type": "",
        "addresses": frozenset({address}),
        "port_security": frozenset({address}),
        "options": {"requested-chassis": "h1"},
        "dhcpv4_options": frozenset({RowKey("DHCP_Options", f"{SUBNET}/v4")}),
        "dhcpv6_options": frozenset({RowKey("DHCP_Options", f"{SUBNET}/v6")}),
        "tag": EMPTY,
    }
    assert key in rows[RowKey("Logical_Switch", SUBNET)]["ports"]
    assert site.message(A).iface_id == port.meta.uid


def test_a_port_of_a_vlan_without_gateway_is_served_no_dhcp() -> None:
    site = Site()
    lan = "projects/p/subnets/lan"
    site.create(lan, vlan={"physical_network": PROVIDER, "id": 7}, cidr="10.1.0.0/24")
    port = site.create(f"{lan}/ports/a")
    row = site.rows()[RowKey("Logical_Switch_Port", port.meta.uid)]
    assert (row["dhcpv4_options"], row["dhcpv6_options"], row["options"]) == (EMPTY, EMPTY, {})


@pytest.mark.parametrize("gone", [SUBNET, VPC])
def test_a_port_whose_subnet_or_vpc_is_gone_yields_nothing(gone: str) -> None:
    site = simple()
    port = site.create(A)
    world = site.world.replace(site.get(gone), None)
    assert yielded(port, world) == {}
    assert RowKey("Logical_Switch_Port", port.meta.uid) not in rows_of(world)
