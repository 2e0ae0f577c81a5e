"""OVN's central parts die, stall and lose what they held: intent is taken, people are told, and all comes back."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from controller_site import Central, Controller, central, controlling
from host_stream import host_stream
from ovsdb_server import connected

from api import Api, findings
from headgate_lab.northbound import nb_rows
from headgate_lab.waiting import wait_until

SECONDS = 20.0
VPC = "projects/p/vpcs/shop"
PORT = f"{VPC}/subnets/web/ports/a"
HOST = "h1"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Site:
    """A site with one port, which is bound to a host whose part the test plays."""

    def __init__(self, ovn: Central, controller: Controller) -> None:
        self.ovn, self.controller = ovn, controller
        self.api = Api(controller.api)
        self.api.create(VPC)
        self.api.create(f"{VPC}/subnets/web", cidr="10.1.0.0/24")
        self.port = self.api.create(PORT)
        ovn.bind(self.port.uid, HOST)
        wait_until(lambda: bool(self.lags()), seconds=SECONDS, what="the binding to be seen")

    def rebind(self) -> None:
        """Have the host claim the port again, once northd has made its binding anew."""

        def released() -> bool:
            where = (f'logical_port="{self.port.uid}"', "chassis=[]")
            return bool(self.ovn.sbctl("--bare", "--columns=_uuid", "find", "Port_Binding", *where).strip())

        wait_until(released, seconds=SECONDS, what="a new binding of the port", every=0.05)
        self.ovn.bind(self.port.uid, HOST)

    def change(self) -> Any:
        """Change the port, and return it."""
        generation = self.api.get(PORT).generation
        return self.api.update(PORT, display_name=f"changed {generation}")

    def lags(self) -> list[tuple[str, str]]:
        """Return who has not realised the port yet, and why."""
        return [(lag.host, lag.reason) for lag in self.api.get(PORT).status.waiting_for]

    def await_lag(self, words: str, seconds: float = SECONDS) -> None:
        """Return once the port's status gives a reason."""
        wait_until(lambda: words in str(self.lags()), seconds=seconds, what=f"{words!r}, not {self.lags()}", every=0.05)

    def realised_while_confirming(self) -> bool:
        """Return whether the port is realised, to somebody who waits while the host confirms what it is asked."""
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.api.realised, PORT, 10)
            while not waiting.done():
                self.ovn.confirm(HOST)
            return bool(waiting.result().realised)

    def rows(self) -> list[str]:
        """Return what Northbound holds, but for names that it gave itself."""
        tables = nb_rows(self.ovn.nb.remote)
        return sorted(UUID.sub("", f"{table} {row}") for table, rows in tables.items() for row in rows.values())


