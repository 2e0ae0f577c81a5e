"""A kind with a field of every sort under the real terraform, against a real controller: what users hold and see."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller
from kitchen_site import EXTRA_PROTOS, FOLDER, kitchen, kitchen_sink

from api import Api
from terraform import Terraform

SINK = "projects/default/kitchenSinks/one"
SECRETS = ("planted-one", "planted-two", "planted-three")


@pytest.fixture(scope="module")
def controller(run_directory: Path) -> Iterator[Controller]:
    with kitchen(run_directory / "terraformed") as running, pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield running


@pytest.fixture
def environment(environment: dict[str, str], controller: Controller) -> dict[str, str]:
    return environment | EXTRA_PROTOS | {"HEADGATE_ENDPOINTS": controller.api}


@pytest.fixture
def backend(controller: Controller) -> Iterator[Api]:
    """The controller, in place of the API in memory."""
    client = Api(controller.api, kitchen_sink())
    yield client
    client.clear("default")
    client.close()


def sink(*lines: str, name: str = "one") -> str:
    body = "\n  ".join((f'name = "{name}"', 'title = "sink"', "wall = {}", *lines))
    return f'resource "headgate_kitchen_sink" "{name}" {{\n  {body}\n}}\n'


EVERYTHING = (
    'code = "a-1"',
    "flag = false",
    "level = -3",
    "large = 9007199254740993",
    "huge = 18446744073709551615",
    "ratio = 0.1",
    'blob = base64encode("raw")',
    'hold = "90m"',
    'until = "2030-01-01T00:00:00+01:00"',
    'api_token = "planted-one"',
    'password_wo = "planted-two"',
    "password_wo_version = 1",
    "basin = { depth = 3 }",
    'words = ["b", "a"]',
    "ports = [443, 80]",
    'steps = [{ what = "open" }, { what = "shut", serial = "s2" }]',
    'drains = [{ width = 2, outlet = "FD00::0001" }, { width = 1 }]',
    'taps = { hot = { flow = 9, secret_wo = "planted-three" }, cold = {} }',
    'notes = { a = "b" }',
    "weights = { a = -1 }",
    'shelves = { top = { depth = 1, stuff = "tin" } }',
    "by_number = 0",
    'origin = "here"',
    'addresses = ["FD00::0001", "10.0.0.1"]',
    'mac = "0A:00:00:00:00:01"',
    'prefix = "FD00::/64"',
    "partner = headgate_kitchen_sink.two.id",
    'intervals = ["1m", "1.5s"]',
    'dates = { start = "2030-01-01T00:00:00Z" }',
    'timeouts = { create = "2m", delete = "90s" }',
)
WHOLE = sink(*EVERYTHING) + sink(name="two")


def assert_nowhere(terraform: Terraform, *outputs: str, secrets: tuple[str, ...] = SECRETS[1:]) -> None:
    """Fail if a secret is in an output or in any file but the configuration, of which a plan has a copy."""
    files = [f for f in terraform.directory.rglob("*") if f.is_file() and f.suffix not in (".tf", ".bin")]
    for text in (*outputs, *(f.read_bytes().decode(errors="replace") for f in files)):
        assert not any(secret in text for secret in secrets)


def test_a_resource_with_a_field_of_every_sort_has_a_whole_life(terraform: Terraform, backend: Api) -> None:
    output = terraform.apply(WHOLE)
    state = terraform.state()["headgate_kitchen_sink.one"]
    assert (state["mtu"], state["finish"], state["period"], state["enabled"]) == (1500, "blue", "90s", True)
    assert (state["hold"], state["ratio"], state["huge"]) == ("90m", 0.1, 18446744073709551615)
    assert backend.get(SINK).blob == b"raw"
    terraform.assert_settled()
    assert_nowhere(terraform, output)
    assert SECRETS[0] not in output, "sensitive values are in the state, but on no screen"
    changed = WHOLE.replace('hold = "90m"', 'hold = "5400s"').replace("[443, 80]", "[80, 443]")
    terraform.write(changed)
    terraform.assert_settled()
    terraform.apply(changed.replace("by_number = 0", 'by_word = "w"').replace("cold = {}", "cool = {}"))
    found = backend.get(SINK)
    assert (found.WhichOneof("told_by"), [tap.name for tap in found.taps]) == ("by_word", ["cool", "hot"])
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")
    assert list(backend.names("projects/default/")) == []


def test_an_imported_resource_lacks_only_what_the_api_does_not_say(terraform: Terraform, backend: Api) -> None:
    terraform.apply(WHOLE)
    (terraform.directory / "terraform.tfstate").unlink()
    blocks = "".join(
        f'import {{\n  to = headgate_kitchen_sink.{n}\n  id = "projects/default/kitchenSinks/{n}"\n}}\n'
        for n in ("one", "two")
    )
    terraform.write(WHOLE + blocks)
    (change,) = [c["change"] for c in terraform.plan()["resource_changes"] if c["change"]["actions"] != ["no-op"]]
    differing = {name for name in change["after"] if change["before"].get(name) != change["after"][name]}
    assert change["actions"] == ["update"]
    assert differing == {"password_wo_version", "timeouts"}
    digest = backend.get(SINK).password_digest
    terraform.apply()
    assert backend.get(SINK).password_digest == digest, "the same password, sent again"
    terraform.assert_settled()


def test_a_configuration_generated_on_import_plans_empty_but_for_what_is_sensitive(
    terraform: Terraform, backend: Api
) -> None:
    terraform.apply(WHOLE)
    (terraform.directory / "terraform.tfstate").unlink()
    terraform.write(f'import {{\n  to = headgate_kitchen_sink.one\n  id = "{SINK}"\n}}\n')
    terraform.run("plan", "-generate-config-out=generated.tf", "-no-color")
    generated = terraform.directory / "generated.tf"
    assert_nowhere(terraform, generated.read_text(), secrets=SECRETS)
    completed, lines = re.subn(r"(api_token +=) null # sensitive", r'\1 "planted-one"', generated.read_text())
    assert lines == 1
    generated.write_text(completed)
    assert "1 imported, 0 added, 0 changed, 0 destroyed" in terraform.apply()
    terraform.assert_settled()


def test_secrets_are_sent_again_only_with_their_version_and_are_nowhere(terraform: Terraform, backend: Api) -> None:
    def configured(password: str, version: int) -> str:
        return sink(f'password_wo = "{password}"', f"password_wo_version = {version}")

    first = terraform.apply(configured(SECRETS[0], 1))
    digest = backend.get(SINK).password_digest
    assert digest
    terraform.write(configured(SECRETS[1], 1))
    terraform.assert_settled()
    terraform.write(configured(SECRETS[1], 2))
    plan = json.dumps({k: v for k, v in terraform.plan().items() if k not in ("configuration", "variables")})
    second = terraform.apply()
    assert backend.get(SINK).password_digest not in ("", digest)
    assert_nowhere(terraform, first, second, plan, secrets=SECRETS)
    terraform.apply(sink())
    assert backend.get(SINK).password_digest == ""
    terraform.assert_settled()


def test_a_value_that_terraform_itself_must_forget_can_be_a_secret(terraform: Terraform, backend: Api) -> None:
    variable = 'variable "password" {\n  type = string\n  ephemeral = true\n}\n'
    terraform.write(variable + sink("password_wo = var.password", "password_wo_version = 1"))
    output = terraform.run("apply", "-auto-approve", "-no-color", f"-var=password={SECRETS[0]}")
    assert backend.get(SINK).password_digest
    assert_nowhere(terraform, output, secrets=SECRETS)


def test_an_argument_with_a_default_goes_back_to_it_when_it_is_removed(terraform: Terraform, backend: Api) -> None:
    terraform.apply(sink("mtu = 9000", 'period = "1h"'))
    terraform.write(sink())
    (change,) = [c["change"] for c in terraform.plan()["resource_changes"]]
    assert (change["after"]["mtu"], change["after"]["period"]) == (1500, "90s")
    terraform.apply()
    assert (backend.get(SINK).mtu, backend.get(SINK).period.seconds) == (1500, 90)
    terraform.assert_settled()


def test_an_element_put_before_others_is_the_only_one_that_changes(terraform: Terraform, backend: Api) -> None:
    """C1, C2, C17."""
    terraform.apply(sink("taps = { b = { flow = 1 }, c = { flow = 2 } }"))
    terraform.write(sink("taps = { a = {}, b = { flow = 1 }, c = { flow = 2 } }"))
    (change,) = [c["change"] for c in terraform.plan()["resource_changes"]]
    before, after = change["before"]["taps"], change["after"]["taps"]
    assert {key: after[key] for key in "bc"} == before
    terraform.apply()
    terraform.assert_settled()


FAULTS = [
    ('hold = "soon"', "Invalid hold", 'hold = "soon"'),
    ('until = "tomorrow"', "Invalid until", 'until = "tomorrow"'),
    ('blob = "!"', "Invalid blob", 'blob = "!"'),
    ("ratio = 1e999", "Invalid ratio", "ratio = 1e999"),
    ('finish = "green"', "Invalid finish", 'finish = "green"'),
    ('by_word = "x"\n  by_number = 1', "Only one may be set", "by_number = 1"),
    ("taps = {\n  Hot = {}\n  }", "Invalid key", "Hot = {}"),
    ("taps = {\n  hot = { flow = 101 }\n  }", "Invalid flow", "hot = { flow = 101 }"),
    ('timeouts = { create = "soon" }', "Invalid create", 'timeouts = { create = "soon" }'),
]


@pytest.mark.parametrize(("line", "summary", "source"), FAULTS)
def test_a_fault_is_shown_at_its_line(terraform: Terraform, line: str, summary: str, source: str) -> None:
    terraform.write(sink(line))
    assert terraform.faults("validate") == [(summary, source)]


def test_what_the_controller_refuses_is_shown_at_its_line(terraform: Terraform) -> None:
    line = 'partner = "projects/default/kitchenSinks/nobody"'
    terraform.write(sink(line))
    ((_, source),) = terraform.faults("apply", "-auto-approve")
    assert source == line


def test_a_resource_is_moved_to_another_address_without_a_change(terraform: Terraform, backend: Api) -> None:
    terraform.apply(sink())
    uid = backend.get(SINK).uid
    moved = 'moved {\n  from = headgate_kitchen_sink.one\n  to   = headgate_kitchen_sink.other["a"]\n}\n'
    other = sink().replace(
        '"headgate_kitchen_sink" "one" {', '"headgate_kitchen_sink" "other" {\n  for_each = toset(["a"])'
    )
    assert "0 added, 0 changed, 0 destroyed" in terraform.apply(other + moved)
    assert backend.get(SINK).uid == uid
    terraform.assert_settled()


def test_state_written_before_attributes_came_and_went_plans_empty(terraform: Terraform) -> None:
    terraform.apply(sink("taps = { hot = {} }"))
    file = terraform.directory / "terraform.tfstate"
    state: Any = json.loads(file.read_text())
    (attributes,) = [i["attributes"] for r in state["resources"] for i in r["instances"]]
    for name in ("timeouts", "intervals", "password_wo_version", "deletion_protection"):
        del attributes[name]
    attributes["gone"] = {"for": "good"}
    del attributes["taps"]["hot"]["secret_wo_version"]
    state["serial"] += 1
    file.write_text(json.dumps(state))
    terraform.assert_settled()
