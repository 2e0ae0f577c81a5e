"""What create, update, delete and batches mean, whatever the kind: names, references, etags, deletion, all or none."""

from __future__ import annotations

import pytest
from kind_site import INTERNET, INTERNET_FIELDS, PROVIDER, SUBNET, VPC, Site, connected, faults, later, simple, words
from row_audit import audit

from headgate_controller.errors import (
    AlreadyExistsError,
    InUseError,
    InvalidError,
    NotFoundError,
    ProtectedError,
    StaleEtagError,
)
from headgate_controller.mutations import Delete

PORT, ROUTE, FIP = f"{SUBNET}/ports/a", f"{VPC}/routes/r", "projects/p/floatingIps/f"

# --- names and references ---------------------------------------------------------------------------------------------

BAD_IDS = ["Shop", "1shop", "-shop", "shop-", "sh op", "shöp", "a" * 64, "", "a_b", "a.b"]


@pytest.mark.parametrize("bad", BAD_IDS)
def test_a_bad_name_is_refused_with_the_rule(bad: str) -> None:
    attempt = later(Site().create, f"projects/p/vpcs/{bad}")
    assert faults(attempt) == [("name", "BAD_NAME")]
    assert "projects/{project}/vpcs/{vpc}" in words(attempt, "name")
    assert "at most 63 characters, a letter first" in words(attempt, "name")


@pytest.mark.parametrize("good", ["a", "a" * 63, "shop-2"])
def test_a_good_name_is_accepted(good: str) -> None:
    assert faults(later(Site().create, f"projects/{good}/vpcs/{good}")) == []


def test_a_bad_project_or_parent_is_refused() -> None:
    assert faults(later(Site().create, "projects/P/vpcs/v")) == [("name", "BAD_NAME")]
    assert faults(later(Site().create, "projects/p/vpcs/V/subnets/s", cidr="10.1.0.0/24"))[0] == ("name", "BAD_NAME")


def test_a_name_that_no_kind_has_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        Site().create("projects/p/gizmos/g")


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(AlreadyExistsError, match=f"{VPC} exists already"):
        simple().create(VPC)


def test_a_child_of_nothing_is_refused_naming_the_parent() -> None:
    attempt = later(Site().create, SUBNET, cidr="10.1.0.0/24")
    assert faults(attempt) == [("parent", "REFERENCE_NOT_FOUND")]
    assert words(attempt, "parent") == f"There is no {VPC}; create it first, or name another."


def test_a_reference_to_what_is_being_deleted_is_refused_and_may_be_tried_again() -> None:
    site = connected()
    site.delete(INTERNET, when_unreferenced=True)
    attempt = later(site.create, "projects/p/vpcs/w", external_subnets={"i": {"subnet": INTERNET}})
    assert faults(attempt) == [("external_subnets[i].subnet", "REFERENCE_DELETING")]
    with pytest.raises(InvalidError) as refused:
        attempt()
    assert refused.value.metadata["retriable"] == "true"


def test_a_fault_that_only_the_client_can_mend_is_not_called_retriable() -> None:
    site = simple()
    with pytest.raises(InvalidError) as refused:
        site.create(f"{VPC}/subnets/t", cidr="10.1.0.0/30")
    assert "retriable" not in refused.value.metadata


def test_a_reference_that_was_there_before_may_stay_though_its_target_is_being_deleted() -> None:
    site = connected()
    site.delete(INTERNET, when_unreferenced=True)
    assert faults(later(site.update, VPC, description="still attached")) == []


# --- etags, generations, masks ----------------------------------------------------------------------------------------


def test_a_stale_etag_is_refused_for_update_and_delete() -> None:
    site = simple()
    etag = site.message(VPC).etag
    site.update(VPC, etag=etag, description="one")
    for attempt in (later(site.update, VPC, etag=etag, description="two"), later(site.delete, VPC, etag=etag)):
        with pytest.raises(StaleEtagError, match="Read it again"):
            attempt()
    assert site.message(VPC).description == "one"


def test_generation_grows_with_intent_only() -> None:
    site = simple()
    site.update(VPC, description="one")
    assert site.get(VPC).meta.generation == 2
    revision = site.world.revision
    site.update(VPC, description="one")
    assert (site.get(VPC).meta.generation, site.world.revision) == (2, revision)


def test_times_and_uid_are_kept() -> None:
    site = simple()
    before = site.get(VPC).meta
    site.update(VPC, description="one")
    after = site.get(VPC).meta
    assert (after.uid, after.create_time) == (before.uid, before.create_time)
    assert after.update_time > before.update_time


def test_an_update_of_nothing_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=VPC):
        Site().update(VPC, description="x")


# --- faults that were there before ------------------------------------------------------------------------------------


def detached() -> Site:
    """Return a site whose route and floating IP were valid until their VPC was detached from the external subnet."""
    site = connected()
    site.create(PORT)
    site.create(f"{SUBNET}/ports/b")
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.update(VPC, ["external_subnets"])
    return site


