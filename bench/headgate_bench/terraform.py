"""Terraform, with the provider and without: what its commands take.  Its states are kept by the controller."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headgate_bench.readings import Cost
from headgate_terraform.install import install

CONFIGURATION = """
terraform {{
  {requirement}
  backend "http" {{
    address        = "{state}"
    lock_address   = "{state}"
    unlock_address = "{state}"
    lock_method    = "LOCK"
    unlock_method  = "UNLOCK"
  }}
}}
"""

REQUIREMENT = 'required_providers { headgate = { source = "terraform.local/headgate/headgate" } }'

PROVIDER = """
provider "headgate" {{
  project = "{project}"
  wait    = "{wait}"
}}
"""

VPC = """
resource "headgate_vpc" "v" {
  name = "v"
}
"""

PORTS = """
resource "headgate_subnet" "s" {{
  name = "s"
  vpc  = headgate_vpc.v.id
  cidr = "10.64.0.0/16"
}}

resource "headgate_port" "p" {{
  count  = {count}
  name   = "p${{count.index}}"
  subnet = headgate_subnet.s.id
}}
"""

BUILT_IN = """
resource "terraform_data" "d" {{
  count = {count}
  input = {{ name = "p${{count.index}}", subnet = "projects/bench/vpcs/v/subnets/s" }}
}}
"""
"""As many resources of Terraform's own, which no provider is started for: the floor."""

ORPHANED_SECONDS = 5.0
"""How long the provider may live on after its Terraform."""

_SUBREAPER = 36
"""Source: prctl(2), PR_SET_CHILD_SUBREAPER."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a command took, the provider included, and the CPU seconds of the process that serves for the provider."""

    cost: Cost
    provider: float


class Commands:
    """Runs Terraform in directories below one, against one controller: its API, and where it serves states by HTTP."""

    def __init__(self, directory: Path, api: str, http: str) -> None:
        self._directory = directory
        self._http = http
        home = directory / "home"
        home.mkdir(parents=True)
        install(home)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environment = kept | {
            "HOME": str(home),
            "TF_CLI_CONFIG_FILE": "/dev/null",
            "CHECKPOINT_DISABLE": "1",
            "HEADGATE_ENDPOINTS": api,
            "HEADGATE_TF_PROVIDER": str(Path(sys.executable).with_name("headgate-terraform-provider")),
        }

    def ports(self, name: str, count: int, *, wait: str = "none") -> Path:
        """Return a new directory; its configuration is a project of that name with a VPC, and, if there are to be
        ports, a subnet in it with so many.
        """
        return self._prepared(name, self._with_ports(name, count, wait))

    def grow(self, name: str, count: int, *, wait: str) -> None:
        """Have so many ports in the configuration of a directory that `ports` has returned."""
        (self._directory / name / "main.tf").write_text(self._with_ports(name, count, wait))

    def _with_ports(self, name: str, count: int, wait: str) -> str:
        text = CONFIGURATION.format(requirement=REQUIREMENT, state=self._state(name))
        text += PROVIDER.format(project=name, wait=wait) + VPC
        return text + PORTS.format(count=count) if count else text

    def built_in(self, name: str, count: int) -> Path:
        """Return a new directory, whose configuration has so many resources of Terraform's own."""
        text = CONFIGURATION.format(requirement="", state=self._state(name)) + BUILT_IN.format(count=count)
        return self._prepared(name, text)

    def run(self, directory: Path, *arguments: str) -> Taken:
        """Run a command; it must succeed."""
        log = directory / "output.txt"
        with log.open("w") as output, _orphans_are_ours():
            began = time.perf_counter()
            process = subprocess.Popen(
                ["terraform", *arguments, "-no-color"],
                cwd=directory,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0, log.read_text()
            starts = arguments[0] != "init" and 'provider "headgate"' in (directory / "main.tf").read_text()
            provider = _orphan() if starts else 0.0
        return Taken(Cost(wall, used.ru_utime + used.ru_stime + provider), provider)

    def _state(self, name: str) -> str:
        return f"http://{self._http}/terraform/state/bench/{name}"

    def _prepared(self, name: str, text: str) -> Path:
        directory = self._directory / name
        directory.mkdir()
        (directory / "main.tf").write_text(text)
        self.run(directory, "init")
        return directory


@contextmanager
def _orphans_are_ours() -> Iterator[None]:
    """Be the parent of what loses its own while the block runs: only so is it told what that took."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)


def _orphan() -> float:
    """Return the CPU seconds of the process that served for a provider, once it has ended."""
    deadline = time.monotonic() + ORPHANED_SECONDS
    while time.monotonic() < deadline:
        process, _, used = os.wait4(-1, os.WNOHANG)
        if process:
            return used.ru_utime + used.ru_stime
        time.sleep(0.001)
    raise TimeoutError("the process of the provider does not end with its Terraform")
