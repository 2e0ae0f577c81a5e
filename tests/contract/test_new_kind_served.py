"""A kind of its own (tests/new_kind), added by configuration only, in use: through gRPC, the command line and the real
terraform.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from controller_site import Central, Controller, central, controlling, environment
from google.protobuf.descriptor import Descriptor
from refusal import refusal

from api import Api
from headgate.v1 import intent_pb2
from headgate_lab.waiting import wait_until
from headgate_terraform.install import install
from terraform import Terraform

FOLDER = Path(__file__).parents[1] / "new_kind"
EXTRA_PROTOS = {"HEADGATE_EXTRA_PROTOS": "headgate_test.v1.gadget_pb2", "PYTHONPATH": str(FOLDER)}
PROJECT = "projects/new-kind"
VPC, GADGET = f"{PROJECT}/vpcs/shop", f"{PROJECT}/vpcs/shop/gadgets/one"
SECONDS = 10.0


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Central]:
    with central(run_directory / "new-kind-ovn") as found:
        yield found


@pytest.fixture(scope="module")
def controller(run_directory: Path, site: Central) -> Iterator[Controller]:
    """A controller that knows the kind by its configuration."""
    made = Controller(
        run_directory / "new-kind",
        site,
        variables={"PYTHONPATH": str(FOLDER)},
        extra_kinds=["headgate_test.gadget"],
    )
    with controlling(made) as running:
        yield running


@pytest.fixture
def gadgets(controller: Controller) -> Iterator[Api]:
    """A client; afterwards the project is empty."""
    client = Api(controller.api)
    yield client
    client.clear("new-kind")
    client.close()


@pytest.fixture(scope="module")
def descriptor() -> Iterator[Descriptor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        from headgate_test.v1 import gadget_pb2

        yield gadget_pb2.Gadget.DESCRIPTOR


def addresses(site: Central, gadget: Any) -> str:
    """Return what Northbound has of a gadget's port."""
    found = site.nbctl("--bare", "--columns=addresses", "find", "Logical_Switch_Port", f'name="{uid_of(gadget)}"')
    return found.strip()


def uid_of(gadget: Any) -> str:
    return str(gadget["uid"] if isinstance(gadget, dict) else gadget.uid)


def await_row(site: Central, gadget: Any, expected: str) -> None:
    wait_until(lambda: addresses(site, gadget) == expected, seconds=SECONDS, what=f"{expected!r} in Northbound")


def network(api: Api) -> None:
    api.create(VPC)
    api.create(f"{VPC}/subnets/web", cidr="10.1.0.0/24")


def test_it_lives_and_dies_through_grpc(site: Central, gadgets: Api, descriptor: Descriptor) -> None:
    network(gadgets)
    wish = {"subnet": f"{VPC}/subnets/web", "colour": 2, "features": {"zoom": {"level": 3}}}
    made = gadgets.call(descriptor, "Create", parent=VPC, gadget_id="one", gadget=wish)
    assert (made.name, made.ip, made.colour) == (GADGET, "10.1.0.2", 2)
    answer = gadgets.intent.AwaitRealised(intent_pb2.AwaitRealisedRequest(name=GADGET), timeout=SECONDS)
    assert answer.realised
    assert addresses(site, made) == f"{made.mac} 10.1.0.2"
    moved = gadgets.call(descriptor, "Update", gadget={"name": GADGET, "ip": "10.1.0.77"})
    await_row(site, moved, f"{made.mac} 10.1.0.77")
    listed = gadgets.call(descriptor, "List", parent=f"{PROJECT}/vpcs/-", filter="colour = COLOUR_BLUE")
    assert [gadget.ip for gadget in listed.gadgets] == ["10.1.0.77"]
    assert GADGET in refusal(gadgets.delete, f"{VPC}/subnets/web").metadata["referrers"]
    refused = refusal(
        gadgets.call, descriptor, "Create", parent=VPC, gadget_id="two", gadget={"features": {"zoom": {"level": 11}}}
    )
    assert refused.faults == {
        ("subnet", "REQUIRED"),
        ("colour", "REQUIRED"),
        ("features[zoom].level", "OUT_OF_RANGE"),
    }
    watch = gadgets.intent.Watch(intent_pb2.WatchRequest(types=["gadget"]), timeout=SECONDS)
    assert next(watch).name == GADGET
    watch.cancel()
    gadgets.call(descriptor, "Delete", name=GADGET)
    await_row(site, made, "")


