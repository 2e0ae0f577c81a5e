"""Data sources under the real terraform, against a real controller: one by id or name, many by a filter."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller

from api import Api
from headgate.v1 import intent_pb2, vpc_pb2
from terraform import Terraform

PAGE = 1_000
"""What the controller puts on a page if nobody asks for less."""


@pytest.fixture
def environment(environment: dict[str, str], shared_controller: Controller, project: str) -> dict[str, str]:
    return environment | {"HEADGATE_ENDPOINTS": shared_controller.api, "HEADGATE_PROJECT": project}


@pytest.fixture
def terraform(tmp_path: Path, debugged_provider: dict[str, str]) -> Terraform:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / "configuration"
    directory.mkdir()
    return Terraform(directory, debugged_provider)


@pytest.fixture
def shop(api: Api, project: str) -> str:
    """A VPC with a subnet and a port, and a VLAN subnet beside it; the VPC's name."""
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc, display_name="The shop", labels={"tier": "front"})
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    api.create(f"{vpc}/subnets/web/ports/web1", ip="10.1.0.10")
    vlan = {"physical_network": "provider", "id": 200}
    api.create(f"projects/{project}/subnets/dmz", vlan=vlan, cidr="10.9.0.0/24", gateway="10.9.0.1")
    return vpc


def read(terraform: Terraform, *blocks: str) -> dict[str, dict[str, Any]]:
    """Return what data sources answer, by address."""
    terraform.apply("\n".join(blocks))
    return terraform.state()


def found(values: dict[str, Any]) -> list[str]:
    """Return the ids that a list holds."""
    (resources,) = (value for value in values.values() if isinstance(value, list))
    return [resource["id"] for resource in resources]


def data(type_: str, *lines: str, name: str = "x") -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return f'data "headgate_{type_}" "{name}" {{\n{body}\n}}\n'


def test_one_resource_is_found_by_its_id(terraform: Terraform, shop: str, api: Api) -> None:
    vpc = read(terraform, data("vpc", f'id = "{shop}"'))["data.headgate_vpc.x"]
    assert (vpc["name"], vpc["display_name"], vpc["labels"]) == ("shop", "The shop", {"tier": "front"})
    assert vpc["uid"] == api.get(shop).uid


def test_one_resource_is_found_by_its_name_and_where_it_is(terraform: Terraform, shop: str, project: str) -> None:
    state = read(
        terraform,
        data("vpc", 'name = "shop"', name="here"),
        data("vpc", 'name = "shop"', f'project = "{project}"', name="there"),
        data("subnet", 'name = "web"', f'vpc = "{shop}"', name="overlay"),
        data("subnet", 'name = "dmz"', name="vlan"),
        data("port", 'name = "web1"', f'subnet = "{shop}/subnets/web"'),
    )
    assert {address.removeprefix("data.headgate_"): values["id"] for address, values in state.items()} == {
        "vpc.here": shop,
        "vpc.there": shop,
        "subnet.overlay": f"{shop}/subnets/web",
        "subnet.vlan": f"projects/{project}/subnets/dmz",
        "port.x": f"{shop}/subnets/web/ports/web1",
    }
    assert state["data.headgate_subnet.overlay"]["vpc"] == shop
    assert state["data.headgate_subnet.vlan"]["vpc"] is None
    assert state["data.headgate_subnet.vlan"]["vlan"] == {"physical_network": "provider", "id": 200}
    assert state["data.headgate_port.x"]["ip"] == "10.1.0.10"


def test_what_resources_hide_because_it_changes_by_itself_is_shown(terraform: Terraform, shop: str, api: Api) -> None:
    vpc = read(terraform, data("vpc", f'id = "{shop}"'))["data.headgate_vpc.x"]
    assert (vpc["generation"], vpc["state"], vpc["etag"]) == (1, "active", api.get(shop).etag)
    assert vpc["status"]["waiting_for"] == []
    created = datetime.fromisoformat(vpc["create_time"])
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    managed = read(terraform, 'resource "headgate_vpc" "y" {\n  name = "other"\n}')["headgate_vpc.y"]
    assert {"generation", "state", "etag", "status", "create_time", "update_time"}.isdisjoint(managed)
    terraform.run("destroy", "-auto-approve", "-no-color")


