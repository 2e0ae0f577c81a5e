"""The host stream: sends each connected agent what its host is to be, one version in flight at a time, and keeps what
it reports.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import grpc

from headgate.v1.host_link_pb2 import ConnectRequest, ConnectResponse, Desired, Hello, Nack, Report, Trust, Welcome
from headgate_common import pki
from headgate_controller.errors import HeadgateError, IdleError, InvalidError, UnavailableError, Violation
from headgate_controller.hosts.door import Door, Guest, NotAdmittedError
from headgate_controller.hosts.protocol import WELCOMES, agreed
from headgate_controller.hosts.reports import host_report, refusal, registration, word
from headgate_controller.hosts.share import Share, hosts_touched, share_of, version_of
from headgate_controller.mutations import Register, Request
from headgate_controller.nouns.host import Host
from headgate_controller.observed import HostHeard
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer
from headgate_controller.world import World

log = logging.getLogger(__name__)
SERVICE = "headgate.v1.HostLinkService"
UNKNOWN_BASE = "UNKNOWN_BASE"
"""The reason by which an agent asks for the whole state."""

HELLO_SECONDS = 10.0
"""How long an agent may take to say who it is; until then its stream is nobody's, and no other takes its place."""

UNHEARD = HostHeard()


class SupersededError(HeadgateError):
    """The host's agent has opened another stream."""

    code, reason = "ABORTED", "SUPERSEDED"


class Link:
    """One connected agent: what it holds, what is in flight, what it said last."""

    def __init__(self, register: Register, held_version: str, protocol: int, guest: Guest | None) -> None:
        self.name = register.name
        self.register = register
        self.uid = ""
        self.protocol = protocol
        self.guest = guest
        self.trusted = b""
        self.held: Share | None = None
        self.held_version = held_version
        self.flying: tuple[str, str, Share] | None = None
        self.heard = HostHeard(True, time.time_ns(), time.time_ns())
        self.refused_version = ""
        self.superseded = False
        self.changed = asyncio.Event()
        self.changed.set()

    def next_desired(self, share: Share, epoch: int) -> Desired | None:
        """Return what to send so that the agent comes to hold `share`; None if it does, or an answer is awaited."""
        version = version_of(share)
        if version == self.held_version:
            self.held = share
            self._refused_because("")
        if self.flying is not None or version in (self.held_version, self.refused_version):
            return None
        nonce = uuid.uuid4().hex
        self.flying = (nonce, version, share)
        base = self.held if self.held is not None else {}
        desired = Desired(
            version=version, base_version=self.held_version if self.held is not None else "", nonce=nonce, epoch=epoch
        )
        for key, wanted in share.items():
            if base.get(key) != wanted:
                desired.put[key].CopyFrom(wanted)
        desired.remove.extend(sorted(key for key in base if key not in share))
        return desired

    def accepted(self, nonce: str) -> None:
        """Note that the agent has accepted what is in flight."""
        if self.flying is not None and self.flying[0] == nonce:
            _, self.held_version, self.held = self.flying
            self.flying = None
            self._refused_because("")
            self.changed.set()

    def refused(self, nack: Nack) -> None:
        """Note that the agent has refused what is in flight; it is not sent again until it differs, except as a whole
        to an agent that does not hold what it differs from.
        """
        if self.flying is None or self.flying[0] != nack.nonce:
            return
        why = refusal(nack)
        log.warning("desired state refused", extra={"host": self.name, "reason": why})
        if nack.reason == UNKNOWN_BASE and self.held is not None:
            self.held, self.held_version = None, ""
        else:
            self.refused_version = self.flying[1]
        self.flying = None
        self._refused_because(why)
        self.changed.set()

    def _refused_because(self, refusal: str) -> None:
        self.heard = replace(self.heard, refusal=refusal)


