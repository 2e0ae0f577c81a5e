"""VMs: which ports are theirs, where they are, and what is known of their power."""

from __future__ import annotations

import pytest
from kind_site import SUBNET, Seen, Site, faults, later, simple, words

from headgate.v1 import vm_pb2
from headgate_controller.errors import InUseError
from headgate_controller.observed import HostHeard, HostReport

VM, A, B = "projects/p/vms/web", f"{SUBNET}/ports/a", f"{SUBNET}/ports/b"
ON, OFF, UNKNOWN = vm_pb2.POWER_STATE_ON, vm_pb2.POWER_STATE_OFF, vm_pb2.POWER_STATE_UNSPECIFIED


@pytest.fixture
def site() -> Site:
    site = simple()
    site.create(VM)
    site.create(A, vm=VM)
    site.create(B, vm=VM)
    site.create(f"{SUBNET}/ports/other", vm="web2 of another platform")
    return site


def plugged(site: Site, connected: bool = True, **driven: bool) -> Seen:
    """Return a site in which ports are plugged into host h1, driven or not."""
    ids = {site.get(f"{SUBNET}/ports/{name}").iface_id: up for name, up in driven.items()}
    return Seen({"h1": HostHeard(connected, report=HostReport(interfaces=ids))}, dict.fromkeys(ids, "h1"))


def test_a_vm_shows_the_ports_that_name_it_their_addresses_and_hosts(site: Site) -> None:
    seen = site.seen(VM, plugged(site, a=True))
    assert list(seen.ports) == [A, B]
    assert list(seen.addresses) == [site.message(A).ip, site.message(B).ip]
    assert list(seen.hosts) == ["hosts/h1"]


@pytest.mark.parametrize(
    ("driven", "power"),
    [({"a": True}, ON), ({"a": False, "b": True}, ON), ({"a": False, "b": False}, OFF), ({"a": False}, OFF), ({}, OFF)],
)
def test_a_vm_runs_if_something_drives_one_of_its_interfaces(site: Site, driven: dict[str, bool], power: int) -> None:
    assert site.seen(VM, plugged(site, **driven)).power == power


def test_of_a_vm_on_a_host_that_cannot_be_heard_nobody_knows_whether_it_runs(site: Site) -> None:
    assert site.seen(VM, plugged(site, connected=False, a=True)).power == UNKNOWN
    assert list(site.seen(VM, plugged(site, connected=False, a=True)).hosts) == ["hosts/h1"]


def test_an_interface_that_the_agent_has_not_reported_yet_is_not_called_off(site: Site) -> None:
    seen = plugged(site, a=True)
    seen.hosts["h1"] = HostHeard(True)
    assert site.seen(VM, seen).power == UNKNOWN


def test_without_southbound_nobody_knows_that_a_vm_is_off(site: Site) -> None:
    assert site.seen(VM, Seen(southbound=False)).power == UNKNOWN


def test_of_a_vm_without_ports_nothing_is_known() -> None:
    site = Site()
    site.create(VM)
    seen = site.seen(VM, Seen())
    assert (seen.power, list(seen.hosts), list(seen.ports)) == (UNKNOWN, [], [])


def test_a_port_that_names_a_vm_which_is_not_there_is_refused() -> None:
    attempt = later(simple().create, A, vm=VM)
    assert faults(attempt) == [("vm", "REFERENCE_NOT_FOUND")]
    assert words(attempt, "vm") == f"There is no {VM}; create it first, or name another."


def test_any_other_text_may_say_what_a_port_belongs_to() -> None:
    assert faults(later(simple().create, A, vm="4711 on the old cluster")) == []


def test_a_vm_is_not_deleted_while_ports_name_it_and_goes_with_the_last(site: Site) -> None:
    with pytest.raises(InUseError, match=A):
        site.delete(VM)
    site.delete(VM, when_unreferenced=True)
    site.delete(A)
    site.update(B, ["vm"])
    assert VM not in site.world.resources


def test_a_vm_has_no_rows(site: Site) -> None:
    before = site.rows()
    site.update(B, ["vm"])
    assert site.rows() == before


def test_what_is_live_is_never_stored(site: Site) -> None:
    told = {field.name for field, _ in site.message(VM).ListFields()}
    assert told.isdisjoint({"ports", "hosts", "addresses", "power"})
