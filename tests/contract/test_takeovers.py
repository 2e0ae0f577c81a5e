"""What happens to work under way when the lead passes on, or the database that says who has it is away."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from controller_site import Controller
from http_client import ask, samples
from postgres_server import PostgresServer, postgres, sql
from refusal import refusal
from shared_site import LOG, SECONDS, SharedSite, leads, shared_site

from api import Api
from headgate.v1 import intent_pb2, port_pb2, subnet_pb2, vpc_pb2
from headgate_lab.waiting import wait_until
from headgate_sdk import AlreadyExistsError, Client, HeadgateError

VPC, SUBNET = "projects/p/vpcs/v", "projects/p/vpcs/v/subnets/s"


class Load:
    """Clients that create ports, one after the other, as fast as they are acknowledged."""

    def __init__(self, endpoints: list[str], clients: int) -> None:
        self.acknowledged: dict[str, str] = {}
        self.faults: list[HeadgateError] = []
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._endpoints = endpoints
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        with Client(self._endpoints, seconds=SECONDS) as client:
            while not self._stop.is_set():
                name = f"{SUBNET}/ports/p{next(self._numbers)}"
                try:
                    self.acknowledged[name] = client.create(port_pb2.Port(name=name)).uid
                except HeadgateError as error:
                    self.faults.append(error)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def site(run_directory: Path, postgres_server: PostgresServer) -> Iterator[SharedSite]:
    with shared_site(run_directory, postgres_server.prepared(), lease_seconds=1) as found:
        yield found


def test_what_is_acknowledged_is_there_after_five_takeovers_under_load(site: SharedSite) -> None:
    site.start()
    with Client(site.endpoints) as client:
        client.create(vpc_pb2.Vpc(name=VPC))
        client.create(subnet_pb2.Subnet(name=SUBNET, cidr="10.0.0.0/16"))
    load, gaps = Load(site.endpoints, clients=3), []
    try:
        for _ in range(5):
            leader, other = site.settled()
            done = len(load.acknowledged)
            wait_until(lambda known=done: len(load.acknowledged) > known + 5, seconds=SECONDS, what="some creations")
            leader.kill()
            killed, done = time.monotonic(), len(load.acknowledged)
            wait_until(lambda known=done: len(load.acknowledged) > known + 3, seconds=SECONDS, what="a takeover")
            gaps.append(time.monotonic() - killed)
            wait_until(lambda one=other: bool(leads(one)), seconds=SECONDS, what="the other to lead")
            leader.launch()
    finally:
        load.stop()
    print(f"\n{len(load.acknowledged)} acknowledged; without a leader for {', '.join(f'{gap:.1f}' for gap in gaps)} s")
    assert [fault for fault in load.faults if not isinstance(fault, AlreadyExistsError)] == []
    leader, other = site.settled()
    with closing(Api(leader.api)) as api:
        stored = {name: api.get(name).uid for name in load.acknowledged}
    assert stored == load.acknowledged
    assert len(stored) + 2 <= sql(site.url, "SELECT count(*) FROM intent")[0][0] <= len(stored) + 2 + len(load.faults)
    names = [name for _, _, name, _ in sql(site.url, LOG)]
    assert len(names) == len(set(names)), "nothing was created twice"
    assert site.epoch() == site.northbound_epoch()
    wait_until(lambda: ask(leader.http, "/readyz").status == 200, seconds=SECONDS, what="it to be in step")
    other.stop()
    before = site.written()
    leader.stop()
    leader.start()
    wait_until(lambda: ask(leader.http, "/readyz").status == 200, seconds=SECONDS, what="it to be in step")
    assert site.written() == before, "Northbound is what the intent compiles to"


def test_a_database_that_is_away_is_waited_for_by_the_leader_and_beyond_the_lease_by_both(run_directory: Path) -> None:
    with postgres() as server, shared_site(run_directory, server.prepared(), lease_seconds=4) as site:
        leader, other = site.start()
        with closing(Api(leader.api)) as api, closing(Api(other.api)) as others:
            api.create(VPC)
            epoch = site.epoch()
            server.stop()
            refused = refusal(api.create, "projects/p/vpcs/w")
            assert (refused.code, "Nothing was changed" in refused.message) == ("UNAVAILABLE", True)
            assert api.get(VPC).name == VPC
            server.start()
            api.create("projects/p/vpcs/w")
            assert (site.settled(), site.epoch()) == ((leader, other), epoch)

            server.stop()
            for controller in site.both:
                controller.await_said("no leader known", SECONDS)
            assert leader.said().count("lease not renewed") <= 2, "it is told each time, and not again and again"
            for one in (api, others):
                refused = refusal(one.get, VPC)
                assert (refused.code, refused.reason) == ("UNAVAILABLE", "NOT_LEADING")
                assert "the database cannot be used, and nobody leads without it. See to PostgreSQL" in refused.message
                assert refused.metadata["leader"] == ""
            server.start()
            leader, _ = site.settled()
        with closing(Api(leader.api)) as api:
            assert set(api.names("")) == {VPC, "projects/p/vpcs/w"}
            api.create("projects/p/vpcs/x")
        wait_until(lambda: site.epoch() == site.northbound_epoch() > epoch, seconds=SECONDS, what="one epoch")


def test_one_that_cannot_read_what_it_would_lead_gives_the_lead_back_until_it_can(site: SharedSite) -> None:
    sql(site.url, "ALTER TABLE intent RENAME TO away")
    site.c1.launch()
    given_back = [("c1", 0)]
    lease = "SELECT holder, expire_time FROM lease"
    wait_until(lambda: sql(site.url, lease) == given_back, seconds=SECONDS, what="it to give the lead back")
    assert leads(site.c1) is not True
    sql(site.url, "ALTER TABLE away RENAME TO intent")
    site.c2.launch()
    site.settled()
    assert "no leader known" in site.c1.said()


def test_whoever_waits_for_a_database_that_does_not_answer_is_told_when_the_lead_is_lost(run_directory: Path) -> None:
    with postgres() as server, shared_site(run_directory, server.prepared(), lease_seconds=2) as site:
        site.c1.start()
        with closing(Api(site.c1.api)) as api:
            api.create(VPC)
            server.suspend(True)
            try:
                refused = refusal(api.create, "projects/p/vpcs/w")
                assert (refused.code, refused.reason) == ("UNAVAILABLE", "NOT_LEADING")
                assert "The lead was lost before the change was stored for certain" in refused.message
                site.c1.await_said("no leader known")
                assert "the database does not answer" in refusal(api.get, VPC).message
            finally:
                server.suspend(False)
            wait_until(lambda: leads(site.c1) is True, seconds=SECONDS, what="it to lead again")
            names = set(api.names(""))
            assert names - {"projects/p/vpcs/w"} == {VPC}
            api.create("projects/p/vpcs/x")
            assert names | {"projects/p/vpcs/x"} == {row[0] for row in sql(site.url, "SELECT name FROM intent")}


def streams(controller: Controller) -> float:
    """Return how many watches are under way."""
    return samples(controller.http).get("headgate_rpc_streams|method=/headgate.v1.IntentService/Watch", 0.0)


def test_a_leader_is_stopped_though_its_database_does_not_answer(run_directory: Path) -> None:
    with postgres() as server, shared_site(run_directory, server.prepared(), lease_seconds=4) as site:
        site.c1.start()
        with closing(Api(site.c1.api)) as api:
            api.create(VPC)
            server.suspend(True)
            try:
                with ThreadPoolExecutor(1) as thread:
                    waiting = thread.submit(api.create, "projects/p/vpcs/w")
                    # More than there are threads for calls.
                    reading = [api.intent.Watch(intent_pb2.WatchRequest(after_revision=1)) for _ in range(40)]
                    wait_until(lambda: streams(site.c1) == len(reading), seconds=SECONDS, what="all of them to read")
                    assert site.c1.process is not None
                    site.c1.process.terminate()
                    assert site.c1.status() == 0
                    assert waiting.exception(SECONDS) is not None
                    assert all(call.exception(SECONDS) is not None for call in reading)
            finally:
                server.suspend(False)
        site.c1.kill()
