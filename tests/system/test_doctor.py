"""`headgate doctor` and `headgate-agent doctor`: a sound site is told to be sound, and each fault with its fix."""

import subprocess
import sys
from pathlib import Path

from api import Api
from headgate_lab import Lab
from headgate_lab.command import CommandError
from headgate_lab.waiting import wait_until


def doctor(lab: Lab, home: Path) -> tuple[int, str]:
    """Return the exit status of `headgate doctor`, and what it prints."""
    assert lab.controller is not None
    command = [sys.executable, "-m", "headgate_cli", "doctor", "--endpoint", lab.controller.api]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def agent_doctor(lab: Lab, host: str) -> str:
    """Return what `headgate-agent doctor` prints on a host, whatever its exit status."""
    try:
        return lab.hosts[host].agent_command("doctor")
    except CommandError as error:
        return str(error)


def test_a_sound_site_is_told_to_be_sound(lab: Lab, api: Api, project: str, tmp_path: Path) -> None:
    status, said = doctor(lab, tmp_path)
    assert "failed " not in said, said
    assert status == 5, "warnings: no terraform there"
    for check in ("database", "northbound", "ovn-northd", "southbound", "hosts/h1", "tokens", "provider", "terraform"):
        assert check in said
    found = agent_doctor(lab, "h1")
    assert "failed " not in found, found
    assert found.count("\nok ") >= 10, found


def test_a_daemon_that_is_gone_is_named_with_the_command_that_brings_it_back(
    lab: Lab, api: Api, project: str, tmp_path: Path
) -> None:
    lab.daemons["h2/ovn-controller"].stop()
    lab.daemons["h3/agent"].stop()
    try:
        assert "systemctl restart ovn-host" in agent_doctor(lab, "h2")
        wait_until(
            lambda: "hosts/h3" in doctor(lab, tmp_path)[1].partition("NOT_CONNECTED")[0],
            seconds=20,
            what="the doctor to miss an agent",
        )
        status, said = doctor(lab, tmp_path)
        assert status == 6
        assert "OVN_AWAY" in said
        assert "systemctl status headgate-agent" in said
    finally:
        lab.daemons["h2/ovn-controller"].start()
        lab.daemons["h3/agent"].start()
        lab.await_hosts()


def test_a_northd_that_is_gone_is_missed_though_nothing_changes(lab: Lab, tmp_path: Path) -> None:
    lab.daemons["central/ovn-northd"].stop()
    try:
        status, said = doctor(lab, tmp_path)
        assert status == 6, said
        assert "See that ovn-northd runs" in said
    finally:
        lab.daemons["central/ovn-northd"].start()
    wait_until(lambda: "failed " not in doctor(lab, tmp_path)[1], seconds=20, what="the doctor to be content again")


def test_without_a_controller_the_doctor_says_where_to_look(lab: Lab, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headgate_cli", "doctor", "--endpoint", "127.0.0.1:9"]
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 6
    assert "systemctl status headgate-controller" in done.stdout
