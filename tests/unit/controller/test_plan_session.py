"""What a plan session refuses, and what it must not."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import pytest
from kind_site import INTERNET, INTERNET_FIELDS, SUBNET, VPC, Site, calls, simple
from plan_site import Planner

from headgate_controller.planned import Patience

OTHER = f"{VPC}/subnets/t"
PORTS = f"{SUBNET}/ports"


def planner() -> Planner:
    """A site with one VPC and one subnet 10.1.0.0/24, both of the client's state and kept."""
    planning = Planner(simple())
    planning.manage(VPC, SUBNET)
    assert planning.keep(VPC) == []
    assert planning.keep(SUBNET) == []
    return planning


def test_two_planned_subnets_that_overlap_are_told_at_the_one_planned_last_naming_the_other() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/24") == []
    assert planning.create(f"{VPC}/subnets/u", cidr="10.2.0.0/16") == [("cidr", "CIDR_OVERLAP", OTHER, False)]


def test_a_collision_with_what_the_client_keeps_is_certain() -> None:
    assert planner().create(OTHER, cidr="10.1.0.0/16") == [("cidr", "CIDR_OVERLAP", SUBNET, False)]


def test_a_collision_that_cannot_wait_for_what_the_client_keeps_is_told_there() -> None:
    planning = Planner(simple())
    planning.manage(VPC, SUBNET)
    assert planning.keep(VPC) == []
    assert planning.create(OTHER, cidr="10.1.0.0/16") == [("cidr", "CIDR_OVERLAP", SUBNET, True)]
    assert planning.create(OTHER, patience=Patience.MANAGED, cidr="10.1.0.0/16") == []
    assert planning.keep(SUBNET) == [("cidr", "CIDR_OVERLAP", OTHER, False)]


def test_a_collision_waits_for_what_the_client_manages_and_is_told_once_that_is_kept() -> None:
    planning = Planner(simple())
    planning.manage(VPC, SUBNET)
    assert planning.keep(VPC) == []
    assert planning.create(OTHER, cidr="10.1.0.0/16") == [("cidr", "CIDR_OVERLAP", SUBNET, True)]
    assert planning.keep(SUBNET) == []
    assert planning.create(OTHER, cidr="10.1.0.0/16") == [("cidr", "CIDR_OVERLAP", SUBNET, False)]


def test_a_collision_with_what_the_session_has_not_heard_of_stays_open_until_it_has() -> None:
    planning = Planner(simple())
    planning.manage(VPC)
    assert planning.keep(VPC) == []
    overlap = [("cidr", "CIDR_OVERLAP", SUBNET, True)]
    assert planning.create(OTHER, cidr="10.1.0.0/16") == overlap
    assert planning.create(OTHER, patience=Patience.MANAGED, cidr="10.1.0.0/16") == overlap
    planning.manage(SUBNET)
    assert planning.create(OTHER, cidr="10.1.0.0/16") == overlap
    assert planning.create(OTHER, patience=Patience.MANAGED, cidr="10.1.0.0/16") == []


@pytest.mark.parametrize("order", list(permutations(["manage", "remove", "create"])))
def test_what_takes_the_place_of_something_removed_passes_in_every_order(order: tuple[str, ...]) -> None:
    planning = Planner(simple())
    planning.manage(VPC)
    assert planning.keep(VPC) == []
    for step in order:
        if step == "create":
            planning.create(OTHER, cidr="10.1.0.0/24")
        else:
            getattr(planning, step)(SUBNET)
    assert planning.recreate(OTHER, cidr="10.1.0.0/24") == []


@pytest.mark.parametrize("order", list(permutations(["a", "b"])))
@pytest.mark.parametrize("told_early", [True, False])
def test_two_ports_swap_their_addresses_in_either_order(order: tuple[str, str], told_early: bool) -> None:
    site = simple()
    site.create(f"{PORTS}/a", ip="10.1.0.10")
    site.create(f"{PORTS}/b", ip="10.1.0.20")
    swapped = {"a": "10.1.0.20", "b": "10.1.0.10"}
    planning = Planner(site)
    planning.manage(VPC, SUBNET, *(f"{PORTS}/{name}" for name in order if told_early))
    for name in (VPC, SUBNET):
        assert planning.keep(name) == []
    for name in order:
        planning.manage(f"{PORTS}/{name}")
        planning.update(f"{PORTS}/{name}", ip=swapped[name])
    for name in order:
        assert planning.update(f"{PORTS}/{name}", ip=swapped[name]) == []


