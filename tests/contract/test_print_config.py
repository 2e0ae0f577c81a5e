"""--print-config of both programs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from controller_site import environment


def printed(module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, env=environment() | variables, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("module", "key", "value"),
    [("headgate_controller", "bfd_interval_ms", 300), ("headgate_hostagent", "datapath_type", "system")],
)
def test_what_a_program_would_run_with_is_valid_toml(module: str, key: str, value: object, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('log_level = "debug"\n')
    done = printed(module, "--config", str(file), "--print-config", HEADGATE_LOG_JSON="true")
    assert (done.returncode, done.stderr) == (0, "")
    shown = tomllib.loads(done.stdout)
    assert (shown["log_level"], shown["log_json"], shown[key]) == ("debug", True, value)


@pytest.mark.parametrize("module", ["headgate_controller", "headgate_hostagent"])
def test_a_configuration_that_cannot_be_read_is_refused_and_not_printed(module: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('log_levle = "debug"\n')
    done = printed(module, "--config", str(file), "--print-config")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean log_level?" in done.stderr


def test_the_agent_still_wants_a_command() -> None:
    done = printed("headgate_hostagent")
    assert done.returncode == 2
    assert "a command is needed: run, plug, unplug, status or doctor" in done.stderr
