"""Several controllers on one database: exactly one leads, the others say so, and who has led writes nothing more."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from controller_site import Controller
from grpc_health.v1 import health_pb2, health_pb2_grpc
from host_stream import host_stream
from http_client import ask
from postgres_server import PostgresServer, sql
from refusal import refusal
from shared_site import LEASE_SECONDS, SECONDS, SharedSite, leads, pause, shared_site
from site_pki import Site as Pki

from api import Api
from command_line import CommandLine
from headgate_controller.store.database import Database
from headgate_controller.store.tokens import Token, Tokens
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until

VPC, SUBNET = "projects/p/vpcs/v", "projects/p/vpcs/v/subnets/s"
PORT = f"{SUBNET}/ports/a"
KEY = "headgate-key"


@pytest.fixture
def site(run_directory: Path, postgres_server: PostgresServer) -> Iterator[SharedSite]:
    with shared_site(run_directory, postgres_server.prepared()) as found:
        yield found


def build(controller: Controller) -> None:
    with closing(Api(controller.api)) as api:
        api.create(VPC)
        api.create(SUBNET, cidr="10.1.0.0/24")
        api.create(PORT)
        api.realised(PORT)


def health(controller: Controller) -> int:
    with grpc.insecure_channel(controller.api) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS).status
        return status


def test_of_two_controllers_started_at_once_exactly_one_leads_and_the_other_says_so(
    site: SharedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leader, other = site.start()
    name, own = leader.settings["name"], other.settings["name"]
    words = f"This controller, {own}, stands by: {name} leads, at {leader.api}."
    with closing(Api(other.api)) as api:
        refused = refusal(api.get, VPC)
        assert (refused.code, refused.reason) == ("UNAVAILABLE", "NOT_LEADING")
        assert refused.message.startswith(words)
        assert refused.metadata == {"controller": own, "leader": name, "endpoints": leader.api}
        assert refusal(lambda: list(api.names(""))).reason == "NOT_LEADING"
    assert (health(leader), health(other)) == (health_pb2.HealthCheckResponse.SERVING, 2)
    assert ask(other.http, "/healthz").status == 200
    for path in ("/readyz", "/terraform/state/p/s"):
        answer = ask(other.http, path)
        assert (answer.status, words in answer.text) == (503, True)
    assert f"standing by leader={name} endpoints={leader.api}" in other.said()
    with grpc.insecure_channel(other.api) as channel:
        made_up = [channel.unary_unary(f"/made.up/Method{number}").future(b"") for number in range(30)]
        assert {call.exception(SECONDS).code() for call in made_up} == {grpc.StatusCode.UNAVAILABLE}
    metrics = ask(other.http, "/metrics").text
    assert ('method="any"' in metrics, "made.up" in metrics) == (True, False), "nobody makes up labels"

    headgate = CommandLine(capsys)
    monkeypatch.setenv("HEADGATE_PROJECT", "p")
    monkeypatch.delenv("HEADGATE_TOKEN", raising=False)
    monkeypatch.setenv("HEADGATE_ENDPOINTS", f"{other.api},{leader.api}")
    assert headgate("get", "vpcs").status == 0
    assert f"{name} leads, with epoch {site.epoch()}" in headgate("doctor").out
    monkeypatch.setenv("HEADGATE_ENDPOINTS", other.api)
    alone = headgate("get", "vpcs")
    assert (alone.status, words in alone.err) == (3, True)
    told = headgate("doctor").out
    assert words in told
    assert "Let HEADGATE_ENDPOINTS name every controller" in told


ELSEWHERE = (
    "UPDATE lease SET holder = 'c9', endpoints = 'c9.example:7443', session = 'another', "
    "expire_time = (extract(epoch FROM clock_timestamp())::bigint + 600) * 1000000000"
)


def test_one_that_stands_by_meets_clients_by_tls_hosts_by_certificates_and_monitoring_by_a_token(
    run_directory: Path, postgres_server: PostgresServer
) -> None:
    url, pki = postgres_server.prepared(), Pki(run_directory / "standby-pki")
    with closing(Database(url)) as database:
        wanted = Token(name="tokens/monitor", description="", projects=None, writes=False)
        _, secret = asyncio.run(Tokens(database).create(wanted))
    sql(url, ELSEWHERE)
    api, http = (f"localhost:{free_port()}" for _ in range(2))
    identity = str(pki.own.identity)
    pki.controller.settings |= {"database": url, "listen": [api], "http_listen": [http], "tls_certificate": identity}
    pki.controller.launch()
    try:
        pki.controller.await_said("standing by leader=c9 endpoints=c9.example:7443")
        credentials = grpc.ssl_channel_credentials(pki.authority.bundle())
        with closing(Api(api, credentials=credentials)) as client:
            assert refusal(client.get, VPC).reason == "NOT_LEADING"
        with host_stream(pki.hosts, pki.host("h1")) as stream:
            stream.hello("h1")
            ended = stream.end()
        assert ended is not None
        assert "c9 leads, at c9.example:7443" in str(ended.details())
        tls = ssl.create_default_context(cadata=pki.authority.bundle().decode())
        assert ask(http, "/metrics", tls=tls).status == 401
        told = ask(http, "/metrics", headers={"Authorization": f"Bearer {secret}"}, tls=tls)
        assert "headgate_leading 0.0" in told.text.splitlines()
        pki.controller.stop()
    finally:
        pki.controller.kill()


def test_a_killed_leader_is_followed_within_its_lease_and_nothing_else_changes(site: SharedSite) -> None:
    leader, other = site.start()
    build(leader)
    before, epoch = site.ovn.northbound(), site.epoch()
    leader.kill()
    killed = time.monotonic()
    with closing(Api(other.api)) as api:
        wait_until(lambda: bool(leads(other)), seconds=SECONDS, what="the other to lead")
        print(f"\nled again {time.monotonic() - killed:.1f} s after the leader was killed; lease {LEASE_SECONDS} s")
        assert time.monotonic() - killed < LEASE_SECONDS + 5.0
        wait_until(lambda: bool(api.realised(PORT).realised), seconds=SECONDS, what="the port to be realised still")
        assert set(api.names("")) == {VPC, SUBNET, PORT}
    wait_until(lambda: site.northbound_epoch() == site.epoch() > epoch, seconds=SECONDS, what="a higher epoch")
    assert rows(site.ovn.northbound()) == rows(before)


def rows(northbound: str) -> list[str]:
    """Return the tables of Northbound but the one that has the epoch."""
    return [table for table in northbound.split("\n\n") if not table.startswith("NB_Global")]


def test_a_paused_leader_that_wakes_writes_neither_sql_nor_northbound(site: SharedSite) -> None:
    leader, other = site.start()
    build(leader)
    old = Api(leader.api)
    assert old.get(PORT).name == PORT  # so that the connection is there
    pause(leader, True)
    with ThreadPoolExecutor(1) as thread, closing(Api(other.api)) as api:
        queued = thread.submit(lambda: refusal(old.create, f"{SUBNET}/ports/queued"))
        wait_until(lambda: bool(leads(other)), seconds=SECONDS, what="the other to lead")
        api.create(f"{SUBNET}/ports/b")
        api.realised(f"{SUBNET}/ports/b")
        # What the paused one sees first when it wakes is a row of its own, changed by somebody, and repaired by now.
        switch = site.ovn.nbctl("--bare", "--columns=_uuid", "find", "Logical_Switch", f"external_ids:{KEY}={SUBNET}")
        site.ovn.nbctl("clear", "Logical_Switch", switch.strip(), "ports")
        wait_until(lambda: "repaired" in other.said(), seconds=SECONDS, what="a repair")
        before = site.written()
        pause(leader, False)
        refused = queued.result(SECONDS)
    leader.await_said("standing by")
    assert leader.said().count("lead lost") == 1
    old.close()
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "NOT_LEADING")
    assert site.written() == before
    assert site.settled() == (other, leader)


def test_a_leader_that_stops_in_order_is_followed_at_once_and_alone_it_writes_nothing_when_it_is_back(
    site: SharedSite,
) -> None:
    leader, other = site.start()
    build(leader)
    leader.stop()
    stopped = time.monotonic()
    wait_until(lambda: bool(leads(other)), seconds=SECONDS, what="the other to lead")
    print(f"\nled again {time.monotonic() - stopped:.1f} s after the leader was stopped")
    wait_until(lambda: ask(other.http, "/readyz").status == 200, seconds=SECONDS, what="the other to be in step")
    before = site.written()
    other.stop()
    other.start()
    wait_until(lambda: ask(other.http, "/readyz").status == 200, seconds=SECONDS, what="it to be in step")
    assert site.written() == before


def test_an_older_database_begins_above_what_northbound_knows(site: SharedSite) -> None:
    site.c1.start()
    build(site.c1)
    site.c1.stop()
    sql(site.url, "UPDATE lease SET epoch = 1, holder = 'gone'")
    site.ovn.nbctl("set", "NB_Global", ".", "external_ids:headgate-epoch=41")
    site.c1.start()
    wait_until(lambda: site.northbound_epoch() == 42, seconds=SECONDS, what="a higher epoch")
    wait_until(lambda: leads(site.c1) is True, seconds=SECONDS, what="it to lead")
    assert site.epoch() == 42


def test_a_controller_of_another_copy_of_the_database_ends_the_one_that_northbound_is_taken_from(
    site: SharedSite,
) -> None:
    site.c1.start()
    build(site.c1)
    held = site.northbound_epoch()
    site.ovn.nbctl("set", "NB_Global", ".", f"external_ids:headgate-epoch={held + 1}")
    assert site.c1.status() == 1
    assert "Another controller leads the site now" in site.c1.said()
    site.c1.kill()