def test_what_the_platform_chooses_for_one_gives_way_to_what_another_asks_for() -> None:
    planning = planner()
    assert planning.create(f"{PORTS}/a") == []
    for number in range(2, 20):
        assert planning.create(f"{PORTS}/p{number}", ip=f"10.1.0.{number}") == []


def test_exhaustion_counts_planned_ports_and_is_told_at_the_first_that_does_not_fit() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/29") == []
    for number in range(5):
        assert planning.create(f"{OTHER}/ports/p{number}") == []
    assert planning.create(f"{OTHER}/ports/p5") == [("ip", "POOL_EXHAUSTED", f"{OTHER}/-", True)]


def test_an_address_asked_for_that_leaves_none_for_a_planned_port_is_refused_as_exhaustion() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/29") == []
    for number in range(5):
        assert planning.create(f"{OTHER}/ports/p{number}") == []
    found = planning.create(f"{OTHER}/ports/last", ip="10.2.0.4")
    assert [(field, reason) for field, reason, _, _ in found] == [("ip", "POOL_EXHAUSTED")]


def test_a_duplicate_address_is_told_as_such_and_not_as_exhaustion() -> None:
    planning = planner()
    assert planning.create(f"{PORTS}/a", ip="10.1.0.10") == []
    assert planning.create(f"{PORTS}/b", ip="10.1.0.10") == [("ip", "ADDRESS_IN_USE", f"{PORTS}/a", False)]
    assert planning.create(f"{PORTS}/c", ip="10.9.0.1") == [("ip", "OUTSIDE_RANGE", SUBNET, False)]


def test_two_routes_that_lead_nowhere_are_both_told_so() -> None:
    planning = planner()
    for name in "rt":
        hops = [{"ip": "10.77.0.1"}]
        found = planning.create(f"{VPC}/routes/{name}", destination=f"172.16.{ord(name)}.0/24", next_hops=hops)
        assert found == [("next_hops[0].ip", "NOT_CONNECTED", f"{VPC}/-", True)]


def test_a_reference_to_nothing_stays_open_until_what_it_names_is_planned() -> None:
    planning = planner()
    missing = [("host", "REFERENCE_NOT_FOUND", "hosts/h1", True)]
    assert planning.create(f"{PORTS}/a", host="hosts/h1") == missing
    assert planning.create("hosts/h1") == []
    assert planning.create(f"{PORTS}/a", host="hosts/h1") == []


def test_what_follows_from_a_refusal_is_not_told_again() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.1.0.0/16") != []
    assert planning.create(f"{OTHER}/ports/a", ip="10.1.0.10") == []


def test_a_name_planned_twice_is_refused_unless_it_is_a_replacement() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/24") == []
    assert planning.create(OTHER, cidr="10.3.0.0/24") == [("name", "ALREADY_EXISTS", OTHER, False)]
    assert planning.recreate(OTHER, cidr="10.3.0.0/24") == []
    assert planning.create(f"{VPC}/subnets/u", cidr="10.2.0.0/24") == []


def test_one_resource_at_two_places_of_a_state_is_nobodys_fault() -> None:
    planning = planner()
    assert planning.keep(SUBNET) == []
    assert planning.update(SUBNET, description="d") == []
    assert planning.keep(SUBNET) == []


def test_what_exists_and_is_not_managed_is_refused_at_its_name_once_nothing_can_cure_it() -> None:
    planning = Planner(simple())
    assert planning.create(VPC) == [("name", "ALREADY_EXISTS", VPC, True)]
    planning.manage(VPC)
    assert planning.create(VPC) == []


def test_what_is_unknown_is_passed_over_and_what_is_known_is_not() -> None:
    planning = planner()
    assert planning.create(f"{PORTS}/a", "vm", ip="10.1.0.10") == []
    assert planning.create(f"{PORTS}/b", "ip", mac="0a:00:00:00:00:01") == []
    assert planning.create(f"{PORTS}/c", "ip", mac="0a:00:00:00:00:01") == [("mac", "MAC_IN_USE", f"{PORTS}/b", False)]
    assert planning.create(OTHER, "cidr", gateway="10.2.0.1") == []
    assert planning.create(f"{OTHER}/ports/a", ip="10.77.0.1") == []


def test_an_unknown_address_takes_none_from_the_pool() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/29") == []
    for number in range(9):
        assert planning.create(f"{OTHER}/ports/u{number}", "ip") == []
    assert planning.create(f"{OTHER}/ports/p") == []


