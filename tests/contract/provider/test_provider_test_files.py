"""`terraform test` works with the provider: the tests that examples come with, and mocked providers."""

import shutil
from pathlib import Path

import pytest
from controller_site import Controller

from api import Api
from terraform import Terraform

EXAMPLES = Path(__file__).parents[3] / "terraform-examples"


@pytest.fixture
def environment(environment: dict[str, str], shared_controller: Controller, project: str) -> dict[str, str]:
    return environment | {"HEADGATE_ENDPOINTS": shared_controller.api, "HEADGATE_PROJECT": project}


@pytest.mark.parametrize("example", sorted(tests.parent.name for tests in EXAMPLES.glob("*/tests")))
def test_the_tests_of_an_example_pass_and_leave_nothing(
    tmp_path: Path, debugged_provider: dict[str, str], api: Api, project: str, example: str
) -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / example
    shutil.copytree(EXAMPLES / example, directory, ignore=shutil.ignore_patterns(".terraform*", "terraform.tfstate*"))
    terraform = Terraform(directory, debugged_provider)
    terraform.run("init", "-no-color")
    output = terraform.run("test", "-no-color")
    assert "Success!" in output
    assert " 0 passed" not in output
    assert list(api.names(f"projects/{project}/")) == []


def test_offline_tests_ask_no_controller(tmp_path: Path, debugged_provider: dict[str, str]) -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / "tiers"
    shutil.copytree(EXAMPLES / "tiers", directory, ignore=shutil.ignore_patterns(".terraform*"))
    terraform = Terraform(directory, debugged_provider | {"HEADGATE_ENDPOINTS": "127.0.0.1:1"})
    terraform.run("init", "-no-color")
    assert "2 passed, 0 failed" in terraform.run("test", "-no-color", "-filter=tests/offline.tftest.hcl")
