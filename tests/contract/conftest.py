"""One OVN central and one controller for all tests of the API, a project for each test."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Central, Controller, assert_sound, central, controlling

from api import Api
from headgate_lab.controller import free_port

PROJECT_NAME_MAX = 30


@pytest.fixture(scope="session")
def run_directory() -> Iterator[Path]:
    """A directory with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="hgc-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def ovn(run_directory: Path) -> Iterator[Central]:
    """OVN's central parts, shared by all tests of the API."""
    with central(run_directory / "ovn") as found:
        yield found


@pytest.fixture(scope="session")
def shared_controller(run_directory: Path, ovn: Central) -> Iterator[Controller]:
    """A controller that serves, shared by all tests of the API."""
    directory = run_directory / "shared"
    listen = [f"unix:{directory}/api.sock", f"127.0.0.1:{free_port()}"]
    with controlling(Controller(directory, ovn, listen=listen)) as running:
        yield running


@pytest.fixture(scope="session")
def shared_api(shared_controller: Controller) -> Iterator[Api]:
    """A client of the shared controller."""
    client = Api(shared_controller.api)
    yield client
    client.close()


@pytest.fixture
def api(shared_api: Api, shared_controller: Controller) -> Iterator[Api]:
    """The API; whatever a test does, the controller must neither stumble nor end."""
    before = shared_controller.log.stat().st_size
    yield shared_api
    assert not shared_controller.ended
    assert_sound(shared_controller, since=before)


@pytest.fixture
def project(request: pytest.FixtureRequest, api: Api) -> Iterator[str]:
    """The name of a project that no other test uses; hosts whose names begin with it belong to it."""
    suffix = f"-{secrets.token_hex(3)}"
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")
    name = words[: PROJECT_NAME_MAX - len(suffix)].strip("-") + suffix
    yield name
    api.clear(name)
    for host in list(api.names(f"hosts/{name}")):
        api.delete(host, when_unreferenced=True)
