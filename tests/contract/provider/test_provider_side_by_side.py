"""Two Terraforms at once in one project, each with a state of its own: nothing is made twice or lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from controller_site import Controller

from api import Api
from terraform import Terraform

PROVIDER = 'provider "headgate" {\n  wait = "none"\n}\n'
NETWORK = """
resource "headgate_vpc" "shop" { name = "shop" }
resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}
"""


@pytest.fixture
def two(
    api: Api, shared_controller: Controller, project: str, tmp_path: Path, installed_provider: dict[str, str]
) -> list[Terraform]:
    """Two people with configurations and states of their own."""
    environment = installed_provider | {"HEADGATE_ENDPOINTS": shared_controller.api, "HEADGATE_PROJECT": project}
    found = []
    for name in ("alice", "bob"):
        (tmp_path / name).mkdir()
        found.append(Terraform(tmp_path / name, environment))
        found[-1].write(PROVIDER)
        found[-1].run("init", "-no-color")
    return found


def at_once(two: list[Terraform], *arguments: str) -> list[str]:
    """Return what both print, whatever they end with."""
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(lambda terraform: terraform.run(*arguments, "-no-color", expect=None), two))


def test_of_two_that_create_the_same_names_at_once_one_has_each_and_the_other_is_told_how_to_import(
    two: list[Terraform], api: Api, project: str
) -> None:
    for terraform in two:
        terraform.write(PROVIDER + NETWORK)
    said = at_once(two, "apply", "-auto-approve")
    held = [set(terraform.state()) for terraform in two]
    assert held[0] | held[1] == {"headgate_vpc.shop", "headgate_subnet.web"}
    assert not held[0] & held[1], "a resource has one owner"
    assert any("exists already" in words and "terraform import" in words for words in said), said
    assert sorted(api.names(f"projects/{project}/")) == [
        f"projects/{project}/vpcs/shop",
        f"projects/{project}/vpcs/shop/subnets/web",
    ]


def test_of_two_that_change_different_fields_of_one_resource_at_once_neither_loses_its_change(
    two: list[Terraform], api: Api, project: str
) -> None:
    name = f"projects/{project}/vpcs/shop"
    two[0].apply(PROVIDER + 'resource "headgate_vpc" "shop" { name = "shop" }\n')
    two[1].write(PROVIDER + 'resource "headgate_vpc" "shop" { name = "shop" }\n')
    two[1].run("import", "-no-color", "headgate_vpc.shop", name)
    for terraform, line in zip(two, ('description = "by Alice"', 'labels = { by = "bob" }'), strict=True):
        terraform.write(f'{PROVIDER}resource "headgate_vpc" "shop" {{\n  name = "shop"\n  {line}\n}}\n')
        terraform.run("plan", "-out=plan.bin", "-no-color")
    at_once(two, "apply", "plan.bin")
    vpc = api.get(name)
    assert (vpc.description, dict(vpc.labels)) == ("by Alice", {"by": "bob"})


def test_of_two_that_ask_for_the_same_address_at_once_one_has_it(two: list[Terraform], api: Api, project: str) -> None:
    vpc, web = f"projects/{project}/vpcs/shop", f"projects/{project}/vpcs/shop/subnets/web"
    api.create(vpc)
    api.create(web, cidr="10.1.0.0/24")
    for terraform, name in zip(two, ("a", "b"), strict=True):
        port = f'name = "{name}"\n  subnet = "{web}"\n  ip = "10.1.0.9"'
        terraform.write(f'{PROVIDER}resource "headgate_port" "x" {{\n  {port}\n}}\n')
    said = at_once(two, "apply", "-auto-approve")
    held = [terraform.state() for terraform in two]
    assert sorted(map(len, held)) == [0, 1]
    loser = said[0 if not held[0] else 1]
    assert "10.1.0.9" in loser
    assert f"{web}/ports/" in loser, "who has it is said"
