"""Plans of attributes and nested objects, case by case; the contract tests judge any case by Terraform's rules."""

from typing import Any

import pytest

from headgate_terraform.conversion import respell
from headgate_terraform.kinds import load_kinds
from headgate_terraform.planning import changed_fields, plan_object, replaced_paths
from headgate_terraform.values import UNKNOWN

KINDS = load_kinds()
VPC, SUBNET, PORT, ROUTE = (KINDS[f"headgate_{t}"].shape for t in ("vpc", "subnet", "port", "route"))


def full(shape: Any, **values: Any) -> dict[str, Any]:
    return {a.name: values.get(a.name) for a in shape.attributes}


def entry(subnet: Any, *, mac: Any = None, ips: Any = None) -> dict[str, Any]:
    return {"subnet": subnet, "router_ips": ips, "snat_ips": ips, "router_mac": mac}


OLD = entry("projects/p/subnets/i", mac="0a:00:00:00:00:01", ips=["10.0.0.1"])


@pytest.mark.parametrize(
    ("config", "planned"),
    [
        (entry("projects/p/subnets/i"), OLD),
        (entry("projects/p/subnets/j"), entry("projects/p/subnets/j", mac=UNKNOWN, ips=UNKNOWN)),
        (entry(UNKNOWN), entry(UNKNOWN, mac=UNKNOWN, ips=UNKNOWN)),
    ],
)
def test_output_of_an_entry_stays_known_while_its_configuration_does_not_change(config: Any, planned: Any) -> None:
    prior = full(VPC, name="v", external_subnets={"a": OLD})
    new = full(VPC, name="v", external_subnets={"a": config, "b": entry("projects/p/subnets/k")})
    after = plan_object(VPC, new, prior, stable=True)["external_subnets"]
    assert after == {"a": planned, "b": entry("projects/p/subnets/k", mac=UNKNOWN, ips=UNKNOWN)}


def test_what_the_server_chooses_is_unknown_at_first_and_then_kept() -> None:
    config = full(PORT, name="p", subnet="s")
    created = plan_object(PORT, config, None, stable=True)
    assert (created["ip"], created["iface_id"], created["vm"]) == (UNKNOWN, UNKNOWN, None)
    prior = full(PORT, name="p", subnet="s", ip="10.0.0.4", iface_id="u", uid="u")
    assert plan_object(PORT, config, prior, stable=True) == prior


@pytest.mark.parametrize(
    ("prior", "planned", "paths"),
    [
        ({"cidr": "10.0.0.0/24"}, {"cidr": "10.1.0.0/24"}, ["cidr"]),
        ({"vpc": "v"}, {"vpc": UNKNOWN}, ["vpc"]),
        ({"vlan": {"physical_network": "a", "id": 1}}, {"vlan": {"physical_network": "a", "id": 2}}, ["vlan"]),
        ({"description": "a"}, {"description": "b"}, []),
        ({"gateway_mac": "a"}, {"gateway_mac": UNKNOWN}, []),
    ],
)
def test_only_changes_of_immutable_attributes_force_a_replacement(prior: Any, planned: Any, paths: list[str]) -> None:
    assert [str(p) for p in replaced_paths(SUBNET, full(SUBNET, **prior), full(SUBNET, **planned))] == paths


def test_an_update_names_the_changed_fields_that_a_user_can_set() -> None:
    prior = full(PORT, name="p", vm="a", host="h", uid="u")
    planned = full(PORT, name="p", vm="b", host=None, uid=UNKNOWN)
    assert sorted(changed_fields(PORT, prior, planned)) == ["host", "vm"]


@pytest.mark.parametrize(
    ("name", "new", "reference", "expected"),
    [
        ("dns_servers", ["fd00::1", "10.0.0.1"], ["FD00::1", "10.0.0.1"], ["FD00::1", "10.0.0.1"]),
        ("dns_servers", ["10.0.0.2"], ["10.0.0.1"], ["10.0.0.2"]),
        ("dns_servers", [], [], []),
        ("dns_servers", [], None, None),
        ("dns_servers", [], ["10.0.0.1"], None),
        ("labels", {}, {}, {}),
        ("labels", {}, None, None),
        ("gateway", "10.0.0.1", UNKNOWN, "10.0.0.1"),
    ],
)
def test_answers_are_told_in_the_users_spelling(name: str, new: Any, reference: Any, expected: Any) -> None:
    attribute = SUBNET.get(name)
    assert attribute is not None
    assert respell(attribute, new, reference) == expected


def test_elements_of_a_set_find_their_spelling_in_any_order() -> None:
    attribute = ROUTE.get("next_hops")
    assert attribute is not None
    hops = [{"ip": ip, "external_subnet": None} for ip in ("fd00::2", "fd00::1")]
    written = [{"ip": ip, "external_subnet": None} for ip in ("FD00::1", "FD00::2")]
    assert respell(attribute, hops, written) == [written[1], written[0]]
