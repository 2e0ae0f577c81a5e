"""A host for the agent: a real ovsdb-server, ovs-vswitchd where devices matter, and a controller that a test plays."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_bench import AgentProcess, Controller, Machine

_NUMBERS = itertools.count(1)


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="hga-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def netns() -> Iterator[str]:
    """A network namespace."""
    if os.geteuid():
        pytest.skip("network namespaces need root")
    name = f"hga{os.getpid()}-{next(_NUMBERS)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture
def machine(directory: Path, netns: str) -> Iterator[Machine]:
    """A machine with a database; no ovs-vswitchd, stand-ins for its devices."""
    made = Machine(directory, netns)
    for name in ("br-phy", "br-ext", "eth1", "eth2"):
        made.ip("link", "add", name, "type", "bridge")
    try:
        made.start_database()
        yield made
    finally:
        made.close()


@pytest.fixture
def real_machine(directory: Path, netns: str) -> Iterator[Machine]:
    """A machine with wires on its devices eth1 and eth2, and ovs-vswitchd."""
    made = Machine(directory, netns)
    for name in ("eth1", "eth2"):
        made.ip("link", "add", name, "mtu", "1600", "type", "veth", "peer", "name", f"{name}-wire")
        made.ip("link", "set", f"{name}-wire", "mtu", "1600", "up")
    try:
        made.start_database()
        made.start_switch()
        yield made
    finally:
        made.close()


@pytest.fixture
def agent(machine: Machine) -> AgentProcess:
    """The agent of `machine`, not started."""
    return AgentProcess(machine)


@pytest.fixture
def real_agent(real_machine: Machine) -> AgentProcess:
    """The agent of `real_machine`, not started."""
    return AgentProcess(real_machine)


@pytest.fixture
def controller(directory: Path) -> Iterator[Controller]:
    """A controller that listens."""
    made = Controller(f"unix:{directory}/hosts.sock")
    yield made
    made.close()
