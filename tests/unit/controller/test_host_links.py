"""The host stream without a network: what an agent is sent for what changes, and who says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.v1.host_link_pb2 import ConnectRequest, Desired, Nack
from headgate_controller.errors import IdleError
from headgate_controller.hosts import links
from headgate_controller.hosts.door import Door
from headgate_controller.hosts.link import Link
from headgate_controller.hosts.share import changes, share_of, total_of, version_of
from headgate_controller.mutations import Register
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.meta import Meta
from headgate_controller.nouns.port import Port
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer
from headgate_controller.world import Draft, World

HOSTS = ("hosts/h1", "hosts/h2")
REMOTE = "tcp:192.0.2.100:6642"


class OpenDoor:
    """Lets everybody in."""

    def admit(self, context: Any) -> None:
        return None


async def silence() -> AsyncIterator[ConnectRequest]:
    await asyncio.Event().wait()
    yield ConnectRequest()


def test_a_stream_on_which_nobody_says_hello_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "HELLO_SECONDS", 0.05)
    served = links.HostLinks(Committed(World()), cast(Writer, None), 1, "", cast(Door, OpenDoor()))

    async def scenario() -> None:
        async with asyncio.timeout(5):
            await served.connect(silence(), None)

    with pytest.raises(IdleError, match="has not said which host it is"):
        asyncio.run(scenario())


def host(name: str, *networks: str) -> Host:
    return Host(name, Meta(uid=name), physical_networks=tuple((network, "br") for network in networks))


def port(number: int, on: str | None, mac: str = "") -> Port:
    return Port(f"projects/p/vpcs/v/subnets/s/ports/p{number}", Meta(uid="u"), mac=mac, host=on, iface_id=str(number))


class Agent:
    """Holds what it is sent, like a host's agent."""

    def __init__(self) -> None:
        self.version = ""
        self.objects: dict[str, bytes] = {}

    def hear(self, desired: Desired) -> None:
        assert desired.base_version in ("", self.version)
        kept = self.objects if desired.base_version else {}
        kept = {key: content for key, content in kept.items() if key not in desired.remove}
        self.objects = kept | {key: wanted.SerializeToString() for key, wanted in desired.put.items()}
        self.version = desired.version


NOUNS = st.one_of(
    st.builds(host, st.sampled_from(HOSTS), st.sampled_from(["a", "b"])),
    st.builds(port, st.integers(0, 3), st.sampled_from([None, *HOSTS]), st.sampled_from(["", "0a:00:00:00:00:01"])),
)
STEPS = st.lists(st.one_of(NOUNS, NOUNS.map(lambda noun: noun.name), st.sampled_from(["send", "ack", "nack", "lost"])))


class Conversation:
    """A World that changes, and the two ends of the stream of the first host."""

    def __init__(self) -> None:
        self.world = World().replace(None, host(HOSTS[0]))
        self.agent = Agent()
        self.flying: Desired | None = None
        self.link = self.connected()

    def connected(self) -> Link:
        return Link(Register(HOSTS[0], "", "", {}, ""), self.agent.version, self.share())

    def share(self) -> Mapping[str, bytes]:
        return share_of(self.world, HOSTS[0], REMOTE)

    def put(self, draft: Draft) -> None:
        for change in changes(self.world, draft.world, frozenset(draft.touched), HOSTS[:1], REMOTE):
            self.link.change(change)
        self.world = draft.world

    def send(self) -> None:
        if self.link.due:
            link = self.link
            sent = link.whole(1, self.share()) if link.needs_whole else link.difference(1)
            self.flying = sent.desired

    def answer(self, step: str) -> None:
        if self.flying is None:
            return
        desired, self.flying = self.flying, None
        if step == "lost":  # with the stream, and perhaps with the agent's memory
            self.link = self.connected()
        elif step == "ack":
            self.agent.hear(desired)
            assert self.link.accepted(desired.nonce)
        else:
            assert self.link.refused(Nack(nonce=desired.nonce, version=self.agent.version, reason="NOT_STORED"))

    def take(self, step: Any) -> None:
        match step:
            case "send":
                self.send()
            case "ack" | "nack" | "lost":
                self.answer(step)
            case str() if step in self.world.resources and step != HOSTS[0]:
                self.put(Draft(self.world).remove(step))
            case Host() | Port():
                self.put(Draft(self.world).put(step))


@given(STEPS)
def test_whatever_happens_an_agent_comes_to_hold_what_its_host_is_to_be(steps: list[Any]) -> None:
    conversation = Conversation()
    for step in steps:
        conversation.take(step)
    conversation.take(port(9, HOSTS[0]))  # what was refused is sent again once it differs
    conversation.answer("ack")
    conversation.send()
    conversation.answer("ack")
    assert conversation.agent.objects == conversation.share()
    assert conversation.agent.version == version_of(total_of(conversation.share()))
    assert not conversation.link.due


def test_a_change_costs_what_it_concerns_however_much_a_host_has() -> None:
    draft = Draft(World()).put(host(HOSTS[0]))
    for number in range(50):
        draft = draft.put(port(number, HOSTS[0]))
    after = Draft(draft.world).put(port(7, HOSTS[1])).put(port(50, HOSTS[1])).put(port(51, None))
    told = list(changes(draft.world, after.world, frozenset(after.touched), {HOSTS[0]}, REMOTE))
    assert [(change.host, change.key, change.after) for change in told] == [(HOSTS[0], port(7, None).name, None)]


def test_what_is_kept_for_an_agent_that_lags_behind_is_the_latest_of_each_object() -> None:
    conversation = Conversation()
    conversation.send()
    for number in range(100):
        conversation.put(Draft(conversation.world).put(port(0, HOSTS[0], f"0a:00:00:00:00:{number:02x}")))
        conversation.put(Draft(conversation.world).put(port(1, HOSTS[number % 2])))
    conversation.answer("ack")
    conversation.send()
    assert conversation.flying is not None
    assert [put.port.mac for put in conversation.flying.put.values()] == ["0a:00:00:00:00:63"]
