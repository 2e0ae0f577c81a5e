"""The host stream: sends each connected agent what its host is to be, one version in flight at a time, and keeps what
it reports.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from headgate.v1.host_link_pb2 import ConnectRequest, ConnectResponse, Hello, Report, Trust, Welcome
from headgate_common import pki
from headgate_controller.errors import (
    ExhaustedError,
    HeadgateError,
    IdleError,
    InvalidError,
    UnavailableError,
    Violation,
)
from headgate_controller.hosts.comings import Comings
from headgate_controller.hosts.door import Door, Guest, NotAdmittedError
from headgate_controller.hosts.facts import Facts
from headgate_controller.hosts.link import Link
from headgate_controller.hosts.pace import Pace
from headgate_controller.hosts.protocol import WELCOMES, agreed
from headgate_controller.hosts.reports import host_report, registration, word
from headgate_controller.hosts.share import changes, share_of
from headgate_controller.hosts.window import Window
from headgate_controller.nouns.host import Host
from headgate_controller.observed import HostHeard
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer
from headgate_controller.world import World

SERVICE = "headgate.v1.HostLinkService"
HELLO_SECONDS = 10.0
"""How long an agent may take to say who it is; until then its stream is nobody's, and no other takes its place."""

SNAPSHOTS, SNAPSHOT_SECONDS = 16, 5.0
"""How many whole states are on their way at once: so many are made, and kept in memory, when all hosts come back
together. One that takes longer does not hold up the others.
"""

MOST_STREAMS = 10
"""Streams of one host at a time. It needs one; those that wait for their turn, or for Hello, cost memory."""

REPORTS, REPORT_SECONDS = 50, 0.1
"""So many reports of one host are read at once, and after that one in so many seconds; agents send one in 0.2."""

UNHEARD = HostHeard()

Say = Callable[[ConnectResponse], Awaitable[None]]
"""Sends a message; returns once it has left, as far as the other end takes it."""


class SupersededError(HeadgateError):
    """The host's agent has opened another stream."""

    code, reason = "ABORTED", "SUPERSEDED"


