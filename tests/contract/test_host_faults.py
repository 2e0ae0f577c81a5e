"""Hosts whose streams are cut, hang, flap, or are not read: they are bounded, the others do not notice, and people are
told.
"""

from __future__ import annotations

import queue
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import grpc
import pytest
from controller_site import Controller
from host_stream import conditions, host_stream
from http_client import samples
from silent_relay import relay

from api import Api
from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_link_pb2_grpc
from headgate_controller.hosts.comings import LINES
from headgate_controller.hosts.facts import CHANGES
from headgate_controller.hosts.links import SNAPSHOTS
from headgate_lab.waiting import wait_until

SECONDS = 15.0
KEEPALIVE_SECONDS = 15.0
"""How long an agent may be silent until the controller lets it go: it asks after 10 s, and waits 5 s."""


NARROW = ("grpc.http2.bdp_probe", 0)
"""Keeps what is on its way to an agent that does not read at 64 KiB."""


@pytest.fixture
def subnet(api: Api, project: str) -> str:
    api.create(f"projects/{project}/vpcs/shop")
    return str(api.create(f"projects/{project}/vpcs/shop/subnets/web", cidr="10.0.0.0/8").name)


def revision(controller: Controller) -> float:
    return samples(controller.http)["headgate_revision"]


def connected(controller: Controller) -> float:
    return samples(controller.http)["headgate_hosts_connected"]


def lines_about(controller: Controller, host: str) -> list[str]:
    return [line for line in controller.log.read_text().splitlines() if f"host=hosts/{host}" in line]


def test_a_host_that_flaps_costs_no_commit_and_a_few_lines_and_leaves_nothing(
    api: Api, shared_controller: Controller, endpoint: str, host: str
) -> None:
    assert shared_controller.process is not None
    files = Path(f"/proc/{shared_controller.process.pid}/fd")
    with host_stream(endpoint) as agent:
        agent.hello(host)
        held = agent.accept().version
    before, opened = revision(shared_controller), len(list(files.iterdir()))
    for _ in range(40):
        with host_stream(endpoint) as agent:
            agent.hello(host, held=held, protocol=2)
            wait_until(
                lambda: "NOT_CONNECTED" not in conditions(api, host),
                seconds=SECONDS,
                what="the host to be there",
            )
        wait_until(lambda: "NOT_CONNECTED" in conditions(api, host), seconds=SECONDS, what="the host to be gone")
    assert revision(shared_controller) == before
    said = lines_about(shared_controller, host)
    assert len(said) == LINES + 1, said
    assert "host flaps" in said[-1]
    wait_until(lambda: len(list(files.iterdir())) <= opened + 5, seconds=SECONDS, what=f"{opened} files to be open")


def test_facts_that_flap_are_stored_at_a_bounded_rate_and_the_last_counts(
    api: Api, shared_controller: Controller, endpoint: str, host: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"storage": "br-st"})
        agent.accept()
        before = revision(shared_controller)
        for number in range(3 * CHANGES + 1):
            down = [] if number % 2 else ["storage"]
            agent.say(report=pb.Report(physical_networks_down=down, versions={"ovn": str(number)}))
            wait_until(lambda n=str(number): shown(api, host) == n, seconds=SECONDS, what="the report to be taken in")
        wait_until(
            lambda: "UPLINK_DOWN" in conditions(api, host),
            seconds=SECONDS,
            what="what was said last to be stored",
        )
        assert revision(shared_controller) - before <= CHANGES + 2