@pytest.mark.parametrize(
    ("lines", "source"),
    [
        (('id = "projects/p/vpcs/none"',), 'id = "projects/p/vpcs/none"'),
        (('name = "none"',), 'name = "none"'),
    ],
)
def test_what_is_not_there_is_an_error_at_the_attribute_that_names_it(
    terraform: Terraform, lines: tuple[str, ...], source: str
) -> None:
    terraform.write(data("vpc", *lines))
    assert terraform.faults("plan") == [("Not found", source)]
    assert "There is no projects/" in terraform.run("plan", "-no-color", expect=1)


@pytest.mark.parametrize(
    ("block", "summary"),
    [
        (data("vpc"), "One must be set"),
        (data("vpc", 'id = "projects/p/vpcs/v"', 'name = "v"'), "Only one may be set"),
        (data("subnet", 'id = "projects/p/subnets/s"', 'vpc = "projects/p/vpcs/v"'), "Only one may be set"),
        (data("subnet", 'name = "s"', 'vpc = "projects/p/vpcs/v"', 'project = "p"'), "Only one may be set"),
        (data("vpc", 'id = "v"'), "Invalid id"),
        (data("vpc", 'name = "Bad_Name"'), "Invalid name"),
        (data("port", 'name = "web1"'), "Missing subnet"),
        (data("ports", 'subnet = "web"'), "Invalid subnet"),
        (data("vpcs", 'project = "Team A"'), "Invalid project"),
    ],
)
def test_a_query_that_can_mean_nothing_is_refused_without_asking(
    terraform: Terraform, block: str, summary: str
) -> None:
    terraform.environment["HEADGATE_ENDPOINTS"] = "127.0.0.1:1"
    terraform.write(block)
    assert [found for found, _ in terraform.faults("validate")] == [summary]


def test_a_list_holds_every_resource_of_the_project_or_of_a_parent(
    terraform: Terraform, shop: str, project: str, api: Api
) -> None:
    other = f"projects/{project}/vpcs/bank"
    api.create(other)
    api.create(f"{other}/subnets/web", cidr="10.1.0.0/24")
    state = read(
        terraform,
        data("vpcs", name="all"),
        data("subnets", name="all"),
        data("subnets", f'vpc = "{shop}"', name="own"),
        data("ports", name="all"),
        data("floating_ips", name="none"),
    )
    ids = {address.removeprefix("data.headgate_"): found(values) for address, values in state.items()}
    assert ids == {
        "vpcs.all": [other, shop],
        "subnets.all": [f"projects/{project}/subnets/dmz", f"{other}/subnets/web", f"{shop}/subnets/web"],
        "subnets.own": [f"{shop}/subnets/web"],
        "ports.all": [f"{shop}/subnets/web/ports/web1"],
        "floating_ips.none": [],
    }


def test_a_filter_selects_and_a_wrong_one_is_refused_at_its_attribute(terraform: Terraform, shop: str) -> None:
    matching, other = 'filter = "labels.tier = front"', 'filter = "display_name = bank"'
    state = read(terraform, data("vpcs", matching), data("vpcs", other, name="y"))
    assert [vpc["name"] for vpc in state["data.headgate_vpcs.x"]["vpcs"]] == ["shop"]
    assert state["data.headgate_vpcs.y"]["vpcs"] == []
    terraform.write(data("vpcs", 'filter = "nonsense"'))
    assert terraform.faults("plan") == [("Bad filter", 'filter = "nonsense"')]


