"""The TypeScript client, built with what its lock file names, against a real controller."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller

from api import Api

CLIENT = Path(__file__).parents[2] / "sdk/typescript"


def run(*command: str, **variables: str) -> str:
    """Return what a command prints; it must succeed."""
    done = subprocess.run(
        command, cwd=CLIENT, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def example() -> str:
    """The compiled example; the strict type checker of TypeScript has passed it."""
    run("npm", "run", "build")
    return "dist/examples/network.js"


@pytest.mark.parametrize("before", [[], ["http://127.0.0.1:9"]], ids=["one endpoint", "the first endpoint dead"])
def test_the_typescript_example_makes_waits_watches_and_removes(
    example: str, shared_controller: Controller, api: Api, project: str, before: list[str]
) -> None:
    listen: Any = shared_controller.settings["listen"]
    said = run("node", example, project, *before, f"http://{listen[1]}")
    subnet = f"projects/{project}/vpcs/shop/subnets/web"
    assert said.splitlines() == [
        f"{subnet}/ports/web1 has 10.1.0.2",
        "realised: true",
        f"projects/{project}/vpcs/shop is a headgate.v1.Vpc",
        f"{subnet} is a headgate.v1.Subnet",
        f"{subnet}/ports/web1 is a headgate.v1.Port",
        "removed",
    ]
    assert list(api.names(f"projects/{project}/")) == []