@pytest.mark.parametrize("name", [ROUTE, FIP])
def test_a_label_of_what_others_have_made_invalid_can_be_edited(name: str) -> None:
    site = detached()
    site.update(name, labels={"tier": "front"}, display_name="web")
    assert dict(site.message(name).labels) == {"tier": "front"}
    audit(site.rows())
    assert site.conditions(name), "that it does not work is shown still"


def test_a_fault_of_what_an_update_touches_is_refused_though_it_was_there_before() -> None:
    site = detached()
    assert faults(later(site.update, FIP, port=f"{SUBNET}/ports/b")) == [("port", "NOT_ATTACHED")]
    hops = [{"external_subnet": INTERNET}, {"ip": "10.1.0.9"}]
    attempt = later(site.update, ROUTE, next_hops=hops)
    assert faults(attempt) == [("next_hops[0].external_subnet", "NOT_ATTACHED")]


def test_an_update_that_mends_one_fault_is_not_refused_for_another_that_it_leaves() -> None:
    site = detached()
    site.update(FIP, ["port"])
    assert not site.message(FIP).HasField("port")


def test_a_create_is_refused_for_every_fault() -> None:
    site = detached()
    site.delete(ROUTE)
    attempt = later(site.create, ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    assert faults(attempt) == [("next_hops[0].external_subnet", "NOT_ATTACHED")]


# --- deletion ---------------------------------------------------------------------------------------------------------


def test_a_delete_in_use_is_refused_naming_the_referrers_and_the_fix() -> None:
    site = connected()
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    with pytest.raises(InUseError) as refused:
        site.delete(INTERNET)
    assert str(refused.value) == (
        f"{INTERNET} is used by {VPC}, {ROUTE}. Delete these first, "
        "or delete with when_unreferenced to let it vanish with the last of them."
    )
    assert refused.value.metadata["referrers"] == f"{VPC},{ROUTE}"


@pytest.mark.parametrize(
    ("name", "referrer"),
    [(VPC, SUBNET), (SUBNET, PORT), (PORT, FIP), (INTERNET, FIP), ("hosts/h1", PORT)],
)
def test_each_kind_of_referrer_keeps_what_it_refers_to(name: str, referrer: str) -> None:
    site = connected()
    site.create(PORT, host="hosts/h1")
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    with pytest.raises(InUseError) as refused:
        site.delete(name)
    assert referrer in refused.value.metadata["referrers"].split(",")


def test_only_some_of_very_many_referrers_are_named() -> None:
    site = simple()
    for number in range(25):
        site.create(f"{SUBNET}/ports/p{number}")
    with pytest.raises(InUseError, match="and 15 more"):
        site.delete(SUBNET)


def test_when_unreferenced_it_stays_as_it_is_until_the_last_referrer_goes() -> None:
    site = simple()
    site.create(PORT)
    rows = site.rows()
    site.delete(SUBNET, when_unreferenced=True)
    assert site.message(SUBNET).state == 2
    assert site.rows() == rows
    site.delete(PORT)
    assert SUBNET not in site.world.resources


def test_chains_vanish_with_their_last_link() -> None:
    site = connected()
    site.create(PORT)
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.create(ROUTE, destination="0.0.0.0/0", next_hops=[{"external_subnet": INTERNET}])
    for name in (INTERNET, VPC, SUBNET, PORT):
        site.delete(name, when_unreferenced=True)
    site.delete(ROUTE)
    assert VPC in site.world.resources
    site.delete(FIP)
    assert set(site.world.resources) == {"hosts/h1", "hosts/h2"}
    assert not any(pool._chunks for pool in site.world.pools.values())
    assert site.rows() == {}


def test_an_update_that_drops_the_last_reference_lets_its_target_vanish() -> None:
    site = connected()
    site.delete(INTERNET, when_unreferenced=True)
    site.update(VPC, ["external_subnets"])
    assert INTERNET not in site.world.resources


def test_deleting_twice_is_no_change() -> None:
    site = simple()
    site.delete(VPC, when_unreferenced=True)
    revision = site.world.revision
    site.delete(VPC, when_unreferenced=True)
    assert site.world.revision == revision


def test_a_resource_on_its_way_out_makes_room_for_a_new_one_that_its_referrers_go_on_with() -> None:
    site = simple()
    site.create(PORT)
    old = site.get(SUBNET).meta
    site.delete(SUBNET, when_unreferenced=True)
    site.create(SUBNET, cidr="10.1.0.0/20")
    new = site.get(SUBNET).meta
    assert (new.deleting, new.generation, new.uid != old.uid) == (False, 1, True)
    site.delete(PORT)
    assert SUBNET in site.world.resources


def test_a_resource_on_its_way_out_makes_no_room_for_what_its_referrers_cannot_go_on_with() -> None:
    site = simple()
    site.create(PORT, ip="10.1.0.9")
    site.delete(SUBNET, when_unreferenced=True)
    for fields in ({"cidr": "10.2.0.0/24"}, {"cidr": "10.1.0.0/24", "gateway": "10.1.0.9"}):
        with pytest.raises(AlreadyExistsError) as refused:
            site.create(SUBNET, **fields)
        assert PORT in str(refused.value)
        assert refused.value.metadata["retriable"] == "true"


def test_a_replaced_external_subnet_gives_the_vpcs_on_it_new_addresses() -> None:
    site = connected()
    site.delete(INTERNET, when_unreferenced=True)
    site.create(INTERNET, **{**INTERNET_FIELDS, "cidr": "192.0.2.0/24", "gateway": "192.0.2.1"})
    assert list(site.message(VPC).external_subnets["internet"].router_ips) == ["192.0.2.2"]
    audit(site.rows())


def test_an_external_subnet_is_not_replaced_by_one_too_small_for_the_vpcs_on_it() -> None:
    site = connected()
    site.delete(INTERNET, when_unreferenced=True)
    pool = [{"start": "192.0.2.1", "end": "192.0.2.1"}]
    with pytest.raises(AlreadyExistsError, match=VPC):
        site.create(INTERNET, **{**INTERNET_FIELDS, "cidr": "192.0.2.0/24", "gateway": "192.0.2.1", "pools": pool})


def test_what_only_a_replaced_resource_kept_from_vanishing_vanishes() -> None:
    site = connected()
    site.create(PORT, host="hosts/h1")
    site.create(FIP, external_subnet=INTERNET, port=PORT)
    site.delete("hosts/h1", when_unreferenced=True)
    site.delete(PORT, when_unreferenced=True)
    site.create(PORT)
    assert "hosts/h1" not in site.world.resources


@pytest.mark.parametrize("when_unreferenced", [False, True])
def test_what_is_protected_is_not_deleted_by_whatever_way_until_an_update_lifts_it(when_unreferenced: bool) -> None:
    site = simple()
    site.update(VPC, deletion_protection=True)
    with pytest.raises(ProtectedError, match=f"{VPC} is protected .* deletion_protection = false first") as refused:
        site.delete(VPC, when_unreferenced=when_unreferenced)
    assert refused.value.metadata == {"resource": VPC, "referrers": SUBNET}
    assert not site.get(VPC).meta.deleting
    site.delete(SUBNET)
    with pytest.raises(ProtectedError):
        site.delete(VPC, when_unreferenced=when_unreferenced)
    site.submit(site.change(VPC, ["deletion_protection"]), Delete(VPC, when_unreferenced=when_unreferenced))
    assert VPC not in site.world.resources


def test_a_parent_on_its_way_out_waits_for_a_protected_child() -> None:
    site = simple()
    site.update(SUBNET, deletion_protection=True)
    site.delete(VPC, when_unreferenced=True)
    with pytest.raises(ProtectedError):
        site.delete(SUBNET)
    assert set(site.world.resources) == {VPC, SUBNET}


def test_a_delete_of_nothing_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        Site().delete(VPC)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_one_revision_and_later_mutations_see_earlier_ones() -> None:
    site = Site()
    site.submit(site.creation(VPC), site.creation(SUBNET, cidr="10.1.0.0/24"), site.creation(PORT))
    assert site.world.revision == 1
    assert {noun.meta.revision for noun in site.world.resources.values()} == {1}  # type: ignore[attr-defined]


def test_a_batch_with_one_refused_changes_nothing_and_says_which() -> None:
    site = simple()
    world = site.world
    attempt = later(site.submit, site.creation(PORT), site.creation(f"{SUBNET}/ports/b", ip="10.9.0.1"))
    assert faults(attempt) == [("mutations[1].ip", "OUTSIDE_RANGE")]
    assert site.world is world


def test_a_resource_made_again_under_another_name_in_one_batch_keeps_its_addresses() -> None:
    site = simple()
    site.submit(Delete(SUBNET), site.creation(f"{VPC}/subnets/renamed", cidr="10.1.0.0/24"))
    assert f"{VPC}/subnets/renamed" in site.world.resources


def test_hosts_that_vanish_with_their_last_port_in_a_batch_leave_the_gateways_in_order() -> None:
    site = connected()
    site.create(PORT, host="hosts/h1")
    site.submit(Delete("hosts/h1", when_unreferenced=True), Delete(PORT))
    assert list(site.message(VPC).external_subnets["internet"].gateway_hosts) == ["hosts/h2"]
    assert "hosts/h1" not in site.world.resources


def test_a_freed_number_is_taken_within_the_same_batch() -> None:
    site = Site()
    site.create(INTERNET, **INTERNET_FIELDS, pools=[{"start": "203.0.113.9", "end": "203.0.113.9"}])
    site.register("h1", PROVIDER)
    site.create(FIP, external_subnet=INTERNET)
    site.submit(Delete(FIP), site.creation("projects/p/floatingIps/g", external_subnet=INTERNET))
    assert site.message("projects/p/floatingIps/g").ip == "203.0.113.9"
