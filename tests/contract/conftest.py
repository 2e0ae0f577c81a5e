"""One OVN central and one controller for all tests of the API, a project for each test."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controller_site import Central, Controller, assert_sound, central, controlling
from ovsdb_server import NB_SCHEMA, OvsdbServer, serving
from postgres_server import PostgresServer, postgres
from tls_site import TlsSite
from token_site import INTERNET, TokenSite

from api import Api
from headgate_lab.controller import free_port

BUF = Path(__file__).parents[2] / ".deps/bin/buf"
PROJECT_NAME_MAX = 30


@pytest.fixture(scope="session")
def run_directory() -> Iterator[Path]:
    """A directory with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="hgc-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for tests that do not stop it."""
    with postgres() as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of a SQLite file for a store."""
    return f"sqlite:///{tmp_path}/deep/headgate.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a store's database, of either sort."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("file"))
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.prepared()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OvsdbServer]:
    """An empty Northbound of its own."""
    with serving(tmp_path, NB_SCHEMA) as running_server:
        yield running_server


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
    with controlling(Controller(directory, ovn, listen=listen, require_tokens=False)) as running:
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


@pytest.fixture
def address(shared_controller: Controller) -> str:
    listen: Any = shared_controller.settings["listen"]
    return f"http://{listen[1]}"


@pytest.fixture
def curl(tmp_path: Path, address: str) -> Callable[..., str]:
    """Calls a method with a request as JSON, and returns the answer."""
    program = str(BUF) if BUF.exists() else shutil.which("buf")
    assert program, "buf is missing; `./dev lint` installs it into .deps"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BUF_CACHE_DIR": str(tmp_path / "cache")}

    def call(target: str, *arguments: str, expect: int = 0, **request: Any) -> str:
        done = subprocess.run(
            [program, "curl", "--protocol=grpc", "--http2-prior-knowledge", *arguments]
            + (["--data", json.dumps(request)] if request else [])
            + [f"{address}{target}"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode == 0) == (expect == 0), done.stderr
        return done.stdout if expect == 0 else done.stderr

    return call


@pytest.fixture(scope="session")
def shared_token_site(run_directory: Path) -> Iterator[TokenSite]:
    """A controller that requires tokens; project b holds what a token of project a must not learn of."""
    directory = run_directory / "tokens"
    address = f"127.0.0.1:{free_port()}"
    with controlling(Controller(directory, listen=[f"unix:{directory}/api.sock", address])) as running:
        found = TokenSite(running, address)
        found.admin.create("projects/b/subnets/internet", **INTERNET)
        found.admin.create("projects/b/vpcs/secret", displayName="hidden")
        found.admin.create("projects/b/vpcs/secret/subnets/web", cidr="10.9.0.0/24")
        found.admin.create("projects/b/vpcs/secret/subnets/web/ports/p1")
        yield found
        found.close()


@pytest.fixture
def site(shared_token_site: TokenSite) -> Iterator[TokenSite]:
    """The same, with an empty project a; whatever a test does, the controller must neither stumble nor end."""
    before = shared_token_site.controller.log.stat().st_size
    yield shared_token_site
    shared_token_site.admin.clear("a")
    assert not shared_token_site.controller.ended
    assert_sound(shared_token_site.controller, since=before)


@pytest.fixture(scope="session")
def shared_tls_site(run_directory: Path) -> Iterator[TlsSite]:
    """A controller that is reached by TLS, on every address of this machine."""
    site = TlsSite(run_directory / "tls")
    with controlling(site.controller):
        yield site


@pytest.fixture
def endpoint(shared_controller: Controller) -> str:
    """Where hosts reach the shared controller."""
    return shared_controller.hosts


@pytest.fixture
def host(project: str) -> str:
    """A host of the test's own."""
    return f"{project}-h1"
