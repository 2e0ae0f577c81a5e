"""Acceptance tests: the real terraform, the installed provider, the lab's controller; one directory each."""

import os
import sysconfig
from pathlib import Path

import pytest

from headgate_lab import Lab
from headgate_terraform.install import install
from lab_fixtures import api, lab, project
from terraform import Terraform

__all__ = ["api", "lab", "project", "terraform"]


@pytest.fixture(scope="session")
def terraform_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory with the provider installed, so that the user's own is not touched."""
    home = tmp_path_factory.mktemp("home")
    install(home)
    (home / "terraform.rc").write_text("disable_checkpoint = true\n")
    return home


@pytest.fixture
def terraform(lab: Lab, project: str, terraform_home: Path, tmp_path: Path) -> Terraform:
    """Terraform in a fresh directory, for the test's project."""
    assert lab.controller is not None
    scripts = sysconfig.get_path("scripts")
    environment = {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HOME": str(terraform_home),
        "TF_CLI_CONFIG_FILE": str(terraform_home / "terraform.rc"),
        "CHECKPOINT_DISABLE": "1",
        "HEADGATE_PROJECT": project,
        **lab.controller.access(),
    }
    runner = Terraform(tmp_path, environment)
    runner.write("")
    runner.run("init", "-no-color")
    return runner
