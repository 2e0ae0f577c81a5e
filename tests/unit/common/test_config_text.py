"""A configuration as text: what --print-config shows is what the program would read."""

import dataclasses
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate_common.config import doc, load
from headgate_common.config_text import to_page, to_toml
from headgate_controller.config import ControllerConfig
from headgate_hostagent.config import AgentConfig, BridgeConfig

FULL = AgentConfig(
    host="h1",
    controllers=["unix:/a", 'with "quotes" and \\'],
    tunnel_address="192.0.2.1/24",
    bridges={"br-a": BridgeConfig(uplinks=["eth0", "eth1"]), "br b": BridgeConfig(mac="02:00:00:00:00:01")},
    physical_networks={"provider": "br-a", "a.b": "br b"},
    log_json=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    wait: timedelta = doc(timedelta(milliseconds=1500), "How long.")
    ratio: float = doc(0.5, "How much | of it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    url: str = doc("", "Where.")
    inner: Inner = doc(Inner(), "What is inside.")
    count: int = doc(3, "How many " + "times " * 40 + "over.")


@pytest.mark.parametrize(
    "config",
    [ControllerConfig(), AgentConfig(), FULL, Outer(), Outer(url="x", inner=Inner(wait=timedelta(hours=1)))],
    ids=lambda config: type(config).__name__,
)
def test_what_is_printed_is_read_back_as_it_was(config: Any, tmp_path: Path) -> None:
    file = tmp_path / "printed.toml"
    file.write_text(to_toml(config))
    assert load(type(config), file, {}, {}) == config


@pytest.mark.parametrize("cls", [ControllerConfig, AgentConfig])
def test_every_key_is_printed_with_what_it_means_and_is_on_the_page(cls: Any) -> None:
    printed, page = to_toml(cls()), to_page(cls, "Title", "Introduction.")
    words = " ".join(line.removeprefix("# ") for line in printed.splitlines() if line.startswith("#"))
    for field in dataclasses.fields(cls):
        assert " ".join(field.metadata["doc"].split()) in words
        assert f"`{field.name}`" in page or f"`[{field.name}.NAME]`" in page


def test_no_line_is_longer_than_people_read() -> None:
    assert max(len(line) for line in to_toml(Outer()).splitlines()) <= 120


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://headgate:s3cret@db:5432/headgate", "postgresql://headgate:***@db:5432/headgate"),
        ("postgresql://headgate:s3c/r:et@db/headgate", "postgresql://headgate:***@db/headgate"),
        ("postgresql+psycopg://:s3cret@/headgate", "postgresql+psycopg://:***@/headgate"),
        ("sqlite:////var/lib/headgate/headgate.db", "sqlite:////var/lib/headgate/headgate.db"),
        ("unix:/run/ovn/a@b:c.sock", "unix:/run/ovn/a@b:c.sock"),
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str, shown: str) -> None:
    assert tomllib.loads(to_toml(Outer(url=url)))["url"] == shown