@dataclass(eq=False, slots=True)
class Stream:
    """The stream of one agent; `changed` is set when there may be something to say, `due` is when that was last, by a
    clock that only grows.
    """

    link: Link
    protocol: int
    guest: Guest | None
    uid: str
    trusted: bytes = b""
    certificates_changed: bool = True
    superseded: bool = False
    due: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class HostLinks:
    """Serves the host stream.

    A commit costs what it changes of the hosts that are connected, and an answer what it answers, however many hosts
    and objects there are.
    """

    def __init__(self, committed: Committed, writer: Writer, epoch: int, ovn_remote: str, door: Door) -> None:
        self._committed = committed
        self._epoch = epoch
        self._ovn_remote = ovn_remote
        self._door = door
        self._facts = Facts(committed, writer)
        self._comings = Comings()
        self._window = Window(SNAPSHOTS, SNAPSHOT_SECONDS)
        self._reports = Pace(REPORTS, REPORT_SECONDS)
        self._guests: Counter[str] = Counter()
        self._streams: dict[str, Stream] = {}
        self._last: dict[str, HostHeard] = {}
        self._world = committed.world
        self._on_change: Callable[[], None] = lambda: None
        self.why_wait: Callable[[], str] = lambda: ""
        self.on_taken: Callable[[float], None] = lambda _seconds: None
        committed.listen(self._committed_changed)

    def listen(self, on_change: Callable[[], None]) -> None:
        """Have `on_change` called when an agent connects or is gone.

        Besides, `on_taken` gets the seconds that each took to take what its host is to be.
        """
        self._on_change = on_change

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        connect = grpc.stream_stream_rpc_method_handler(
            self.connect, ConnectRequest.FromString, ConnectResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})

    def _committed_changed(self, world: World, touched: frozenset[str]) -> None:
        before, self._world = self._world, world
        for change in changes(before, world, touched, self._streams, self._ovn_remote):
            self._streams[change.host].link.change(change)
            self._streams[change.host].changed.set()
        for name in touched:
            if name in self._streams and self._uid(name) != self._streams[name].uid:
                self._streams[name].changed.set()
            elif name in self._last and name not in world.resources:
                del self._last[name]

    def count(self) -> int:
        """Return how many hosts are connected now."""
        return len(self._streams)

    def heard(self, chassis: str) -> HostHeard:
        """Return what is known of a host by its agent's word."""
        name = f"hosts/{chassis}"
        stream = self._streams.get(name)
        return self._last.get(name, UNHEARD) if stream is None else stream.link.heard

    async def connect(self, requests: AsyncIterator[ConnectRequest], context: Any) -> None:
        """Serve one agent until its stream ends."""
        try:
            guest = self._door.admit(context)
            with self._counted(guest):
                await self._converse(requests, guest, context)
        except NotAdmittedError as error:
            self._turned_away(error)
            raise

    @contextmanager
    def _counted(self, guest: Guest | None) -> Iterator[None]:
        """Count the streams of a host.

        Raises:
            ExhaustedError: it has enough.
        """
        if guest is None:
            yield
            return
        if self._guests[guest.host] >= MOST_STREAMS:
            text = f"{guest.host} has {MOST_STREAMS} streams open; see whether several agents run under its name."
            raise ExhaustedError(text, host=guest.host)
        self._guests[guest.host] += 1
        try:
            yield
        finally:
            self._guests[guest.host] -= 1
            if not self._guests[guest.host]:
                del self._guests[guest.host]

    def _turned_away(self, error: NotAdmittedError) -> None:
        """Remember why a host is not let in, under the name in its own certificate, which is all that is believed."""
        name = f"hosts/{error.metadata.get('host', '')}"
        if name in self._committed.world.resources and name not in self._streams:
            self._last[name] = replace(self._last.get(name, UNHEARD), turned_away=str(error))
            self._on_change()

    async def _converse(self, requests: AsyncIterator[ConnectRequest], guest: Guest | None, context: Any) -> None:
        first = await _first(requests)
        if first is None:
            return
        stream = await self._welcome(first, guest, context.peer())
        listening = asyncio.create_task(self._listen(stream, requests))
        listening.add_done_callback(lambda _: stream.changed.set())
        try:
            await self._speak(stream, listening, context.write)
            await listening
        finally:
            listening.cancel()
            self._gone(stream)

    def _gone(self, stream: Stream) -> None:
        name = stream.link.name
        if self._streams.get(name) is stream:
            del self._streams[name]
            self._last[name] = replace(stream.link.heard, connected=False, connected_since=None)
            self._on_change()
        self._comings.went(name)

    async def _welcome(self, first: ConnectRequest, guest: Guest | None, peer: str) -> Stream:
        """Register the host that says hello.

        Raises:
            InvalidError: the first message is no Hello that can be served. NotAdmittedError: it is of another host.
            UnavailableError: it is not known yet whether this store is the hosts'.
        """
        hello: Hello = first.hello
        if first.WhichOneof("message") != "hello" or not hello.host:
            raise InvalidError(
                "",
                [Violation("hello", "REQUIRED", "The first message on the stream must be Hello with the host's name.")],
            )
        if guest is not None and guest.host != hello.host:
            said = word(hello.host)
            text = f"The certificate is of {guest.host}, and its agent says it is {said}; correct `host` there."
            self._door.turned_away(peer, text)
            raise NotAdmittedError(text, host=guest.host)
        if why := self.why_wait():
            raise UnavailableError(f"Hosts are told nothing yet, and keep what they have: {why}")
        protocol = agreed(hello)
        register = registration(hello)
        await self._facts.register(register)
        if (older := self._streams.get(register.name)) is not None:
            older.superseded = True
            older.changed.set()
        held, share = word(hello.held_version), share_of(self._committed.world, register.name, self._ovn_remote)
        stream = Stream(Link(register, held, share), protocol, guest, self._uid(register.name))
        self._streams[register.name] = stream
        stream.changed.set()
        self._on_change()
        self._comings.came(register.name, held, register.agent_version)
        return stream

    async def _keep_recorded(self, stream: Stream) -> None:
        """Register a host again if somebody has deleted it, or put another in its place: it is there still."""
        while not stream.uid or self._uid(stream.link.name) != stream.uid:
            await self._facts.register(stream.link.register)
            stream.uid = self._uid(stream.link.name)

    def _uid(self, name: str) -> str:
        host = self._committed.world.get(Host, name)
        return "" if host is None else host.meta.uid

    async def _listen(self, stream: Stream, requests: AsyncIterator[ConnectRequest]) -> None:
        link = stream.link
        async for request in requests:
            link.heard = replace(link.heard, last_heard=time.time_ns())
            answered = False
            match request.WhichOneof("message"):
                case "ack":
                    answered = link.accepted(request.ack.nonce)
                    if answered:
                        self.on_taken(time.monotonic() - stream.due)
                case "nack":
                    answered = link.refused(request.nack)
                case "report":
                    await self._reported(stream, request.report)
            if answered:
                stream.changed.set()

    async def _reported(self, stream: Stream, report: Report) -> None:
        """Take in what a host is; what decides where gateways can be is stored.

        Whoever reports more often than anybody reads is read later, and cannot send more until then.
        """
        link = stream.link
        await asyncio.sleep(self._reports.seconds_until(link.name))
        self._reports.take(link.name)
        link.heard = replace(link.heard, report=host_report(report))
        if self._streams.get(link.name) is stream:  # else a newer stream of the host's speaks for it
            link.register = replace(link.register, networks_down=tuple(sorted(report.physical_networks_down)))
            self._facts.report(link.register)

    async def _speak(self, stream: Stream, listening: asyncio.Task[None], say: Say) -> None:
        """Tell an agent what it is to be told, until it ends the stream.

        Raises:
            SupersededError: the agent has opened another. NotAdmittedError: its certificate is good no longer.
        """
        if stream.protocol >= WELCOMES:
            await say(ConnectResponse(welcome=Welcome(protocol=stream.protocol)))
        while not listening.done():
            await stream.changed.wait()
            stream.changed.clear()
            if stream.superseded:
                name = stream.link.name
                text = f"{name} has another, newer stream; see whether two agents run under its name."
                raise SupersededError(text, resource=name)
            if stream.certificates_changed:
                await self._judge(stream, say)
            await self._keep_recorded(stream)
            if not listening.done():
                await self._desire(stream, say)

    async def _desire(self, stream: Stream, say: Say) -> None:
        """Say what the host is to be, if that is due; a whole state waits for its turn, and is made only then."""
        link = stream.link
        if not link.due:
            return
        stream.due = time.monotonic()
        if not link.needs_whole:
            await say(link.difference(self._epoch))
            return
        async with self._window.admitted():
            await say(link.whole(self._epoch, share_of(self._committed.world, link.name, self._ovn_remote)))

    async def _judge(self, stream: Stream, say: Say) -> None:
        """See that the certificate of a host is good still, and tell it of the CAs if it has not been told of these.

        Raises:
            NotAdmittedError: it is not.
        """
        stream.certificates_changed = False
        if stream.guest is None:
            return
        self._door.check(stream.guest)
        if stream.protocol >= WELCOMES and (trusted := self._door.trusted()) != stream.trusted:
            stream.trusted = trusted
            await say(ConnectResponse(trust=Trust(ca_certificates=trusted.decode())))

    def certificates_changed(self) -> None:
        """Judge the certificate of every host again, and tell each which CAs to trust now."""
        for stream in self._streams.values():
            stream.certificates_changed = True
            stream.changed.set()

    def expired(self) -> bool:
        """Return whether a connected host's certificate has expired."""
        now = pki.utc_now()
        return any(stream.guest is not None and stream.guest.until <= now for stream in self._streams.values())


async def _first(requests: AsyncIterator[ConnectRequest]) -> ConnectRequest | None:
    """Return what is said first; None if the stream ends before.

    Raises:
        IdleError: nothing is said for long.
    """
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            return await anext(requests, None)
    except TimeoutError as error:
        raise IdleError(f"The agent has not said which host it is within {HELLO_SECONDS:g} seconds.") from error
