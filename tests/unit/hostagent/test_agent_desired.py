"""The desired state on disk."""

from pathlib import Path

import pytest

from headgate_hostagent.desired import DesiredFile
from headgate_hostagent.objects import Chassis, ExpectedPort, Held, PhysicalNetwork, Unknown

HELD = Held(
    "7",
    3,
    {
        "chassis": Chassis("tcp:1", "geneve", "10.0.0.1"),
        "physical_network/provider": PhysicalNetwork("br-ext"),
        "p": ExpectedPort("u1", "02:00:00:00:00:01"),
        "new": Unknown(b"\xa2\x06\x02hi"),
    },
)


@pytest.fixture
def file(tmp_path: Path) -> DesiredFile:
    made = DesiredFile(tmp_path / "state", "h1")
    made.save(HELD)
    return made


def test_what_is_saved_is_loaded_unknown_objects_included(file: DesiredFile):
    assert file.load() == HELD


def test_nothing_on_disk_is_nothing_held(tmp_path: Path):
    assert DesiredFile(tmp_path, "h1").load() == Held()


@pytest.mark.parametrize("size", [0, 1, 40, 120, -1])
def test_a_truncated_file_is_set_aside(file: DesiredFile, size: int):
    content = file.path.read_bytes()
    file.path.write_bytes(content[:size])
    assert file.load() == Held()
    assert not file.path.exists()
    assert file.path.with_name("desired.unusable").read_bytes() == content[:size]


def test_another_hosts_file_is_set_aside(file: DesiredFile, caplog):
    assert DesiredFile(file.path.parent, "h2").load() == Held()
    assert caplog.records[0].reason == "it is of host h1, not h2"


def test_a_flipped_bit_is_noticed(file: DesiredFile):
    content = bytearray(file.path.read_bytes())
    content[-3] ^= 1
    file.path.write_bytes(content)
    assert file.load() == Held()


def test_reading_sets_nothing_aside(file: DesiredFile):
    file.path.write_bytes(b"")
    assert file.read() == Held()
    assert file.path.exists()


def test_a_failed_save_keeps_what_was(file: DesiredFile):
    file.path.with_name("desired.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.save(Held("8", 3, {}))
    assert file.load() == HELD