def test_hosts_which_are_in_no_project_are_found_and_listed(terraform: Terraform, api: Api, project: str) -> None:
    name = f"{project}.Rack-7.example"
    host = api.create(f"hosts/{name}", labels={"rack": project})
    state = read(terraform, data("host", f'name = "{name}"'), data("hosts", f'filter = "labels.rack = {project}"'))
    assert state["data.headgate_host.x"]["uid"] == host.uid
    assert found(state["data.headgate_hosts.x"]) == [host.name]


def test_c16_a_list_of_more_than_one_page_is_whole(terraform: Terraform, api: Api, project: str) -> None:
    create = intent_pb2.BatchRequest()
    for number in range(PAGE + 1):
        vpc = vpc_pb2.Vpc(name=f"projects/{project}/vpcs/v{number:04}")
        create.mutations.add().create.Pack(vpc)
        if len(create.mutations) == PAGE:
            api.intent.Batch(create)
            create = intent_pb2.BatchRequest()
    api.intent.Batch(create)
    terraform.apply(data("vpcs") + 'output "count" {\n  value = length(data.headgate_vpcs.x.vpcs)\n}\n')
    assert terraform.run("output", "-no-color", "count").strip() == str(PAGE + 1)
    delete = [f"projects/{project}/vpcs/v{number:04}" for number in range(PAGE + 1)]
    for names in (delete[:PAGE], delete[PAGE:]):
        batch = intent_pb2.BatchRequest()
        for name in names:
            batch.mutations.add().delete.name = name
        api.intent.Batch(batch)


def test_what_depends_on_something_not_there_yet_is_read_at_apply(terraform: Terraform, project: str) -> None:
    vpc = 'resource "headgate_vpc" "new" {\n  name = terraform_data.name.output\n}\n'
    name = 'resource "terraform_data" "name" {\n  input = "fresh"\n}\n'
    terraform.write(name + vpc + data("vpc", "id = headgate_vpc.new.id"))
    (planned,) = [c for c in terraform.plan()["resource_changes"] if c["mode"] == "data"]
    assert planned["change"]["actions"] == ["read"]
    terraform.apply()
    assert terraform.state()["data.headgate_vpc.x"]["id"] == f"projects/{project}/vpcs/fresh"
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")


def test_c43_nothing_is_changed_by_reading(terraform: Terraform, shop: str, api: Api) -> None:
    before = api.get(shop).etag
    read(terraform, data("vpc", f'id = "{shop}"'), data("vpcs", name="all"))
    assert api.get(shop).etag == before


def test_what_is_on_its_way_out_is_shown_as_that_by_its_id_and_in_no_list(
    terraform: Terraform, shop: str, api: Api
) -> None:
    api.delete(shop, when_unreferenced=True)
    state = read(terraform, data("vpc", f'id = "{shop}"'), data("vpcs", name="all"))
    assert state["data.headgate_vpc.x"]["state"] == "deleting"
    assert found(state["data.headgate_vpcs.all"]) == []
    for last in ("subnets/web/ports/web1", "subnets/web"):
        api.delete(f"{shop}/{last}")


def test_without_an_endpoint_or_a_known_project_it_is_said_what_to_do(terraform: Terraform, shop: str) -> None:
    terraform.write('provider "headgate" {\n  endpoints = []\n}\n' + data("vpc", f'id = "{shop}"'))
    assert [summary for summary, _ in terraform.faults("plan")] == ["No endpoint"]
    unknown = (
        'resource "terraform_data" "team" {\n  input = "a"\n}\n'
        'provider "headgate" {\n  project = terraform_data.team.output\n}\n'
    )
    terraform.write(unknown + data("vpc", 'name = "shop"'))
    assert [summary for summary, _ in terraform.faults("plan")] == ["Unknown project"]
    terraform.write(unknown + data("vpc", f'id = "{shop}"') + data("vpcs", 'project = "p"'))
    terraform.run("plan", "-no-color")
