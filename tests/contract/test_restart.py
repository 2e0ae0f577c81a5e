"""The whole program, killed at random moments under a stream of creations through its API: nothing acknowledged is
lost, nothing is half done, and what is in Northbound is what a full recompute gives. (`test_kills` has the moments by
name.)
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Central, Controller, assert_sound, central

from api import Api
from headgate.v1 import intent_pb2, port_pb2, subnet_pb2, vpc_pb2
from headgate_lab.waiting import wait_until

KILLS = 10
CLIENTS = 3
MOST_BETWEEN_KILLS = 25
SECONDS = 20.0
SUBNET = "projects/restart/vpcs/shop/subnets/web"
PARTS = ("", "/subnets/a", "/subnets/a/ports/p", "/subnets/a/ports/q")


class Lives:
    """A controller that is killed and started again, each time with a socket of its own, so that no client waits for
    one that is dead.
    """

    def __init__(self, directory: Path, site: Central) -> None:
        self.controller = Controller(directory, site)
        self.number = 0
        self._directory = directory

    def begin(self) -> None:
        """Start it, and wait until it serves."""
        endpoint = f"unix:{self._directory}/api{self.number + 1}.sock"
        self.controller.settings["listen"] = [endpoint]
        self.controller.start()
        self.controller.api = endpoint
        self.number += 1


class Client:
    """Creates one thing after another; what is not acknowledged it sends again, as the same request."""

    def __init__(self, lives: Lives, name: str) -> None:
        self._lives = lives
        self._name = name
        self._life = 0
        self._api: Api | None = None
        self.acknowledged: dict[str, str] = {}
        """Names and uids of single ports."""
        self.batches: list[str] = []
        """VPCs that were acknowledged with all of their parts."""

    def run(self, stopped: threading.Event) -> None:
        """Create until `stopped`; then all that was begun is acknowledged."""
        number = 0
        while not stopped.is_set():
            number += 1
            if number % 4:
                port = self._insist(f"{self._name}-{number}", self._create_port)
                self.acknowledged[port.name] = port.uid
            else:
                self._insist(f"{self._name}-{number}", self._create_network)
                self.batches.append(f"projects/restart/vpcs/{self._name}-{number}")
        if self._api is not None:
            self._api.close()

    def _insist(self, name: str, attempt: Callable[[Api, str, str], Any]) -> Any:
        request_id = str(uuid.uuid4())
        while True:
            if self._api is None:
                wait_until(lambda: self._lives.number > self._life, seconds=SECONDS, what="the next life")
                self._life = self._lives.number
                self._api = Api(self._lives.controller.api)
            try:
                return attempt(self._api, name, request_id)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                self._api.close()
                self._api = None

    def _create_port(self, api: Api, name: str, request_id: str) -> Any:
        stub = api.channel.unary_unary(
            "/headgate.v1.PortService/CreatePort",
            port_pb2.CreatePortRequest.SerializeToString,
            port_pb2.Port.FromString,
        )
        return stub(port_pb2.CreatePortRequest(parent=SUBNET, port_id=name, request_id=request_id), timeout=SECONDS)

    def _create_network(self, api: Api, name: str, request_id: str) -> Any:
        vpc = f"projects/restart/vpcs/{name}"
        request = intent_pb2.BatchRequest(request_id=request_id)
        request.mutations.add().create.Pack(vpc_pb2.Vpc(name=vpc))
        request.mutations.add().create.Pack(subnet_pb2.Subnet(name=f"{vpc}/subnets/a", cidr="10.1.0.0/24"))
        for port in ("p", "q"):
            request.mutations.add().create.Pack(port_pb2.Port(name=f"{vpc}/subnets/a/ports/{port}"))
        return api.intent.Batch(request, timeout=SECONDS)


@pytest.fixture
def site(run_directory: Path) -> Iterator[Central]:
    with central(run_directory / "restart-ovn") as found:
        yield found


@pytest.fixture
def lives(run_directory: Path, site: Central) -> Iterator[Lives]:
    made = Lives(run_directory / "restart", site)
    yield made
    made.controller.kill()


def test_kills_at_random_moments_lose_nothing_and_leave_nothing_half_done(lives: Lives, site: Central) -> None:
    chance = random.Random(20260105)
    lives.begin()
    api = Api(lives.controller.api)
    api.create("projects/restart/vpcs/shop")
    api.create(SUBNET, cidr="10.0.0.0/16")
    api.close()
    clients = [Client(lives, f"c{i}") for i in range(CLIENTS)]
    stopped = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(client.run, stopped) for client in clients]
        try:
            for _ in range(KILLS):
                await_progress(clients, chance.randint(1, MOST_BETWEEN_KILLS))
                lives.controller.kill()
                assert_sound(lives.controller)
                lives.begin()
        finally:
            stopped.set()
            for future in running:
                future.result(SECONDS)
    assert_all_there(lives, clients)
    assert_northbound_is_what_a_recompute_gives(lives, site, clients)


def await_progress(clients: list[Client], count: int) -> None:
    """Return when the clients have had that many more answers."""

    def answers() -> int:
        return sum(len(client.acknowledged) + len(client.batches) for client in clients)

    goal = answers() + count
    wait_until(lambda: answers() >= goal, seconds=SECONDS, what=f"{count} more acknowledged creations", every=0.0005)


def assert_all_there(lives: Lives, clients: list[Client]) -> None:
    api = Api(lives.controller.api)
    there = {name: api.get(name).uid for name in api.names("projects/restart/")}
    api.close()
    for client in clients:
        assert len(client.acknowledged) > KILLS
        assert client.batches
        assert client.acknowledged.items() <= there.items(), "what was acknowledged is there, as it was"
        for vpc in client.batches:
            assert {f"{vpc}{part}" for part in PARTS} <= set(there)
    for name in there:
        if name.count("/") == 3 and not name.endswith("/shop"):
            assert {f"{name}{part}" for part in PARTS} <= set(there), "no batch is half done"


def assert_northbound_is_what_a_recompute_gives(lives: Lives, site: Central, clients: list[Client]) -> None:
    lives.controller.await_said("northbound synchronised")
    site.nbctl("--wait=sb", "sync")
    rows = site.northbound()
    assert all(uid in rows for client in clients for uid in client.acknowledged.values())
    lives.controller.stop()
    lives.begin()
    lives.controller.await_said("northbound synchronised")
    assert "changes=0" in lives.controller.said()
    assert sorted(site.northbound().splitlines()) == sorted(rows.splitlines())
    lives.controller.stop()
    assert_sound(lives.controller)
