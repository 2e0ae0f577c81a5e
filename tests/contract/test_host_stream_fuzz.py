"""Hostile hosts: one that has a good certificate may say anything, and harms nobody but itself."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from host_stream import HostStream, channel, host_stream
from hypothesis import given
from hypothesis import strategies as st
from refusal import of
from site_pki import Site
from wild_messages import Wild

from api import Api
from fuzzing import fuzzing
from headgate.v1 import host_link_pb2 as pb
from headgate_common.identity import Identity
from headgate_controller.hosts.door import MOST_OF_MACHINE
from headgate_controller.hosts.links import MOST_STREAMS
from headgate_lab.waiting import wait_until

SECONDS = 10.0
METHOD = "/headgate.v1.HostLinkService/Connect"

TEXTS = st.one_of(
    st.sampled_from(
        ["", "victim", "hosts/victim", "attacker", "hosts/attacker", "../victim", "a" * 5000, "\0", "é" * 99]
    ),
    st.text(max_size=20),
)
WILD = Wild(TEXTS)


def hello(host: str = "attacker", **fields: Any) -> bytes:
    facts = pb.HostFacts(tunnel_ip="192.0.2.66")
    return pb.ConnectRequest(hello=pb.Hello(host=host, protocol=2, facts=facts, **fields)).SerializeToString()


SAID = st.lists(
    st.one_of(WILD.messages(pb.ConnectRequest.DESCRIPTOR).map(lambda m: m.SerializeToString()), st.binary(max_size=60)),
    max_size=5,
)
FIRST = st.one_of(
    st.just(hello()),
    TEXTS.map(hello),
    WILD.messages(pb.Hello.DESCRIPTOR).map(lambda m: pb.ConnectRequest(hello=m).SerializeToString()),
    st.binary(max_size=60),
)


class Attacked(Site):
    """A controller with two hosts: one that is honest, and one that is not."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.identity: Identity = self.host("attacker")

    def say(self, said: list[bytes]) -> None:
        """Open a stream as the host that is not honest, say all that, and take whatever comes back."""
        with channel(self.hosts, self.identity) as opened:
            unsent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
            for one in (*said, None):
                unsent.put(one)
            with suppress(grpc.RpcError):
                for _ in opened.stream_stream(METHOD)(iter(unsent.get, None), timeout=SECONDS):
                    pass


@pytest.fixture(scope="module")
def attacked(run_directory: Path) -> Iterator[Attacked]:
    made = Attacked(run_directory / "fuzz")
    with made.running():
        yield made


@pytest.fixture(scope="module")
def site_api(attacked: Attacked) -> Iterator[Api]:
    client = Api(attacked.controller.api)
    yield client
    client.close()


@pytest.fixture(scope="module")
def victim(attacked: Attacked, site_api: Api) -> Iterator[HostStream]:
    with host_stream(attacked.hosts, attacked.host("victim")) as stream:
        stream.hello("victim", networks={"provider": "br-ext"})
        stream.accept()
        yield stream


def written(api: Api, host: str) -> tuple[str, str, str, dict[str, str]]:
    """Return what is stored of a host."""
    shown = api.get(host)
    return shown.uid, shown.etag, shown.tunnel_ip, dict(shown.physical_networks)


@fuzzing(60)
@given(first=FIRST, said=SAID)
def test_whatever_a_host_says_nobody_else_is_affected(
    attacked: Attacked, site_api: Api, victim: HostStream, first: bytes, said: list[bytes]
) -> None:
    before = written(site_api, "hosts/victim")
    attacked.say([first, *said])
    assert not attacked.controller.ended
    assert written(site_api, "hosts/victim") == before, "nothing is written for another host"
    assert set(site_api.names("hosts/")) <= {"hosts/victim", "hosts/attacker"}, "nor is one made"
    log = attacked.controller.log.read_text()
    for word in ("Traceback", "request failed"):
        assert word not in log, log[log.index(word) - 500 :]
    victim.say(report=pb.Report(realised_version="x"))
    assert victim._call.is_active()


def test_after_all_that_the_others_are_served_as_before(attacked: Attacked, site_api: Api, victim: HostStream) -> None:
    site_api.create("projects/p/vpcs/shop")
    site_api.create("projects/p/vpcs/shop/subnets/web", cidr="10.1.0.0/24")
    port = site_api.create("projects/p/vpcs/shop/subnets/web/ports/a", host="hosts/victim")
    assert set(victim.accept().put) == {port.name}
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker")
        assert port.name not in stream.accept().put, "what is another host's is not told"


