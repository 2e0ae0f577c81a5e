"""`headgate host` on a site with real gateways and packets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import reach
from headgate_lab.waiting import wait_until
from shop import open_shop

HEADGATE = str(Path(sys.executable).with_name("headgate"))
SHORT_GAP = 5.0


def headgate(lab: Lab, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run `headgate` as the administrator of the controller's machine does, by its socket."""
    assert lab.controller is not None
    command = [HEADGATE, *argv, "--endpoint", lab.controller.api]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_c32_a_host_is_drained_before_its_reboot_and_the_gateway_is_elsewhere_when_that_is_said(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)

    def carrier() -> str:
        return str(api.get(shop.vpc).active_gateways.get("internet", ""))

    wait_until(lambda: bool(carrier()), seconds=10, what="a host to carry the gateway")
    first = carrier()
    source = {"hosts/h1": "web2", "hosts/h2": "db1", "hosts/h3": "web1"}[first]
    pinned = f"{shop.web}/ports/pinned"
    api.create(pinned, host=first)
    try:
        with lab.ping_gap(source, "internet") as gap:
            drained = headgate(lab, "host", "drain", first.removeprefix("hosts/"))
            after = carrier()
            lab.expect(reach(source, "internet")).within(seconds=20)
        assert (drained.returncode, drained.stderr) == (0, "")
        assert after not in ("", first), "when it ends, the gateway is elsewhere"
        lines = drained.stdout.splitlines()
        assert lines[0] == f"{first} drains."
        assert f"  gateway internet of {shop.vpc} is on {after.removeprefix('hosts/')} now" in lines
        assert f"  {pinned} stays: what runs it can move it" in lines
        assert lines[-1] == f"No gateway is on {first} any more."
        again = headgate(lab, "host", "drain", first)
        assert again.returncode == 0
        row = next(
            line.split() for line in headgate(lab, "host", "list").stdout.splitlines() if line.startswith(first[6:])
        )
        assert row[1:3] == ["yes", "yes"], "connected, and draining"
    finally:
        undrained = headgate(lab, "host", "undrain", first)
    assert undrained.returncode == 0
    assert carrier() == after, "what moved away stays away"
    print(f"\ndrain of {first}: {gap.seconds:.2f} s without an answer")
    assert gap.seconds < SHORT_GAP


def test_a_gateway_that_no_other_host_can_carry_stays_and_is_named(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    hosts = list(api.get(shop.vpc).external_subnets["internet"].gateway_hosts)
    try:
        for host in hosts[:-1]:
            assert headgate(lab, "host", "drain", host).returncode == 0
        last = headgate(lab, "host", "drain", hosts[-1], "--timeout", "20")
        assert last.returncode == 1
        assert f"gateway internet of {shop.vpc} stays: no other host can carry it" in last.stderr
    finally:
        for host in hosts:
            headgate(lab, "host", "undrain", host)
