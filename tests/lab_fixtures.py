"""One lab per session, one project per test, and the standing invariants at the end of each."""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import Api
from headgate_lab import SITE, Lab
from invariants import assert_gone, assert_restarts_write_nothing

LOGS = "HEADGATE_LAB_LOGS"
"""Environment variable: a directory that the lab's logs are copied to at the end of the session."""

PROJECT_NAME_MAX = 40


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three hosts with controller and agents, shared by all tests; afterwards nothing of it is left."""
    if os.geteuid():
        pytest.fail("network namespaces need root: run the tests as root")
    with Lab.boot(SITE) as running:
        try:
            yield running
        finally:
            if os.environ.get(LOGS):
                running.save_logs(Path(os.environ[LOGS]))
    assert running.leftovers() == []


@pytest.fixture(scope="session")
def api(lab: Lab) -> Iterator[Api]:
    """The API of the lab's controller."""
    assert lab.controller is not None
    client = Api(lab.controller.api)
    yield client
    client.close()


@pytest.fixture
def project(request: pytest.FixtureRequest, lab: Lab, api: Api) -> Iterator[str]:
    """The name of a project that no other test uses; afterwards the standing invariants are asserted and it ends."""
    workloads = set(lab.workloads)
    suffix = f"-{secrets.token_hex(3)}"
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = words[: PROJECT_NAME_MAX - len(suffix)].strip("-") + suffix
    yield name
    try:
        assert_restarts_write_nothing(lab)
    finally:
        for workload in set(lab.workloads) - workloads:
            lab.detach(workload)
        api.clear(name)
    assert_gone(lab, name)
