"""docs/guide/install.md, followed to the letter on three fresh machines. Only packages are there already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from machine import MachineHere, machine

from headgate_lab.errors import DeadlineError
from headgate_lab.machine import Underlay
from headgate_lab.namespaces import Namespace
from headgate_lab.topology import Link, Wire
from headgate_lab.waiting import wait_until

CLONE = Path(__file__).parents[2]
GUIDE = CLONE / "docs/guide/install.md"
BLOCK = re.compile(r"^```sh (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MANAGEMENT = {"ctl": "192.0.2.1/24", "h1": "192.0.2.11/24", "h2": "192.0.2.12/24"}


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[dict[str, MachineHere]]:
    """The three machines of the guide, with their NICs."""
    with ExitStack() as stack:
        wires = Underlay(namespace=Namespace("hg-install-wires"))
        stack.callback(wires.namespace.delete)
        wires.lay({Wire.MANAGEMENT: 1500, Wire.UNDERLAY: 1600, Wire.PROVIDER: 1500})
        found = {}
        for name, address in MANAGEMENT.items():
            namespace = Namespace(f"hg-install-{name}")
            stack.callback(namespace.delete)
            namespace.create()
            links = [Link(device="eth0", wire=Wire.MANAGEMENT, address=address)]
            if name != "ctl":
                links += [Link(device="eth1", wire=Wire.UNDERLAY), Link(device="eth2", wire=Wire.PROVIDER)]
            wires.plug(name, namespace, tuple(links))
            found[name] = stack.enter_context(machine(namespace, tmp_path / name))
        yield found


def userspace(script: str) -> str:
    """Return a script for a machine whose kernel has no Open vSwitch: there, the agent is told so."""
    return script.replace('tunnel_device = "br-phy"\n', 'tunnel_device = "br-phy"\ndatapath_type = "netdev"\n')


def test_the_install_guide_followed_to_the_letter_makes_a_site(machines: dict[str, MachineHere]) -> None:
    printed: list[str] = []
    for where, script in BLOCK.findall(GUIDE.read_text()):
        for name in re.findall(r"</root/(\w+)\.invitation", script):
            token = machines["ctl"].run(f"cat /root/{name}.invitation", CLONE)
            machines[name].run(f"cat >/root/{name}.invitation <<'END'\n{token}END", CLONE)
        if script == "headgate-agent doctor\n":
            _await_sound(machines[where])
        if where != "packages":
            printed.append(machines[where].run(userspace(script), CLONE))
    hosts = next(said for said in printed if said.startswith("NAME "))
    assert re.findall(r"^(h\d) +yes ", hosts, re.MULTILINE) == ["h1", "h2"], hosts
    assert any("5 packets transmitted" in said for said in printed), "the ping between the hosts"


def _await_sound(machine: MachineHere) -> None:
    """Return when the doctor finds nothing wrong: a person who is told that something is missing yet looks again."""
    said = ""

    def sound() -> bool:
        nonlocal said
        said = machine.run("headgate-agent doctor || true", CLONE)
        return "failed " not in said

    try:
        wait_until(sound, seconds=60, what="the machine to be sound", every=0.5)
    except DeadlineError as error:
        raise AssertionError(f"{said}\n{machine.logs()}") from error
