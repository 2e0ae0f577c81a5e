"""Every folder of terraform-examples: applied, planned again, imported, destroyed."""

import json
import shutil
from pathlib import Path

import pytest

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import no_reach, reach, seen_as
from headgate_lab.waiting import wait_until
from terraform import Terraform

EXAMPLES = Path(__file__).parents[2] / "terraform-examples"


def example(terraform: Terraform, name: str) -> None:
    """Put an example in place of the directory's configuration."""
    for file in (EXAMPLES / name).glob("*.tf"):
        shutil.copy(file, terraform.directory)
    terraform.run("init", "-no-color")


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_an_example_applies_plans_empty_imports_and_destroys(
    terraform: Terraform, api: Api, project: str, name: str
) -> None:
    example(terraform, name)
    terraform.run("apply", "-auto-approve", "-no-color")
    terraform.assert_settled()
    state = terraform.state()
    for address in state:
        terraform.run("state", "rm", address)
    for address, values in state.items():
        terraform.run("import", "-no-color", address, values["id"])
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")
    assert list(api.names(f"projects/{project}/")) == []


def test_configuration_generated_on_import_plans_empty(terraform: Terraform, project: str) -> None:
    example(terraform, "quickstart")
    terraform.run("apply", "-auto-approve", "-no-color")
    resources = terraform.state()
    for file in ("terraform.tfstate", "outputs.tf"):
        (terraform.directory / file).unlink()
    imports = "".join(
        f'import {{\n  to = {address}\n  id = "{values["id"]}"\n}}\n' for address, values in resources.items()
    )
    terraform.write(imports)
    terraform.run("plan", "-generate-config-out=generated.tf", "-no-color")
    output = terraform.run("apply", "-auto-approve", "-no-color")
    assert f"{len(resources)} imported, 0 added, 0 changed, 0 destroyed" in output
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")


def test_the_quickstart_carries_packets_as_its_readme_says(lab: Lab, terraform: Terraform, project: str) -> None:
    example(terraform, "quickstart")
    terraform.run("apply", "-auto-approve", "-no-color")
    state = terraform.state()
    places = {"web1": "h1", "web2": "h2", "web3": "h1", "db1": "h3", "bank1": "h2", "bank2": "h3"}
    for name, host in places.items():
        port = state[f"headgate_port.{name}"]
        gateway = "10.2.0.1" if name == "db1" else "10.1.0.1"
        lab.workload(name, host=host, port=port["iface_id"], mac=port["mac"], ip=f"{port['ip']}/24", gateway=gateway)
    router = state["headgate_vpc.shop"]["external_subnets"]["internet"]["snat_ips"][0]
    floating = state["headgate_floating_ip.web1"]["ip"]
    lab.expect(
        *(reach("web1", other, protocol=p) for other in ("web2", "web3", "db1") for p in ("icmp", "tcp")),
        reach("bank1", "bank2"),
        no_reach("bank1", state["headgate_port.web2"]["ip"]),
        no_reach("web1", "10.1.0.22"),
        seen_as("web2", "internet", router),
        seen_as("web1", "internet", floating),
        reach("internet", floating),
    ).within(seconds=20)
    assert json.loads(terraform.run("output", "-json")) is not None


def test_a_host_that_registered_itself_is_taken_over_without_an_import_and_given_back(
    lab: Lab, terraform: Terraform, api: Api
) -> None:
    api.delete("hosts/h2")
    wait_until(lambda: "hosts/h2" in api.names("hosts/"), seconds=10, what="h2 to be registered anew")
    configuration = 'resource "headgate_host" "h2" {\n  name = "h2"\n  zone = "north"\n}\n'
    terraform.apply(configuration)
    terraform.assert_settled()
    shown = api.get("hosts/h2")
    assert (shown.zone, shown.physical_networks) == ("north", {"provider": "br-ext"})
    terraform.run("state", "rm", "headgate_host.h2")
    assert "terraform import headgate_host.h2 hosts/h2" in terraform.run(
        "apply", "-auto-approve", "-no-color", expect=1
    )
    terraform.run("import", "-no-color", "headgate_host.h2", "hosts/h2")
    terraform.run("destroy", "-auto-approve", "-no-color")
    wait_until(lambda: "hosts/h2" in api.names("hosts/"), seconds=10, what="h2 to be given back")
    assert not api.get("hosts/h2").zone
    lab.await_hosts()


def test_a_host_is_imported_and_labelled_by_terraform(terraform: Terraform, api: Api) -> None:
    terraform.write('resource "headgate_host" "h1" {\n  name   = "h1"\n  labels = { rack = "r7" }\n}\n')
    terraform.run("import", "-no-color", "headgate_host.h1", "hosts/h1")
    assert terraform.actions() == {"headgate_host.h1": ["update"]}
    terraform.apply()
    terraform.assert_settled()
    assert api.get("hosts/h1").labels == {"rack": "r7"}
    assert api.get("hosts/h1").physical_networks == {"provider": "br-ext"}, "what the agent reported stays"
    terraform.apply('resource "headgate_host" "h1" {\n  name = "h1"\n}\n')
    assert api.get("hosts/h1").labels == {}
    terraform.run("state", "rm", "headgate_host.h1")
