"""The command line against a real controller, in a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from controller_site import Controller

from command_line import CommandLine


@pytest.fixture
def headgate(
    shared_controller: Controller, project: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """`headgate` as somebody runs it who has named the controller and the project in the environment."""
    for name in ("HEADGATE_EXTRA_PROTOS", "HEADGATE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADGATE_ENDPOINTS", shared_controller.api)
    monkeypatch.setenv("HEADGATE_PROJECT", project)
    return CommandLine(capsys)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A file with a small network, written as people write: short names, in no useful order."""
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    return file


SHOP = """\
# The shop, and how it reaches the world.
kind: route
name: shop/default
destination: 0.0.0.0/0
next_hops:
  - external_subnet: internet
---
kind: port
name: shop/web/web1
mac: 52:54:00:12:34:56        # YAML 1.1 would read a number of base 60
labels: {app: shop}
---
kind: vpc
name: shop
display_name: no              # and a bool here
external_subnets:
  internet: {subnet: internet}
---
kind: subnet
name: shop/web
cidr: 10.1.0.0/24
---
kind: subnet
name: internet
vlan: {physical_network: provider, id: 200}
cidr: 203.0.113.0/24
gateway: 203.0.113.1
pools: [{start: 203.0.113.10, end: 203.0.113.99}]
external: {mode: nat}
"""
