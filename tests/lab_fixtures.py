"""One lab per session, one project per test."""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_lab import SITE, Lab

LOGS = "HEADGATE_LAB_LOGS"
"""Environment variable: a directory that the lab's logs are copied to at the end of the session."""

PROJECT_NAME_MAX = 63


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three hosts with controller and agents, shared by all tests; afterwards nothing of it is left."""
    if os.geteuid():
        pytest.skip("network namespaces need root")
    with Lab.boot(SITE) as running:
        try:
            yield running
        finally:
            if os.environ.get(LOGS):
                running.save_logs(Path(os.environ[LOGS]))
    assert running.leftovers() == []


@pytest.fixture
def project(request: pytest.FixtureRequest, lab: Lab) -> Iterator[str]:
    """The name of a project that no other test uses; workloads the test started end with it."""
    before = set(lab.workloads)
    suffix = f"-{secrets.token_hex(3)}"
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    yield words[: PROJECT_NAME_MAX - len(suffix)].strip("-") + suffix
    for name in set(lab.workloads) - before:
        lab.detach(name)
