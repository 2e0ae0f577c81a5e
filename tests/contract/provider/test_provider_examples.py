"""The examples of the provider's documentation, run as they stand by the real terraform against a real controller."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Controller, controlling

from api import Api
from headgate_terraform.data_sources import load_data_sources
from headgate_terraform.kinds import load_kinds
from terraform import HEADER, Terraform

ROOT = Path(__file__).parents[3]
PROVIDER = ROOT / "provider"
EXAMPLES = PROVIDER / "examples"
KINDS = load_kinds()
SOURCES = load_data_sources(KINDS)
NO_WAIT = 'provider "headgate" {\n  wait = "none"\n}\n'


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    """A controller without a site: what it accepts is the claim here, not what a data plane does."""
    directory = Path(tempfile.mkdtemp(prefix="hge-"))
    with controlling(Controller(directory)) as running:
        yield running
    shutil.rmtree(directory)


@pytest.fixture
def environment(environment: dict[str, str], controller: Controller) -> dict[str, str]:
    return environment | {"HEADGATE_ENDPOINTS": controller.api}


@pytest.fixture
def terraform(tmp_path: Path, debugged_provider: dict[str, str], api: Api) -> Iterator[Terraform]:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / "configuration"
    directory.mkdir()
    (directory / "provider.tf").write_text(HEADER + NO_WAIT)
    yield Terraform(directory, debugged_provider)
    assert list(api.names("")) == []


@pytest.fixture
def api(controller: Controller) -> Iterator[Api]:
    client = Api(controller.api)
    yield client
    client.close()


def put(terraform: Terraform, *files: Path) -> None:
    for file in files:
        shutil.copy(file, terraform.directory)


def resource_example(type_: str) -> Path:
    return EXAMPLES / "resources" / type_ / "resource.tf"


@pytest.mark.parametrize("type_", KINDS)
def test_the_example_of_a_resource_applies_plans_empty_imports_and_destroys(terraform: Terraform, type_: str) -> None:
    put(terraform, resource_example(type_))
    terraform.apply()
    terraform.assert_settled()
    command = resource_example(type_).with_name("import.sh")
    address = next(word for word in command.read_text().split() if word.startswith(f"{type_}."))
    before = terraform.state()[address]
    terraform.run("state", "rm", address)
    subprocess.run(
        ["sh", str(command)], cwd=terraform.directory, env=terraform.environment, check=True, capture_output=True
    )
    assert terraform.state()[address] == before
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")


@pytest.mark.parametrize("type_", SOURCES)
def test_the_example_of_a_data_source_finds_what_that_of_the_resource_makes(terraform: Terraform, type_: str) -> None:
    kind = SOURCES[type_].kind.terraform_type
    put(terraform, resource_example(kind))
    terraform.apply()
    put(terraform, EXAMPLES / "data-sources" / type_ / "data-source.tf")
    terraform.apply()
    found = {address: values for address, values in terraform.state().items() if address.startswith("data.")}
    named = resource_example(kind).with_name("import.sh").read_text().split()[-1]
    if SOURCES[type_].collection:
        (values,) = found.values()
        assert named in [resource["id"] for resource in values[SOURCES[type_].collection]]
    else:
        assert {values["id"] for values in found.values()} == {named}
    (terraform.directory / "data-source.tf").unlink()
    terraform.run("destroy", "-auto-approve", "-no-color")


def test_every_example_is_formatted_and_every_page_shows_one(terraform: Terraform) -> None:
    terraform.run("fmt", "-check", "-recursive", str(EXAMPLES))
    pages = [page for page in (PROVIDER / "docs").rglob("*.md") if "## Example Usage" not in page.read_text()]
    assert pages == []


def test_the_example_of_the_provider_block_is_valid(terraform: Terraform) -> None:
    put(terraform, EXAMPLES / "provider/provider.tf")
    terraform.run("validate", "-no-color")


def test_the_configuration_in_the_guide_applies_and_finds_what_it_looks_for(terraform: Terraform, api: Api) -> None:
    vlan = {"physical_network": "provider", "id": 200}
    fields = {"cidr": "203.0.113.0/24", "gateway": "203.0.113.1", "external": {"mode": "MODE_NAT"}}
    api.create("projects/platform/subnets/internet", vlan=vlan, labels={"use": "external"}, **fields)
    blocks = re.findall(r"```terraform\n(.*?)```", (ROOT / "docs/guide/terraform.md").read_text(), re.DOTALL)
    (terraform.directory / "main.tf").write_text("\n".join(blocks))
    assert "No host" in terraform.run("apply", "-auto-approve", "-no-color")
    assert json.loads(terraform.run("output", "-json", "ranges")) == {"internet": "203.0.113.0/24"}
    terraform.run("fmt", "-check")
    terraform.run("destroy", "-auto-approve", "-no-color")
    api.clear("platform")