@pytest.fixture(scope="module")
def shared_site(run_directory: Path) -> Iterator[Site]:
    directory = run_directory / "faults"
    with central(directory / "ovn") as ovn, controlling(Controller(directory / "c", ovn)) as controller:
        found = Site(ovn, controller)
        yield found
        found.api.close()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The site, its host connected, and the port realised."""
    with host_stream(shared_site.controller.hosts) as agent:
        agent.hello(HOST)
        agent.accept()
        assert shared_site.realised_while_confirming()
        yield shared_site


def test_a_barrier_that_northd_was_late_for_holds_up_nobody(site: Site) -> None:
    site.ovn.northd.kill()
    site.change()
    assert site.realised_while_confirming(), "hosts may be done before northd has said that it is"
    site.change()
    site.await_lag("ovn-northd has not translated the change yet")
    site.ovn.northd.start()
    assert site.realised_while_confirming()


def test_without_northd_changes_are_taken_and_whoever_waits_is_told(site: Site) -> None:
    site.ovn.northd.kill()
    changed = site.change()
    assert not site.api.realised(PORT, 1).realised
    assert site.lags() == [(f"hosts/{HOST}", "ovn-northd has not translated the change yet")]
    site.ovn.northd.start()
    assert site.realised_while_confirming()
    assert site.api.get(PORT).generation == changed.generation


@pytest.mark.parametrize("way", ["killed and started on nothing", "its one shared row deleted"])
def test_an_emptied_northbound_is_rebuilt_and_nobody_is_told_realised_before_it_is(site: Site, way: str) -> None:
    for _ in range(3):
        site.change()
        assert site.realised_while_confirming()
    before = site.rows()
    site.ovn.northd.kill()
    if way.startswith("killed"):
        site.ovn.nb.kill()
        site.ovn.nb.start(empty=True)
    else:
        site.ovn.nbctl("--all", "destroy", "NB_Global")
    wait_until(lambda: site.rows() == before, seconds=SECONDS, what="Northbound to be as it was", every=0.1)
    site.ovn.northd.start()
    if way.startswith("killed"):
        site.rebind()
    site.change()
    site.await_lag(HOST)
    assert not site.api.realised(PORT, 1).realised, "what the host had confirmed of the old database counts for nothing"
    assert site.realised_while_confirming()
    site.change()
    assert site.realised_while_confirming()
    site.controller.stop()
    kept = site.ovn.northbound()
    site.controller.start()
    site.controller.await_said("northbound synchronised")
    assert site.ovn.northbound() == kept, "a full recompute finds nothing to do"


def test_an_emptied_southbound_is_filled_again_and_nobody_is_told_realised_before(site: Site) -> None:
    site.ovn.northd.kill()
    site.ovn.sb.kill()
    site.await_lag("")
    changed = site.change()
    site.await_lag("no host can be seen to have made the change: OVN Southbound at")
    site.ovn.sb.start(empty=True)
    site.await_lag("OVN Southbound was emptied, and ovn-northd has not filled it again")
    assert not site.api.realised(PORT, 1).realised
    site.ovn.sbctl("init")
    site.ovn.northd.start()
    site.rebind()
    assert site.realised_while_confirming()
    assert site.api.get(PORT).status.realised_generation == changed.generation
    assert "ovn-controller" in site.ovn.sbctl("--bare", "--columns=name", "list", "RBAC_Role"), "northd's, and back"


def test_while_northbound_is_silent_changes_are_taken_and_whoever_waits_is_told(site: Site) -> None:
    site.ovn.nb.suspend(True)
    try:
        changed = site.change()
        site.await_lag("has not answered for 3 s")
        created = site.api.create(f"{PORT}2")
        (lag,) = created.status.waiting_for
        assert "the change is not written to OVN Northbound yet: unix:" in lag.reason
        assert "has not answered" in str(findings(site.api, "northbound"))
    finally:
        site.ovn.nb.suspend(False)
    assert site.realised_while_confirming()
    assert site.api.get(PORT).status.realised_generation == changed.generation


HAMMER_SECONDS = 4.0
MOST_REPAIRS = 20
"""Five at once, then at longer intervals up to twice a second, of each of two rows."""


async def hammer(remote: str, switch: str) -> tuple[int, int]:
    """Spoil a switch and what is beside it as fast as goes; return how often, and how often it had been mended."""
    spoilt = mended = 0
    where = [["name", "!=", "foreign"]]
    async with connected(remote) as connection:
        until = time.monotonic() + HAMMER_SECONDS
        while time.monotonic() < until:
            read = {"op": "select", "table": "Logical_Switch", "where": [["name", "==", switch]]}
            spoil = {"op": "update", "table": "Logical_Switch", "where": where, "row": {"name": "theirs"}}
            epoch = [["external_ids", "delete", ["set", ["headgate-epoch"]]]]
            disown = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": epoch}
            found, *_ = await connection.transact("OVN_Northbound", [read, spoil, disown])
            spoilt, mended = spoilt + 1, mended + len(found["rows"])
            await asyncio.sleep(0.001)
    return spoilt, mended


def test_a_second_writer_of_our_rows_is_worked_against_with_patience_and_said(site: Site) -> None:
    site.ovn.nbctl("ls-add", "foreign", "--", "lsp-add", "foreign", "theirs")
    before = site.rows()
    spent = site.controller.cpu_seconds()
    spoilt, mended = asyncio.run(hammer(site.ovn.nb.remote, f"{VPC}/subnets/web"))
    spent = site.controller.cpu_seconds() - spent
    told = [(found.reason, found.message) for found in site.api.get(f"{VPC}/subnets/web").status.conditions]
    print(f"\nspoilt {spoilt} times, mended {mended} times, controller's CPU {spent:.2f} s in {HAMMER_SECONDS:g} s")
    assert spoilt > 20 * mended > 0
    assert mended <= MOST_REPAIRS
    assert spent < HAMMER_SECONDS / 4
    wait_until(lambda: site.rows() == before, seconds=SECONDS, what="all rows, ours and others', to be as before")
    assert "OVN_ROW_CONTESTED" in str(told)
    assert "was changed" in str(findings(site.api, "northbound"))
    assert site.controller.said().count("rows contested") == 1
    site.ovn.nbctl("ls-del", "foreign")
    site.change()
    assert site.realised_while_confirming()
