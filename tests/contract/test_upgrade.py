"""Upgrades: a database as an earlier release left it is served as it was. `data/` holds such databases as SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from controller_site import Central, Controller, central, controlling

from api import Api

FIRST = Path(__file__).parent / "data/first_release.sql"
SHOP = "projects/shop"
WEB = f"{SHOP}/vpcs/shop/subnets/web"


@pytest.fixture(scope="module")
def ovn(run_directory: Path) -> Iterator[Central]:
    """OVN's central parts, for a site of its own: Northbound belongs to one store."""
    with central(run_directory / "upgraded-ovn") as found:
        yield found


@pytest.fixture(scope="module")
def upgraded(run_directory: Path, ovn: Central) -> Iterator[Api]:
    """The API of a controller that found the database of the first release."""
    controller = Controller(run_directory / "upgraded", ovn)
    with closing(sqlite3.connect(controller.database)) as database:
        database.executescript(FIRST.read_text())
    with controlling(controller):
        api = Api(controller.api)
        yield api
        api.close()


def test_a_database_of_the_first_release_is_served_with_what_was_given(upgraded: Api) -> None:
    assert sorted(upgraded.names("")) == [
        "hosts/h1",
        "hosts/h2",
        f"{SHOP}/floatingIps/web1",
        f"{SHOP}/subnets/internet",
        f"{SHOP}/vpcs/shop",
        f"{SHOP}/vpcs/shop/routes/default",
        WEB,
        f"{WEB}/ports/web1",
        f"{WEB}/ports/web2",
    ]
    web1, web2 = upgraded.get(f"{WEB}/ports/web1"), upgraded.get(f"{WEB}/ports/web2")
    assert (web1.ip, web1.vm, dict(web1.labels)) == ("10.1.0.2", "free text", {"tier": "front"})
    assert (web2.ip, web2.host) == ("10.1.0.77", "hosts/h2")
    assert web1.iface_id == web1.uid
    assert upgraded.get(f"{SHOP}/floatingIps/web1").ip == "203.0.113.11"
    subnet = upgraded.get(WEB)
    assert (subnet.generation, subnet.description, subnet.domain_name) == (2, "changed once", "shop.example")


def test_what_an_earlier_release_left_is_realised_and_can_be_changed(upgraded: Api, ovn: Central) -> None:
    assert upgraded.realised(f"{WEB}/ports/web1").realised
    assert "10.1.0.77" in ovn.northbound()
    changed = upgraded.update(f"{WEB}/ports/web2", deletion_protection=True)
    assert (changed.generation, changed.ip) == (2, "10.1.0.77")
    made = upgraded.create(f"{WEB}/ports/web3")
    assert made.ip == "10.1.0.3", "what is taken is known"
