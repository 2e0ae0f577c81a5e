"""The provider under the real terraform: what a user does with resources over their life."""

import json
import threading

from provider_backend import Backend

from terraform import Terraform

INTERNET = """
resource "headgate_subnet" "internet" {
  name     = "internet"
  vlan     = { physical_network = "provider", id = 200 }
  cidr     = "203.0.113.0/24"
  gateway  = "203.0.113.1"
  pools    = [{ start = "203.0.113.10", end = "203.0.113.99" }]
  external = { mode = "nat" }
}
"""
SHOP = """
resource "headgate_vpc" "shop" {
  name             = "shop"
  external_subnets = { internet = { subnet = headgate_subnet.internet.id } }
}
"""
PLAIN_VPC = """
resource "headgate_vpc" "shop" {
  name = "shop"
}
"""
WEB = """
resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}
resource "headgate_port" "web1" {
  name   = "web1"
  subnet = headgate_subnet.web.id
}
"""
QUICKSTART = (
    INTERNET
    + SHOP
    + WEB
    + """
resource "headgate_route" "default" {
  name        = "default"
  vpc         = headgate_vpc.shop.id
  destination = "0.0.0.0/0"
  next_hops   = [{ external_subnet = headgate_subnet.internet.id }]
}
resource "headgate_floating_ip" "web1" {
  name            = "web1"
  external_subnet = headgate_subnet.internet.id
  port            = headgate_port.web1.id
}
resource "headgate_host" "h1" {
  name  = "h1"
  drain = false
}
"""
)
WEB_PORT = "projects/default/vpcs/shop/subnets/web/ports/web1"


