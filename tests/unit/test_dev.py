"""What ./dev does to the machine, and how it counts."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

APT_GET = """#!/bin/sh
echo "$1: $(grep -c 'exit 101' "$POLICY_FILE" 2>/dev/null)" >>"$APT_LOG"
[ "$1" != install ] || exit "$APT_STATUS"
"""

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="x"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="40" time="1.5"><testcase/>
</testsuite></testsuites>
"""


def dev(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which the functions of ./dev are known."""
    return subprocess.run(
        ["bash", "-c", f"source {ROOT}/dev help >/dev/null; {script}"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An apt-get that writes down whether services were forbidden to start, and where the policy would be."""
    (tmp_path / "apt-get").write_text(APT_GET)
    (tmp_path / "apt-get").chmod(0o755)
    return {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "APT_LOG": str(tmp_path / "log"),
        "APT_STATUS": "0",
        "POLICY_FILE": str(tmp_path / "policy-rc.d"),
    }


@pytest.mark.parametrize("status", ["0", "100"])
def test_services_may_not_start_while_packages_are_installed_and_may_again_afterwards(
    machine: dict[str, str], status: str
) -> None:
    machine["APT_STATUS"] = status
    done = dev("POLICY=$POLICY_FILE; install_packages one two", **machine)
    assert (done.returncode == 0) == (status == "0")
    assert Path(machine["APT_LOG"]).read_text().splitlines() == ["update: 1", "install: 1"]
    assert not Path(machine["POLICY_FILE"]).exists()


def test_a_policy_of_the_machines_own_stays(machine: dict[str, str]) -> None:
    policy = Path(machine["POLICY_FILE"])
    policy.write_text("#!/bin/sh\nexit 101\n")
    dev("POLICY=$POLICY_FILE; install_packages one", **machine)
    assert policy.read_text() == "#!/bin/sh\nexit 101\n"


def test_a_policy_left_by_a_killed_run_is_taken_away(machine: dict[str, str]) -> None:
    policy = Path(machine["POLICY_FILE"])
    dev('printf "%s\n" "$POLICY_MARK" >$POLICY_FILE', **machine)
    assert policy.exists()
    dev("POLICY=$POLICY_FILE; install_packages one", **machine)
    assert not policy.exists()


def test_numbers_are_read_from_a_report_and_are_zero_without_one(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    attributes = ("tests", "failures", "errors", "skipped")
    done = dev("; ".join(f"counted {name} {report}; echo" for name in attributes))
    assert done.stdout.split() == ["40", "2", "1", "3"]
    assert dev(f"counted tests {tmp_path}/none").stdout == "0"


def test_every_verb_is_in_the_help() -> None:
    verbs = set(re.findall(r"^([a-z]+)\)", (ROOT / "dev").read_text().rpartition("case $verb in")[2], re.MULTILINE))
    assert verbs == {"demo", "lab", "test", "bench", "soak", "lint", "gen"}
    usage = dev('echo "$USAGE"').stdout
    assert verbs <= set(re.findall(r"^  ([a-z]+)\b", usage, re.MULTILINE))


def test_an_unknown_verb_shows_the_help_and_fails() -> None:
    done = subprocess.run([ROOT / "dev", "frobnicate"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "./dev VERB" in done.stderr


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (ROOT / "package-lock.json").read_text()
