"""Changes whose order Terraform and the network see differently: one apply each."""

from api import Api
from terraform import Terraform

NETWORK = """
resource "headgate_subnet" "internet" {
  name     = "internet"
  vlan     = { physical_network = "provider", id = 200 }
  cidr     = "203.0.113.0/24"
  gateway  = "203.0.113.1"
  external = { mode = "nat" }
}
"""
VPC = """
resource "headgate_vpc" "shop" { name = "shop" }
"""


def subnet(cidr: str = "10.1.0.0/24", *, label: str = "web", name: str = "web") -> str:
    """Return the configuration of a subnet of the VPC."""
    return f"""
resource "headgate_subnet" "{label}" {{
  name = "{name}"
  vpc  = headgate_vpc.shop.id
  cidr = "{cidr}"
}}
"""


def port(name: str, *, ip: str | None = None, subnet: str = "web") -> str:
    """Return the configuration of a port."""
    address = f'ip     = "{ip}"' if ip else ""
    return f"""
resource "headgate_port" "{name}" {{
  name   = "{name}"
  subnet = headgate_subnet.{subnet}.id
  {address}
}}
"""


def test_a_changed_cidr_replaces_the_subnet_and_its_ports_in_one_apply(terraform: Terraform) -> None:
    terraform.apply(VPC + subnet() + port("a") + port("b"))
    terraform.apply(VPC + subnet("10.7.0.0/24") + port("a") + port("b"))
    terraform.assert_settled()
    assert {values["ip"] for name, values in terraform.state().items() if "port" in name} == {"10.7.0.2", "10.7.0.3"}


def test_replacing_a_vpc_replaces_its_children_in_one_apply(terraform: Terraform) -> None:
    terraform.apply(VPC + subnet() + port("a"))
    before = terraform.state()
    terraform.run("apply", "-auto-approve", "-no-color", "-replace=headgate_vpc.shop")
    after = terraform.state()
    assert {n for n in after if after[n]["uid"] == before[n]["uid"]} == set()
    terraform.assert_settled()


def test_an_external_subnet_is_removed_from_its_vpc_and_destroyed_in_one_apply(terraform: Terraform) -> None:
    attached = 'resource "headgate_vpc" "shop" {\n  name = "shop"\n  external_subnets = { internet = { subnet = '
    attached += "headgate_subnet.internet.id } }\n}\n"
    terraform.apply(NETWORK + attached + subnet())
    terraform.apply(VPC + subnet())
    terraform.assert_settled()
    assert "headgate_subnet.internet" not in terraform.state()


def test_an_address_moves_between_ports_in_one_apply(terraform: Terraform) -> None:
    terraform.apply(VPC + subnet() + port("a", ip="10.1.0.10") + port("b", ip="10.1.0.11"))
    terraform.apply(VPC + subnet() + port("a", ip="10.1.0.12") + port("b", ip="10.1.0.10"))
    terraform.assert_settled()


def test_a_subnet_is_made_again_under_another_name_with_the_same_cidr_in_one_apply(terraform: Terraform) -> None:
    terraform.apply(VPC + subnet() + port("a"))
    terraform.apply(VPC + subnet(label="front", name="front") + port("a", subnet="front"))
    terraform.assert_settled()


def test_a_port_deleted_behind_terraforms_back_is_planned_anew(terraform: Terraform, api: Api) -> None:
    terraform.apply(VPC + subnet() + port("a"))
    api.delete(terraform.state()["headgate_port.a"]["id"])
    assert terraform.actions() == {"headgate_port.a": ["create"]}
    terraform.apply()
    terraform.assert_settled()


FLOATING = """
resource "headgate_vpc" "shop" {
  name             = "shop"
  external_subnets = { internet = { subnet = headgate_subnet.internet.id } }
}
resource "headgate_floating_ip" "a" {
  name            = "a"
  external_subnet = headgate_subnet.internet.id
  port            = headgate_port.a.id
}
"""


def test_a_port_with_a_floating_ip_is_replaced_in_one_apply(terraform: Terraform) -> None:
    terraform.apply(NETWORK + FLOATING + subnet() + port("a"))
    before = terraform.state()
    terraform.apply(NETWORK + FLOATING + subnet("10.7.0.0/24") + port("a"))
    after = terraform.state()
    assert after["headgate_port.a"]["ip"] == "10.7.0.2"
    assert after["headgate_floating_ip.a"]["ip"] == before["headgate_floating_ip.a"]["ip"]
    terraform.assert_settled()


def test_an_external_subnet_that_a_vpc_is_attached_to_is_replaced_in_one_apply(
    terraform: Terraform, api: Api, project: str
) -> None:
    terraform.apply(NETWORK + FLOATING + subnet() + port("a"))
    moved = NETWORK.replace("203.0.113", "198.51.100")
    terraform.apply(moved + FLOATING + subnet() + port("a"))
    attachment = api.get(f"projects/{project}/vpcs/shop").external_subnets["internet"]
    assert attachment.router_ips[0].startswith("198.51.100.")
    assert terraform.state()["headgate_floating_ip.a"]["ip"].startswith("198.51.100.")
    terraform.assert_settled()
