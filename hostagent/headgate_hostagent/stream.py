"""The stream to whichever controller answers: dialled again and again, watched for peers that fell silent."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol, TypeAlias

import grpc
from tenacity.wait import wait_random_exponential

from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_link_pb2_grpc
from headgate_common.pki import PkiError
from headgate_common.reconciler import backoff
from headgate_hostagent.certificates import Certificates, hint

log = logging.getLogger(__name__)

DIAL_SECONDS = 3.0
"""How long one controller may take to accept a connection before the next is tried."""

BACKOFF = wait_random_exponential(multiplier=0.2, max=5)
"""The wait after all controllers were tried in vain; random, so that hosts do not come back all at once."""

STEADY_SECONDS = 10.0
"""How long a stream must have lasted for the next to be opened as after the first failure."""

KEEPALIVE = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
)
"""A controller that is gone without a word is noticed within 15 s; without the timeout of pings it took 69 s.

The server must allow pings this often, or ends the stream for it: grpc.http2.min_recv_ping_interval_without_data_ms.
"""

_OPTIONS = (
    *KEEPALIVE,
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    # Not to measure how much is on its way: each message from the controller would cost it a ping besides.
    ("grpc.http2.bdp_probe", 0),
)
_UNSENT = 4

_Stream: TypeAlias = "grpc.aio.StreamStreamCall[pb.ConnectRequest, pb.ConnectResponse]"


class Conversation(Protocol):
    """What the agent says on a stream, and does with what it hears."""

    def greeting(self) -> pb.ConnectRequest:
        """Return what to send first."""

    async def hear(self, response: pb.ConnectResponse) -> list[pb.ConnectRequest]:
        """Take in what the controller says and return the answers.

        Raises:
            StreamEndedError: the agent cannot talk with this controller.
        """

    def reports(self) -> AsyncIterator[pb.ConnectRequest]:
        """Yield the host's state now, and again whenever it has changed."""


class StreamEndedError(Exception):
    """There is no stream to this controller, or no longer; the message says why."""


class Link:
    """Keeps one stream open to one of `controllers`, in turn."""

    def __init__(self, controllers: list[str], conversation: Conversation, certificates: Certificates) -> None:
        self._controllers = controllers
        self._conversation = conversation
        self._certificates = certificates
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Dial and converse until cancelled; without controllers, wait for that."""
        rounds = 0
        while self._controllers:
            steady = [await self._try(controller) for controller in self._controllers]
            rounds = 1 if any(steady) else rounds + 1
            await asyncio.sleep(backoff(BACKOFF, rounds))
        await asyncio.Event().wait()

    async def _try(self, controller: str) -> bool:
        """Converse with `controller` until the stream ends; return whether that was a conversation of any length."""
        talk, began = _Talk(self._conversation), time.monotonic()
        try:
            async with self._certificates.channel(controller, _OPTIONS) as channel:
                async with asyncio.timeout(DIAL_SECONDS):
                    await _dial(channel)
                await talk.run(channel)
        except TimeoutError:
            self._tell(controller, "no answer")
        except grpc.aio.AioRpcError as error:
            self._tell(controller, f"{error.code().name}: {error.details()}{hint(error.details() or '')}")
        except (StreamEndedError, PkiError) as error:
            self._tell(controller, str(error))
        if talk.heard:
            self._told.pop(controller, None)
        return talk.heard and time.monotonic() - began >= STEADY_SECONDS

    def _tell(self, controller: str, reason: str) -> None:
        """Log why there is no stream, once for each reason: a controller may be away for days."""
        level = logging.DEBUG if self._told.get(controller) == reason else logging.WARNING
        self._told[controller] = reason
        log.log(level, "controller away", extra={"controller": controller, "reason": reason})


class _Talk:
    """One stream, from greeting to end."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._unsent: asyncio.Queue[pb.ConnectRequest] = asyncio.Queue(_UNSENT)
        self.heard = False

    async def run(self, channel: grpc.aio.Channel) -> None:
        """Converse until the stream ends, which is always an error."""
        await self._unsent.put(self._conversation.greeting())
        stream = host_link_pb2_grpc.HostLinkServiceStub(channel).Connect()  # type: ignore[no-untyped-call]
        tasks = [asyncio.create_task(part) for part in (self._listen(stream), self._send(stream), self._report())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stream.cancel()
            for task in tasks:
                task.cancel()
            # Not a task group: a stream that is cancelled may end with an error, which would hide the cancellation.
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            if not task.cancelled():
                task.result()
        raise StreamEndedError("the stream was cancelled")

    async def _send(self, stream: _Stream) -> None:
        # A controller may refuse the stream before the first word is out: the one that listens hears why.
        with suppress(asyncio.InvalidStateError):
            while True:
                await stream.write(await self._unsent.get())
        await asyncio.Event().wait()

    async def _listen(self, stream: _Stream) -> None:
        async for response in stream:
            if not self.heard:
                log.info("controller heard")
                self.heard = True
            for answer in await self._conversation.hear(response):
                await self._unsent.put(answer)
        raise StreamEndedError("the controller ended the stream")

    async def _report(self) -> None:
        async for message in self._conversation.reports():
            await self._unsent.put(message)


async def _dial(channel: grpc.aio.Channel) -> None:
    """Return once `channel` is connected, or has failed to: then the first call tells why, and the next controller may
    answer.
    """
    state = channel.get_state(try_to_connect=True)
    while state not in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE):
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)
