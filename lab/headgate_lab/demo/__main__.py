"""`python -m headgate_lab.demo`: the whole story in about a minute; needs root, and leaves nothing behind."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from headgate_lab.demo.screen import Screen
from headgate_lab.demo.story import Story
from headgate_lab.demo.terraform import Terraform, program
from headgate_lab.errors import LabError
from headgate_lab.lab import Lab
from headgate_lab.topology import SITE

EXAMPLE = Path(__file__).parents[3] / "terraform-examples" / "quickstart"

PROGRAMS = ("ip", "ping", "ethtool", "ovsdb-server", "ovs-vswitchd", "ovn-northd", "ovn-controller")


def main() -> int:
    """Perform the demonstration and return the exit status."""
    screen = Screen()
    fault = missing()
    if fault:
        screen.fail(fault)
        return 1
    with tempfile.TemporaryDirectory(prefix="headgate-demo-") as directory:
        try:
            perform(screen, Path(directory))
        except (AssertionError, LabError) as error:
            screen.fail(str(error))
            return 1
        except KeyboardInterrupt:
            screen.fail("Interrupted; everything is taken down.")
            return 130
    screen.say(f"\n[bold green]All of it held, in {screen.seconds:.0f} s; nothing is left behind.[/]")
    return 0


def missing() -> str:
    """Return what the demonstration cannot do without and does not find, with the fix; empty if nothing."""
    if os.geteuid():
        return "This needs root, for network namespaces and Open vSwitch: sudo ./dev demo"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"Missing: {', '.join(absent)}. ./dev demo installs what it needs; or install Open vSwitch and OVN."
    if shutil.which(program()) is None:
        return f"Missing: {program()}. Install Terraform 1.11 or newer, or set HEADGATE_TERRAFORM=tofu."
    if not EXAMPLE.is_dir():
        return f"There is no {EXAMPLE}: run this from a clone of the repository."
    return ""


def perform(screen: Screen, directory: Path) -> None:
    """Boot a site, tell the story on it, and take it down.

    Raises:
        LabError: something that is shown is not so, or a program failed.
        AssertionError: packets did not go where they must, or went where they must not.
    """
    with screen.step("boot a site") as step:
        lab = Lab.boot(SITE)
        step.note = "controller, OVN, three hosts with their agents, a top-of-rack switch, an internet"
    with lab:
        assert lab.controller is not None
        terraform = Terraform(
            home=directory / "home",
            work=directory / "quickstart",
            access=lab.controller.access(),
            narrate=screen.narrate,
        )
        with screen.step("headgate terraform install, into a home directory of its own"):
            terraform.prepare(EXAMPLE)
        try:
            Story(lab, terraform, screen).tell()
        except (AssertionError, LabError):
            logs = Path(tempfile.mkdtemp(prefix="headgate-demo-logs-"))
            lab.save_logs(logs)
            screen.say(f"The logs of every program: {logs}")
            raise
        with screen.step("take the site down") as step:
            lab.down()
            left = lab.leftovers()
            step.note = "no process, namespace or file is left"
    if left:
        raise LabError("\n".join(["left behind:", *left]))


if __name__ == "__main__":
    sys.exit(main())
