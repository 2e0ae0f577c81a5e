"""A clock that is set, or off by hours, ends no stream, no wait and no retry: what waits counts seconds of its own."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WAITING = (
    "common/headgate_common/reconciler.py",
    "common/headgate_common/ovsdb.py",
    "controller/headgate_controller/ovn/dial.py",
    "controller/headgate_controller/ovn/northbound.py",
    "controller/headgate_controller/ovn/southbound.py",
    "controller/headgate_controller/ovn/suspects.py",
    "controller/headgate_controller/ovn/writer.py",
    "hostagent/headgate_hostagent/session.py",
    "hostagent/headgate_hostagent/stream.py",
    "hostagent/headgate_hostagent/drivers/ovs.py",
    "hostagent/headgate_hostagent/observe/daemons.py",
)
"""What waits, dials, gives up or tries again."""

OF_THE_WALL = {"time.time", "time.time_ns", "datetime.now", "pki.utc_now"}


@pytest.mark.parametrize("path", WAITING)
def test_what_waits_does_not_read_the_clock_of_the_wall(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & OF_THE_WALL == set()