def test_the_command_line_shows_and_deletes_it(
    site: Central, controller: Controller, gadgets: Api, descriptor: Descriptor
) -> None:
    network(gadgets)
    wish = {"subnet": f"{VPC}/subnets/web", "colour": 1, "words": ["second", "hand"]}
    made = gadgets.call(descriptor, "Create", parent=VPC, gadget_id="one", gadget=wish)

    def headgate(*arguments: str) -> str:
        program = str(Path(sys.executable).with_name("headgate"))
        variables = environment() | EXTRA_PROTOS | {"HEADGATE_ENDPOINTS": controller.api}
        done = subprocess.run(
            [program, *arguments, "-p", "new-kind"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    table = headgate("get", "gadgets")
    assert "NAME" in table
    assert "10.1.0.2" in table
    shown = json.loads(headgate("get", "gadget", GADGET, "-o", "json"))
    assert (shown["mac"], shown["words"], shown["colour"]) == (made.mac, ["second", "hand"], "COLOUR_RED")
    assert GADGET in headgate("describe", "subnet", f"{VPC}/subnets/web")
    assert "is deleted" in headgate("delete", "gadget", GADGET)
    await_row(site, made, "")


def test_the_command_line_applies_and_exports_it(controller: Controller, gadgets: Api, tmp_path: Path) -> None:
    file = tmp_path / "gadget.yaml"
    file.write_text(
        "kind: gadget\nname: shop/one\nsubnet: shop/web\ncolour: blue\nfeatures: {zoom: {level: 3}}\n---\n"
        "kind: subnet\nname: shop/web\ncidr: 10.1.0.0/24\n---\nkind: vpc\nname: shop\n"
    )
    variables = environment() | EXTRA_PROTOS | {"HEADGATE_ENDPOINTS": controller.api, "HEADGATE_PROJECT": "new-kind"}

    def headgate(*arguments: str, text: str = "") -> str:
        program = str(Path(sys.executable).with_name("headgate"))
        done = subprocess.run(
            [program, *arguments], env=variables, input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "3 to create" in headgate("apply", "-f", str(file), "--yes")
    assert headgate("apply", "-f", str(file)) == "Nothing to do: 3 as they are.\n"
    assert headgate("apply", "-f", "-", text=headgate("export")) == "Nothing to do: 3 as they are.\n"
    assert "0 findings" in headgate("lint", "-q")
    assert f"- {GADGET}" in headgate("delete", "-f", str(file), "--yes")
    assert list(gadgets.names(f"{PROJECT}/")) == []


CONFIGURATION = """
resource "headgate_vpc" "shop" {
  name = "shop"
}
resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}
resource "headgate_gadget" "one" {
  name     = "one"
  vpc      = headgate_vpc.shop.id
  subnet   = headgate_subnet.web.id
  colour   = "blue"
  features = { zoom = { level = 3 }, fly = { level = 10 } }
  words    = ["second", "hand"]
}
"""


@pytest.fixture
def terraform(tmp_path: Path, controller: Controller) -> Terraform:
    """Terraform with the provider installed in a home of its own, as a user has it."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    home, directory = tmp_path / "home", tmp_path / "configuration"
    home.mkdir()
    directory.mkdir()
    install(home)
    (home / "terraform.rc").write_text("disable_checkpoint = true\n")
    scripts = str(Path(sys.executable).parent)
    runner = Terraform(
        directory,
        EXTRA_PROTOS
        | {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(home),
            "TF_CLI_CONFIG_FILE": str(home / "terraform.rc"),
            "CHECKPOINT_DISABLE": "1",
            "HEADGATE_ENDPOINTS": controller.api,
            "HEADGATE_PROJECT": "new-kind",
        },
    )
    runner.write(CONFIGURATION)
    runner.run("init", "-no-color")
    return runner


def test_terraform_keeps_it_as_it_is_written(site: Central, gadgets: Api, terraform: Terraform) -> None:
    terraform.apply()
    made = terraform.state()["headgate_gadget.one"]
    assert (made["id"], made["ip"], made["colour"]) == (GADGET, "10.1.0.2", "blue")
    assert addresses(site, made) == f"{made['mac']} 10.1.0.2", "what is applied is there"
    terraform.assert_settled()
    changed = CONFIGURATION.replace('"blue"', '"blue"\n  ip = "10.1.0.9"').replace("level = 3", "level = 4")
    terraform.apply(changed)
    assert addresses(site, made) == f"{made['mac']} 10.1.0.9"
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")
    await_row(site, made, "")
    assert list(gadgets.names(f"{PROJECT}/")) == []


def test_a_controller_without_the_kind_refuses_its_database(
    controller: Controller, gadgets: Api, descriptor: Descriptor, run_directory: Path
) -> None:
    network(gadgets)
    wish = {"subnet": f"{VPC}/subnets/web", "colour": 1}
    gadgets.call(descriptor, "Create", parent=VPC, gadget_id="one", gadget=wish)
    copy = run_directory / "copied.db"
    with closing(sqlite3.connect(controller.database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    other = Controller(run_directory / "without", database=f"sqlite:///{copy}")
    other.launch()
    assert other.status() == 1
    assert other.said() == (
        "headgate-controller: The database holds resources of the kind headgate_test.v1.Gadget, which is not there; "
        "add its module to extra_kinds.\n"
    )