def test_facts_that_could_not_be_stored_are_stored_as_soon_as_they_can_be(
    api: Api, shared_controller: Controller, endpoint: str, host: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"storage": "br-st"})
        agent.accept()
        with closing(sqlite3.connect(shared_controller.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            agent.say(report=pb.Report(physical_networks_down=["storage"]))
            shared_controller.await_said("database is locked")
        wait_until(lambda: "UPLINK_DOWN" in conditions(api, host), seconds=SECONDS, what="the facts to be stored")


def shown(api: Api, host: str) -> str:
    """Return the version that the host's last report gave."""
    return str(api.get(f"hosts/{host}").versions["ovn"])


def test_facts_that_flap_with_the_stream_are_stored_at_a_bounded_rate(
    api: Api, shared_controller: Controller, endpoint: str, host: str
) -> None:
    before = revision(shared_controller)
    with ExitStack() as stack:
        for number in range(3 * CHANGES):
            stack.enter_context(host_stream(endpoint)).hello(host, networks={f"n{number}": "br"})
        wait_until(lambda: revision(shared_controller) - before >= CHANGES, seconds=SECONDS, what="the first of them")
        assert revision(shared_controller) - before <= CHANGES + 1
    assert api.get(f"hosts/{host}").physical_networks, "the others have given up"


@contextmanager
def deaf(endpoint: str, host: str) -> Iterator[None]:
    """Hold the stream of an agent that is to be told much, and reads nothing of it."""
    said: queue.SimpleQueue[pb.ConnectRequest | None] = queue.SimpleQueue()
    facts = pb.HostFacts(physical_networks={f"{number:063}": "b" * 63 for number in range(1000)})
    said.put(pb.ConnectRequest(hello=pb.Hello(host=host, protocol=1, facts=facts)))
    with grpc.insecure_channel(endpoint, options=[("grpc.use_local_subchannel_pool", 1), NARROW]) as channel:
        stub = host_link_pb2_grpc.HostLinkServiceStub(channel)  # type: ignore[no-untyped-call]
        call = stub.Connect(iter(said.get, None))
        yield
        said.put(None)
        call.cancel()


def test_agents_that_never_read_keep_nobody_from_being_served(
    api: Api, shared_controller: Controller, endpoint: str, project: str, subnet: str
) -> None:
    hosts = [f"{project}-deaf{number}" for number in range(SNAPSHOTS + 2)]
    with ExitStack() as stack:
        for name in hosts:
            stack.enter_context(deaf(endpoint, name))
        wait_until(lambda: connected(shared_controller) >= len(hosts), seconds=SECONDS, what="all to be connected")
        with host_stream(endpoint) as agent:
            agent.hello(f"{project}-h1")
            assert agent.accept().version, "whoever does read is served"
            api.create(f"{subnet}/ports/a", host=f"hosts/{project}-h1")
            assert set(agent.accept().put) == {f"{subnet}/ports/a"}


def test_an_agent_that_reads_late_is_told_the_latest_of_what_it_missed(
    api: Api, shared_controller: Controller, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        first = agent.desired()
        port = api.create(f"{subnet}/ports/a", host=f"hosts/{host}").name
        for number in range(50):
            api.update(port, mac=f"0a:00:00:00:00:{number:02x}")
            api.delete(api.create(f"{subnet}/ports/b", host=f"hosts/{host}").name)
        agent.say(ack=pb.Ack(nonce=first.nonce, version=first.version))
        following = agent.accept()
        assert (following.base_version, list(following.remove)) == (first.version, [])
        assert {key: put.port.mac for key, put in following.put.items()} == {port: "0a:00:00:00:00:31"}


def test_an_agent_that_falls_silent_is_noticed_within_the_keepalive_and_people_are_told(
    api: Api, shared_controller: Controller, endpoint: str, host: str, run_directory: Path
) -> None:
    first = f"{run_directory}/relay.sock"
    with relay(first, endpoint.removeprefix("unix:")) as silent, host_stream(f"unix:{first}") as agent:
        agent.hello(host)
        agent.accept()
        assert conditions(api, host) == {}
        silent.set()
        began = time.monotonic()
        wait_until(
            lambda: "NOT_CONNECTED" in conditions(api, host),
            seconds=KEEPALIVE_SECONDS + 3,
            what="the silence to be told",
        )
        print(f"half open for {time.monotonic() - began:.1f} s")
    assert "host disconnected" in lines_about(shared_controller, host)[-1]
