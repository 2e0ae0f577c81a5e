"""What a start of the provider costs, in imports: Terraform starts it three to five times for one command."""

import subprocess
import sys
from pathlib import Path

import pytest
from provider_starts import starting

from headgate_terraform.certificate import load_certificate
from headgate_terraform.start import COOKIE

NEEDED = {"google", "grpc", "headgate", "headgate_common", "headgate_terraform", "msgpack", "typing_extensions"}
"""Packages that a start imports; the last one for grpc."""

EMPTY_PARTS = {"grpc_tools", "grpc_health", "grpc_reflection", "sitecustomize", "_distutils_hack"}
"""What grpc looks for, and environments of Python bring along: nothing but an `__init__`."""

NOT_MODULES = {"imported package", "org"}
"""The heading of the list, and what Python's own modules look for on the Java platform."""

HEAVY = {
    "bz2",
    "email",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "lzma",
    "multiprocessing",
    "platform",
    "random",
    "shutil",
    "tempfile",
    "unittest",
    "urllib.request",
    "uuid",
    "xml",
    "google.rpc",
    "headgate_terraform.comments",
}
"""Of Python's own modules and ours those that each cost milliseconds, and that only other paths need."""


@pytest.fixture
def imported(environment: dict[str, str]) -> set[str]:
    """The modules imported from the first start to the handshake, for a user whose certificate is there."""
    load_certificate(Path(environment["HOME"]) / ".cache/headgate")
    with starting(environment) as starter:
        first = starter.start(sys.executable, "-X", "importtime", "-m", "headgate_terraform")
        assert first.handshake.startswith("1|6|unix|")
        _, errors = starter.end(first)
    return {line.rsplit("|", 1)[1].strip() for line in errors.splitlines() if line.startswith("import time:")}


def test_a_start_imports_no_package_that_it_does_not_need(imported: set[str]) -> None:
    packages = {name.split(".")[0] for name in imported if not name.startswith("_")}
    assert packages - set(sys.stdlib_module_names) - NEEDED - EMPTY_PARTS - NOT_MODULES == set()
    assert {name for name in imported if name.split(".")[0] in EMPTY_PARTS and "." in name} == set()


def test_a_start_imports_nothing_heavy(imported: set[str]) -> None:
    assert "headgate_terraform.plugin" in imported, "the list holds what was imported"
    heavy = {name for name in imported if any(name == h or name.startswith(f"{h}.") for h in HEAVY)}
    assert heavy == set()


def test_an_installation_without_the_providers_packages_says_which_extra_brings_them(
    environment: dict[str, str],
) -> None:
    without = (
        "import sys; sys.modules['msgpack'] = None; from headgate_terraform.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", without],
        env=environment | {COOKIE[0]: COOKIE[1]},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        'The Headgate provider lacks the Python package msgpack: install headgate with its extra "terraform".\n'
    )