class HostLinks:
    """Serves the host stream."""

    def __init__(self, committed: Committed, writer: Writer, epoch: int, ovn_remote: str, door: Door) -> None:
        self._committed = committed
        self._writer = writer
        self._epoch = epoch
        self._ovn_remote = ovn_remote
        self._door = door
        self._links: dict[str, Link] = {}
        self._last: dict[str, HostHeard] = {}
        self._world = committed.world
        self._on_change: Callable[[], None] = lambda: None
        self.why_wait: Callable[[], str] = lambda: ""
        committed.listen(self._committed_changed)

    def listen(self, on_change: Callable[[], None]) -> None:
        """Have `on_change` called when an agent connects or is gone."""
        self._on_change = on_change

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        connect = grpc.stream_stream_rpc_method_handler(
            self.connect, ConnectRequest.FromString, ConnectResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})

    def _committed_changed(self, world: World, touched: frozenset[str]) -> None:
        for name in hosts_touched(self._world, world, touched):
            if name not in world.resources:
                self._last.pop(name, None)
            if name in self._links:
                self._links[name].changed.set()
        self._world = world

    def count(self) -> int:
        """Return how many hosts are connected now."""
        return len(self._links)

    def heard(self, chassis: str) -> HostHeard:
        """Return what is known of a host by its agent's word."""
        name = f"hosts/{chassis}"
        link = self._links.get(name)
        return self._last.get(name, UNHEARD) if link is None else link.heard

    async def connect(self, requests: AsyncIterator[ConnectRequest], context: Any) -> AsyncIterator[ConnectResponse]:
        """Serve one agent until its stream ends."""
        try:
            async with aclosing(self._converse(requests, context)) as responses:
                async for response in responses:
                    yield response
        except NotAdmittedError as error:
            self._turned_away(error)
            raise

    def _turned_away(self, error: NotAdmittedError) -> None:
        """Remember why a host is not let in, under the name in its own certificate, which is all that is believed."""
        name = f"hosts/{error.metadata.get('host', '')}"
        if name in self._committed.world.resources and name not in self._links:
            self._last[name] = replace(self._last.get(name, UNHEARD), turned_away=str(error))
            self._on_change()

    async def _converse(self, requests: AsyncIterator[ConnectRequest], context: Any) -> AsyncGenerator[ConnectResponse]:
        guest = self._door.admit(context)
        first = await _first(requests)
        if first is None:
            return
        link = await self._welcome(first, guest, context.peer())
        listening = asyncio.create_task(self._listen(link, requests))
        try:
            async with aclosing(self._speak(link, listening)) as responses:
                async for response in responses:
                    yield response
            await listening
        finally:
            listening.cancel()
            if self._links.get(link.name) is link:
                del self._links[link.name]
                self._last[link.name] = replace(link.heard, connected=False, connected_since=None)
                self._on_change()
            log.info("host disconnected", extra={"host": link.name})

    async def _welcome(self, first: ConnectRequest, guest: Guest | None, peer: str) -> Link:
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
        register, held = registration(hello), word(hello.held_version)
        name = register.name
        await self._register(register)
        if (older := self._links.get(name)) is not None:
            older.superseded = True
            older.changed.set()
        link = self._links[name] = Link(register, held, protocol, guest)
        link.uid = self._uid(name)
        self._on_change()
        log.info("host connected", extra={"host": name, "version": held, "agent": register.agent_version})
        return link

    async def _register(self, register: Register) -> None:
        await self._writer.submit(Request([replace(register, uid=str(uuid.uuid4()))]))

    async def _keep_recorded(self, link: Link) -> None:
        """Register a host again if somebody has deleted it, or put another in its place: it is there still."""
        while not link.uid or self._uid(link.name) != link.uid:
            await self._register(link.register)
            link.uid = self._uid(link.name)

    def _uid(self, name: str) -> str:
        host = self._committed.world.get(Host, name)
        return "" if host is None else host.meta.uid

    async def _listen(self, link: Link, requests: AsyncIterator[ConnectRequest]) -> None:
        async for request in requests:
            link.heard = replace(link.heard, last_heard=time.time_ns())
            match request.WhichOneof("message"):
                case "ack":
                    link.accepted(request.ack.nonce)
                case "nack":
                    link.refused(request.nack)
                case "report":
                    await self._reported(link, request.report)

    async def _reported(self, link: Link, report: Report) -> None:
        """Take in what a host is; what decides where gateways can be is stored first."""
        link.heard = replace(link.heard, report=host_report(report))
        if self._links.get(link.name) is not link:
            return  # a newer stream of the host's speaks for it
        register = replace(link.register, networks_down=tuple(sorted(report.physical_networks_down)))
        if register != link.register:
            link.register = register
            await self._register(register)

    async def _speak(self, link: Link, listening: asyncio.Task[None]) -> AsyncGenerator[ConnectResponse]:
        """Yield what the agent is to be told, until it ends the stream.

        Raises:
            SupersededError: the agent has opened another. NotAdmittedError: its certificate is good no longer.
        """
        if link.protocol >= WELCOMES:
            yield ConnectResponse(welcome=Welcome(protocol=link.protocol))
        while not listening.done():
            changed = asyncio.create_task(link.changed.wait())
            try:
                await asyncio.wait({changed, listening}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            link.changed.clear()
            if link.superseded:
                text = f"{link.name} has another, newer stream; see whether two agents run under its name."
                raise SupersededError(text, resource=link.name)
            if link.guest is not None:
                self._door.check(link.guest)
                if (trust := self._new_trust(link)) is not None:
                    yield ConnectResponse(trust=trust)
            await self._keep_recorded(link)
            desired = link.next_desired(share_of(self._committed.world, link.name, self._ovn_remote), self._epoch)
            if desired is not None and not listening.done():
                yield ConnectResponse(desired=desired)

    def _new_trust(self, link: Link) -> Trust | None:
        """Return the CAs that a host is to trust, if it has not been told of these."""
        if link.protocol < WELCOMES or (trusted := self._door.trusted()) == link.trusted:
            return None
        link.trusted = trusted
        return Trust(ca_certificates=trusted.decode())

    def certificates_changed(self) -> None:
        """Judge the certificate of every host again, and tell each which CAs to trust now."""
        for link in self._links.values():
            link.changed.set()

    def expired(self) -> bool:
        """Return whether a connected host's certificate has expired."""
        now = pki.utc_now()
        return any(link.guest is not None and link.guest.until <= now for link in self._links.values())


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