def test_what_an_unknown_attachment_decides_is_passed_over() -> None:
    planning = planner()
    assert planning.create(INTERNET, **INTERNET_FIELDS) == []
    assert planning.update(VPC, "external_subnets") == []
    assert planning.create(f"{PORTS}/a") == []
    floating = "projects/p/floatingIps/f"
    assert planning.create(floating, external_subnet=INTERNET, port=f"{PORTS}/a") == []
    hop = [{"external_subnet": INTERNET}]
    assert planning.create(f"{VPC}/routes/r", destination="0.0.0.0/0", next_hops=hop) == []


def test_a_collision_with_a_resource_that_is_planned_afterwards_by_its_nature_is_told_there() -> None:
    site = simple()
    site.create(INTERNET, **{**INTERNET_FIELDS, "cidr": "10.1.0.0/24", "gateway": "10.1.0.1"})
    planning = Planner(site)
    planning.manage(VPC, INTERNET)
    assert planning.keep(INTERNET) == []
    # The subnet of the VPC collides, but is in the VPC: it can only be planned after it.
    assert planning.update(VPC, external_subnets={"i": {"subnet": INTERNET}}) == []
    planning.manage(SUBNET)
    assert planning.keep(SUBNET) == [("cidr", "CIDR_OVERLAP", INTERNET, False)]


def test_what_stays_as_it_is_is_never_refused_for_what_others_lack() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC, external_subnets={"i": {"subnet": INTERNET}})
    site.create(SUBNET, cidr="10.1.0.0/24")
    site.create(f"{PORTS}/a")
    site.create("projects/p/floatingIps/f", external_subnet=INTERNET, port=f"{PORTS}/a")
    planning = Planner(site)
    planning.manage(*site.world.resources)
    assert planning.keep(INTERNET) == []
    assert planning.update(VPC, external_subnets={}) == []
    for name in (SUBNET, f"{PORTS}/a", "projects/p/floatingIps/f"):
        assert planning.keep(name) == []


def test_a_change_that_may_be_made_before_another_takes_its_ground_away_is_not_refused() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC, external_subnets={"i": {"subnet": INTERNET}})
    site.create(SUBNET, cidr="10.1.0.0/24")
    site.create(f"{PORTS}/a")
    floating = "projects/p/floatingIps/f"
    site.create(floating, external_subnet=INTERNET, port=f"{PORTS}/a")
    planning = Planner(site)
    planning.manage(*site.world.resources)
    assert planning.keep(INTERNET) == []
    assert planning.update(VPC, external_subnets={}) == []
    for name in (SUBNET, f"{PORTS}/a"):
        assert planning.keep(name) == []
    assert planning.update(floating, description="d") == []


def test_an_address_that_a_router_has_is_told_whichever_is_planned_last() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS)
    site.create(VPC, external_subnets={"i": {"subnet": INTERNET}})
    (router,) = {f"203.0.113.{ip & 255}" for ip in site.get(VPC).external_subnets[0][1].router_ips}
    floating = "projects/p/floatingIps/f"
    fields = {"external_subnet": INTERNET, "ip": router}
    for order in ((VPC, floating), (floating, VPC)):
        planning = Planner(site)
        planning.manage(INTERNET, VPC)
        assert planning.keep(INTERNET) == []
        create = partial(planning.create, patience=Patience.MANAGED, **fields)
        first, last = (planning.keep(name) if name == VPC else create(name) for name in order)
        assert first == []
        assert [(reason, other) for _, reason, other, _ in last] == [("ADDRESS_IN_USE", order[0])]


def test_what_the_platform_chooses_for_a_subnet_is_not_given_up_for_a_port_on_it() -> None:
    planning = planner()
    assert planning.create(OTHER, cidr="10.2.0.0/24") == []
    ((field, _, _, _),) = planning.create(f"{OTHER}/ports/a", ip="10.2.0.1")
    assert field == "ip", "the gateway was chosen before any port could ask for it"


def test_planning_a_port_does_the_same_work_beside_two_ports_and_beside_a_thousand() -> None:
    counts = []
    for others in (2, 1_000):
        site = Site()
        names = [VPC, SUBNET, *(f"{PORTS}/p{number}" for number in range(others))]
        for name in names:
            site.create(name, **({"cidr": "10.1.0.0/16"} if name == SUBNET else {}))
        planning = Planner(site)
        planning.manage(*names)
        assert [planning.keep(name) for name in names[:-1]] == [[] for _ in names[:-1]]
        steps = (
            partial(planning.keep, names[-1]),
            partial(planning.create, f"{PORTS}/new"),
            partial(planning.update, names[-2], mac="0a:00:00:00:00:77"),
            partial(planning.remove, names[-2]),
        )
        counts.append([calls(step) for step in steps])
    assert counts[0] == counts[1]