def test_a_host_that_reports_no_end_of_faults_leaves_the_list_of_hosts_readable(
    attacked: Attacked, site_api: Api, victim: HostStream
) -> None:
    report = pb.Report(failures={f"key{i}": "x" * 2_000 for i in range(5_000)})
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker")
        stream.desired()
        stream.say(report=report)
        wait_until(
            lambda: site_api.get("hosts/attacker").status.conditions, seconds=SECONDS, what="the report to be shown"
        )
        shown = site_api.call(site_api.kind("hosts/x"), "List")
    assert {host.name for host in shown.hosts} == {"hosts/victim", "hosts/attacker"}
    assert shown.ByteSize() < 200_000


@pytest.mark.parametrize(
    "networks",
    [{f"net{i}": "br-ext" for i in range(2_000)}, {"n" * 1_000: "br-ext"}, {"net": "b" * 1_000}],
    ids=["many", "long-name", "long-bridge"],
)
def test_facts_that_no_host_has_are_refused_and_not_stored(
    attacked: Attacked, site_api: Api, victim: HostStream, networks: dict[str, str]
) -> None:
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker", networks=networks)
        ended = stream.end()
    assert of(ended).faults == {("hello.facts.physical_networks", "TOO_LARGE")}
    assert not any(
        networks.keys() & host.physical_networks.keys() for host in map(site_api.get, site_api.names("hosts/"))
    )


def test_words_of_any_length_fill_neither_the_log_nor_the_list_of_hosts(
    attacked: Attacked, site_api: Api, victim: HostStream
) -> None:
    before = attacked.controller.log.stat().st_size
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker", held="h" * 100_000, agent_version="v" * 100_000)
        desired = stream.desired()
        for nonce in ("of nothing", desired.nonce, desired.nonce):
            stream.say(nack=pb.Nack(nonce=nonce, reason="R" * 100_000, message="m" * 100_000))
        wait_until(
            lambda: site_api.get("hosts/attacker").status.conditions, seconds=SECONDS, what="the refusal to be shown"
        )
        assert site_api.get("hosts/attacker").ByteSize() < 5_000
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("x" * 100_000)
        stream.end()
    assert attacked.controller.log.stat().st_size - before < 10_000


def test_a_host_has_a_few_streams_at_a_time_and_the_others_theirs(
    attacked: Attacked, site_api: Api, victim: HostStream
) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(host_stream(attacked.hosts, attacked.identity)) for _ in range(MOST_STREAMS + 3)]
        refused = [of(stream.end()) for stream in ended(silent, 3)]
        assert {(told.reason, told.metadata["host"]) for told in refused} == {("TOO_MUCH", "attacker")}
        assert "several agents" in refused[0].message
        with host_stream(attacked.hosts, attacked.host("other")) as stream:
            stream.hello("other")
            assert stream.accept().version
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker")
        assert stream.accept().version, "those that ended count no longer"
    site_api.delete("hosts/other", when_unreferenced=True)


def ended(streams: list[HostStream], count: int) -> list[HostStream]:
    """Return those that the controller has ended, once there are so many."""

    def found() -> list[HostStream]:
        return [stream for stream in streams if not stream._call.is_active()]

    wait_until(lambda: len(found()) == count, seconds=SECONDS, what=f"{count} streams to be ended")
    return found()


def test_reasons_that_a_host_makes_up_fill_no_log(attacked: Attacked, victim: HostStream) -> None:
    before = attacked.controller.log.read_text().count("host refused")
    for number in range(60):
        attacked.say([hello(f"somebody-{number}")])
    assert attacked.controller.log.read_text().count("host refused") - before <= MOST_OF_MACHINE


def test_messages_beyond_every_size_end_the_stream_that_sent_them(attacked: Attacked, victim: HostStream) -> None:
    report = pb.Report(failures={f"key{i}": "x" * 1000 for i in range(17_000)})
    with host_stream(attacked.hosts, attacked.identity) as stream:
        stream.hello("attacker")
        stream.desired()
        stream.say(report=report)
        ended = stream.end()
    assert isinstance(ended, grpc.RpcError)
    assert ended.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert victim._call.is_active()