def test_the_quickstart_is_created_planned_empty_and_destroyed(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(QUICKSTART)
    assert WEB_PORT in backend.names()
    assert terraform.state()["headgate_port.web1"]["iface_id"] == backend.objects[WEB_PORT].uid
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")
    assert backend.names() == set()


def test_ids_are_known_in_the_plan_of_what_does_not_exist_yet(terraform: Terraform) -> None:
    terraform.write(QUICKSTART)
    changes = {c["address"]: c["change"] for c in terraform.plan()["resource_changes"]}
    assert changes["headgate_port.web1"]["after"]["id"] == WEB_PORT
    assert changes["headgate_floating_ip.web1"]["after"]["port"] == WEB_PORT
    assert changes["headgate_port.web1"]["after_unknown"]["ip"] is True


def test_an_update_sends_the_whole_object_without_output_and_names_what_changes(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(PLAIN_VPC + WEB)
    terraform.write(PLAIN_VPC + WEB.replace('name   = "web1"', 'name   = "web1"\n  vm = "vm-7"'))
    assert terraform.actions() == {"headgate_port.web1": ["update"]}
    terraform.apply()
    (request,) = backend.requested("UpdatePort")
    assert list(request.update_mask.paths) == ["vm"]
    assert request.port.ip == backend.objects[WEB_PORT].ip
    assert (request.port.uid, request.port.iface_id) == ("", "")
    terraform.assert_settled()


def test_drift_is_seen_and_repaired(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(QUICKSTART)
    backend.change(WEB_PORT, vm="someone-else")
    del backend.objects["projects/default/vpcs/shop/routes/default"]
    assert terraform.actions() == {"headgate_port.web1": ["update"], "headgate_route.default": ["create"]}
    terraform.apply()
    assert not backend.objects[WEB_PORT].HasField("vm")
    terraform.assert_settled()


def test_another_spelling_of_the_same_address_is_no_change(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(
        PLAIN_VPC
        + """
resource "headgate_subnet" "six" {
  name        = "six"
  vpc         = headgate_vpc.shop.id
  ipv6_cidr   = "FD00:0:0:1::/64"
  dns_servers = ["FD00::0001", "10.0.0.1"]
}
"""
    )
    assert backend.objects["projects/default/vpcs/shop/subnets/six"].ipv6_cidr == "fd00:0:0:1::/64"
    terraform.assert_settled()
    terraform.write(
        (terraform.directory / "main.tf").read_text().split("}\n}\n", 1)[1].replace("FD00::0001", "fd00::1")
    )
    terraform.assert_settled()


def test_a_subnet_with_another_cidr_is_replaced_with_its_ports_in_one_apply(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(PLAIN_VPC + WEB)
    first = backend.objects[WEB_PORT].uid
    terraform.write(PLAIN_VPC + WEB.replace("10.1.0.0/24", "10.2.0.0/24"))
    replaced = ["delete", "create"]
    assert terraform.actions() == {"headgate_subnet.web": replaced, "headgate_port.web1": replaced}
    terraform.apply()
    assert backend.objects[WEB_PORT].uid != first
    terraform.assert_settled()


def test_a_vpc_is_replaced_with_everything_in_it(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(QUICKSTART)
    before = {name: o.uid for name, o in backend.objects.items()}
    terraform.run("apply", "-auto-approve", "-no-color", "-replace=headgate_vpc.shop")
    kept = {name for name, o in backend.objects.items() if before[name] == o.uid}
    assert kept == {"hosts/h1", "projects/default/subnets/internet", "projects/default/floatingIps/web1"}
    terraform.assert_settled()


def unwrapped(output: str) -> str:
    return " ".join(output.replace("│", "").split())


PROTECTED_WEB = WEB.replace('name = "web"', 'name = "web"\n  deletion_protection = true', 1)


def test_what_is_protected_is_refused_in_the_plan_before_anything_is_destroyed(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(PLAIN_VPC + PROTECTED_WEB)
    before = backend.names()
    words = "projects/default/vpcs/shop/subnets/web would be destroyed. Set deletion_protection = false"
    assert words in unwrapped(terraform.run("destroy", "-auto-approve", "-no-color", expect=1))
    terraform.write(PLAIN_VPC)
    assert words in unwrapped(terraform.run("apply", "-auto-approve", "-no-color", expect=1))
    assert backend.names() == before


def test_what_is_protected_is_not_replaced_whatever_forces_that(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(PLAIN_VPC + PROTECTED_WEB)
    uids = {name: o.uid for name, o in backend.objects.items()}
    for address in ("headgate_subnet.web", "headgate_vpc.shop"):
        refused = terraform.run("apply", "-auto-approve", "-no-color", f"-replace={address}", expect=1)
        assert "Protected against deletion" in refused
    lifted_at_once = PROTECTED_WEB.replace("true", "false").replace("10.1.0.0/24", "10.2.0.0/24")
    terraform.write(PLAIN_VPC + lifted_at_once)
    refused = terraform.run("apply", "-auto-approve", "-no-color", expect=1)
    assert "destroyed and created anew, since cidr cannot change in place" in unwrapped(refused)
    assert 'cidr = "10.2.0.0/24"' in refused, "the line that forces it is shown"
    assert {name: o.uid for name, o in backend.objects.items()} == uids
    terraform.apply(PLAIN_VPC + PROTECTED_WEB.replace("true", "false"))
    terraform.apply(PLAIN_VPC + lifted_at_once)
    assert backend.objects[WEB_PORT].uid != uids[WEB_PORT]
    terraform.assert_settled()


def test_an_entry_added_to_a_map_is_one_entry_in_the_plan(terraform: Terraform) -> None:
    second = INTERNET.replace("internet", "backup").replace("203.0.113", "198.51.100").replace("200", "201")
    terraform.apply(INTERNET + second + SHOP)
    added = "internet.id }, backup = { subnet = headgate_subnet.backup.id } }"
    terraform.write(INTERNET + second + SHOP.replace("internet.id } }", added))
    (change,) = [c["change"] for c in terraform.plan()["resource_changes"] if c["change"]["actions"] == ["update"]]
    before, after = change["before"]["external_subnets"], change["after"]["external_subnets"]
    assert after["internet"] == before["internet"]
    assert change["after_unknown"]["external_subnets"]["backup"]["router_mac"] is True
    terraform.apply()
    terraform.assert_settled()


def test_an_external_subnet_is_detached_and_destroyed_in_one_apply(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(INTERNET + SHOP)
    terraform.apply(PLAIN_VPC)
    assert backend.names() == {"projects/default/vpcs/shop"}
    terraform.assert_settled()


def test_an_address_moves_between_ports_in_one_apply(terraform: Terraform) -> None:
    two = PLAIN_VPC + WEB.replace('name   = "web1"', 'name = "web1"\n  ip = "10.1.0.10"')
    second = 'name = "web2"\n  subnet = headgate_subnet.web.id\n  ip = "10.1.0.20"'
    two += f'\nresource "headgate_port" "web2" {{\n  {second}\n}}\n'
    terraform.apply(two)
    terraform.apply(two.replace('"10.1.0.20"', '"10.1.0.10"').replace('ip = "10.1.0.10"', 'ip = "10.1.0.30"', 1))
    terraform.assert_settled()


def test_a_subnet_is_created_again_under_another_name_in_one_apply(terraform: Terraform, backend: Backend) -> None:
    subnet = WEB.split("}\n", maxsplit=1)[0] + "}\n"
    terraform.apply(PLAIN_VPC + subnet)
    terraform.apply(PLAIN_VPC + subnet.replace('"web"', '"front"'))
    assert backend.names() == {"projects/default/vpcs/shop", "projects/default/vpcs/shop/subnets/front"}
    terraform.assert_settled()


def test_a_next_hop_changes_its_variant_in_place(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(QUICKSTART)
    terraform.apply(QUICKSTART.replace("{ external_subnet = headgate_subnet.internet.id }", '{ ip = "10.1.0.9" }'))
    assert backend.objects["projects/default/vpcs/shop/routes/default"].next_hops[0].ip == "10.1.0.9"
    terraform.assert_settled()


def test_every_kind_is_imported_and_then_plans_empty(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(QUICKSTART)
    ids = {address: values["id"] for address, values in terraform.state().items()}
    (terraform.directory / "terraform.tfstate").unlink()
    blocks = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in ids.items())
    assert len(ids) == len(backend.names())
    output = terraform.apply(QUICKSTART + blocks)
    assert f"{len(ids)} imported, 0 added, 0 changed, 0 destroyed" in output
    terraform.assert_settled()


def test_a_generated_configuration_of_every_kind_plans_empty(terraform: Terraform) -> None:
    terraform.apply(QUICKSTART)
    ids = {address: values["id"] for address, values in terraform.state().items()}
    (terraform.directory / "terraform.tfstate").unlink()
    terraform.write("".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in ids.items()))
    terraform.run("plan", "-generate-config-out=generated.tf", "-no-color")
    assert f"{len(ids)} imported, 0 added, 0 changed, 0 destroyed" in terraform.apply()
    terraform.assert_settled()


def test_at_the_deadline_the_resource_stays_with_a_warning_that_names_the_hosts(
    terraform: Terraform, backend: Backend
) -> None:
    backend.lagging = {"hosts/h2": "not connected since noon"}
    output = terraform.apply(PLAIN_VPC)
    assert "Warning: Not realised yet" in output
    assert "hosts/h2: not connected since noon" in output
    # A tainted resource would be replaced.
    terraform.assert_settled()


def test_nobody_waits_where_the_provider_is_told_not_to(terraform: Terraform, backend: Backend) -> None:
    backend.lagging = {"hosts/h2": "not connected"}
    terraform.apply('provider "headgate" {\n  wait = "none"\n}\n' + PLAIN_VPC)
    assert backend.requested("AwaitRealised") == []


def test_what_exists_already_is_answered_with_the_command_to_import_it(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(PLAIN_VPC)
    (terraform.directory / "terraform.tfstate").unlink()
    output = terraform.run("apply", "-auto-approve", "-no-color", expect=1)
    assert "terraform import headgate_vpc.shop projects/default/vpcs/shop" in output


def test_importing_what_is_not_there_or_misspelled_says_so(terraform: Terraform) -> None:
    terraform.write(PLAIN_VPC)
    missing = terraform.run("import", "-no-color", "headgate_vpc.shop", "projects/default/vpcs/nowhere", expect=1)
    assert "There is no projects/default/vpcs/nowhere" in missing
    misspelled = terraform.run("import", "-no-color", "headgate_vpc.shop", "shop", expect=1)
    assert "projects/{project}/vpcs/{vpc}" in misspelled


def test_resources_land_in_the_providers_project(terraform: Terraform, backend: Backend) -> None:
    terraform.apply('provider "headgate" {\n  project = "team-a"\n}\n' + PLAIN_VPC + WEB)
    assert "projects/team-a/vpcs/shop/subnets/web/ports/web1" in backend.names()


def test_the_token_is_sent_and_never_shown(terraform: Terraform, backend: Backend) -> None:
    output = terraform.apply('provider "headgate" {\n  token = "s3cret"\n}\n' + PLAIN_VPC)
    assert backend.requests[0][2]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in output + json.dumps(terraform.state())


def test_the_timeouts_of_a_resource_count_instead_of_the_providers_deadline(
    terraform: Terraform, backend: Backend
) -> None:
    backend.lagging, backend.realising = {"hosts/h2": "not connected"}, threading.Event()
    limits = '  timeouts = { create = "1s", update = "2s" }\n}\n'
    assert "Warning: Not realised yet" in terraform.apply(PLAIN_VPC.replace("}\n", limits))
    terraform.apply(PLAIN_VPC.replace("}\n", f'  description = "x"\n{limits}'))
    waits = [request.deadline.ToMilliseconds() for request in backend.requested("AwaitRealised")]
    assert len(waits) == 2
    assert waits[0] <= 1000 < waits[1] <= 2000


def test_changes_of_timeouts_alone_ask_nobody(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(PLAIN_VPC)
    terraform.apply(PLAIN_VPC.replace("}\n", '  timeouts = { update = "2m" }\n}\n'))
    assert backend.requested("UpdateVpc") == []
    terraform.assert_settled()
    assert terraform.state()["headgate_vpc.shop"]["timeouts"]["update"] == "2m"


def test_a_deletion_is_given_up_after_its_timeout(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(PLAIN_VPC.replace("}\n", '  timeouts = { delete = "1s" }\n}\n'))
    answered = threading.Event()
    backend.refuse = lambda verb, _request: answered.wait(60) and None if verb == "Delete" else None
    try:
        refused = terraform.run("destroy", "-auto-approve", "-no-color", expect=1)
    finally:
        answered.set()
    assert "Deadline exceeded" in refused
    assert "headgate_vpc.shop" in terraform.state()


def test_blocks_of_the_provider_under_different_names_are_apart(
    installed_terraform: Terraform, backend: Backend
) -> None:
    other = 'provider "headgate" {\n  alias   = "b"\n  project = "team-b"\n}\n'
    there = PLAIN_VPC.replace('"headgate_vpc" "shop" {', '"headgate_vpc" "there" {\n  provider = headgate.b')
    installed_terraform.write(other + PLAIN_VPC + there)
    installed_terraform.run("init", "-no-color")
    installed_terraform.apply()
    assert backend.names() == {"projects/default/vpcs/shop", "projects/team-b/vpcs/shop"}
    installed_terraform.assert_settled()
