"""The TypeScript client, built with what its lock file names, against a real controller."""

from __future__ import annotations

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Controller, controlling
from horizon import changed_while_away

from api import Api
from headgate_lab.controller import free_port

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


class StandingBy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A controller that does not lead."""

    def service(self, _details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(
            lambda _requests, context: context.abort(grpc.StatusCode.UNAVAILABLE, "This controller stands by")
        )


def test_a_watch_of_the_typescript_client_goes_on_from_a_controller_that_stands_by_to_the_leader(
    example: str, shared_controller: Controller, api: Api, tmp_path: Path
) -> None:
    script, listen = tmp_path / "watching.mjs", shared_controller.settings["listen"]
    script.write_text(WATCHING.format(client=CLIENT))
    api.create("projects/p/vpcs/a")
    other = grpc.server(ThreadPoolExecutor(2), handlers=[StandingBy()])
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    command = ["node", str(script), f"http://127.0.0.1:{port}", f"http://{listen[1]}"]  # type: ignore[index]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            timer = threading.Timer(20.0, watching.kill)
            timer.start()
            assert watching.stdout.readline().strip() == "projects/p/vpcs/a is"
            timer.cancel()
            watching.kill()
    finally:
        other.stop(None)
        api.delete("projects/p/vpcs/a")


WATCHING = """
import {{ connect, watch }} from "{client}/dist/src/index.js";
for await (const change of watch(connect({{ endpoints: process.argv.slice(2) }}), "projects/p/")) {{
  if (change.name !== "") console.log(`${{change.name}} ${{change.resource ? "is" : "is gone"}}`);
}}
"""


def test_a_watch_of_the_typescript_client_begins_anew_beyond_the_horizon_and_tells_what_is_gone(
    example: str, run_directory: Path, tmp_path: Path
) -> None:
    script, address = tmp_path / "watching.mjs", f"127.0.0.1:{free_port()}"
    script.write_text(WATCHING.format(client=CLIENT))
    controller = Controller(run_directory / "typescript", listen=[address], require_tokens=False)
    with controlling(controller), closing(Api(address)) as api:
        for name in "abc":
            api.create(f"projects/p/vpcs/{name}")
        command = ["node", str(script), f"http://{address}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            shown = [watching.stdout.readline().strip() for _ in "abc"]
            assert shown == [f"projects/p/vpcs/{name} is" for name in "abc"]
            changed_while_away(controller)
            told = {watching.stdout.readline().strip() for _ in range(4)}
            watching.kill()
    assert told == {"projects/p/vpcs/a is gone", *(f"projects/p/vpcs/{name} is" for name in "bcd")}
