"""Calls of the API: one of several controllers, retried where that is safe, ended by a deadline or by the user."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from headgate_common.methods import Method
from headgate_common.refusals import is_busy
from headgate_terraform.interruption import GRACE_SECONDS, Interruption
from headgate_terraform.settings import DNS, Endpoint, Settings

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
CHANNEL_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A controller that restarts is back within a second; the default would look for it again after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

FIRST_ANSWER_SECONDS = 15.0
"""How long controllers that have never answered are tried: a wrong address is told soon, a restart is waited for."""

HEALTH_CHECK, SERVING = "/grpc.health.v1.Health/Check", b"\x08\x01"
"""The method by which a server tells whether it serves, and the message by which it says so.

Source: grpc/health/v1/health.proto.
"""

SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""The codes of calls to a controller that is not there, or that stopped while they waited."""

OWN_FILES = ("cert_file", "key_file")
"""Settings of tls: the provider's own certificate and its key."""

T = TypeVar("T")


class NoEndpointError(Exception):
    """The provider block names no controller, or not yet."""


class Client:
    """The controllers of one provider block, whose calls pass the interceptors. Nothing is dialled before the first."""

    def __init__(self, settings: Settings, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()) -> None:
        self._settings = settings
        self._interceptors = interceptors
        self._channels: list[grpc.aio.Channel] = []
        self._current = 0
        self._heard = False
        self.interruption = Interruption()

    async def call(self, method: Method, request: Message, *, until: float, grace: float = GRACE_SECONDS) -> Any:
        """Return the answer to `request`, trying all controllers until one answers or `until` (monotonic) has passed.

        The request may arrive more than once: it must carry a request id, or change nothing.

        Raises:
            grpc.aio.AioRpcError: a controller refused, or none answered in time.
            NoEndpointError: there is no controller to ask.
            InterruptedByUserError: the user stopped Terraform.
        """
        if not self._heard:
            until = min(until, time.monotonic() + FIRST_ANSWER_SECONDS)

        explained = False

        async def attempt() -> Message:
            nonlocal explained
            try:
                answer: Message = await self.interruption.guard(self._send(method, request, until), grace=grace)
            except grpc.aio.AioRpcError as error:
                if is_unanswered(error) and not explained:
                    explained = True
                    await asyncio.to_thread(self._see_that_tls_is_not_it, error)
                raise
            return answer

        return await self.persist(attempt, until=until, retry_if=lambda e: is_unanswered(e) or is_busy(e))

    def _see_that_tls_is_not_it(self, error: grpc.aio.AioRpcError) -> None:
        """See why no controller answered: no patience helps against a certificate.

        Raises:
            grpc.aio.AioRpcError: it is a matter of TLS; the words say what to do.
        """
        from headgate_common.handshake import explain

        tls = self._settings.tls or {}
        ca, own = tls.get("ca_file") or "", [file for key in OWN_FILES if (file := tls.get(key))]
        for endpoint in self._settings.endpoints:
            place = endpoint.target.removeprefix(DNS)
            words = explain(place, plaintext=endpoint.plaintext, ca_file=ca, certificate=own)
            if words:
                code, metadata = grpc.StatusCode.UNAUTHENTICATED, error.initial_metadata()
                text = f'{words} The provider\'s side is tls = {{ ca_file = "…" }}, or HEADGATE_CA_FILE.'
                raise grpc.aio.AioRpcError(code, metadata, error.trailing_metadata(), text)

    async def persist(
        self, attempt: Callable[[], Awaitable[T]], *, until: float, retry_if: Callable[[BaseException], bool]
    ) -> T:
        """Return what `attempt` comes to, repeating it with growing pauses while `retry_if` says so of its error."""
        try:
            return await attempt()
        except grpc.aio.AioRpcError as error:
            if not retry_if(error):
                raise
        # Importing tenacity takes a fifth of the provider's whole start; only those who must wait anyway pay for it.
        import tenacity

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(retry_if),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=1),
            stop=tenacity.stop_before_delay(max(0.0, until - time.monotonic())),
            sleep=self.interruption.sleep,
            reraise=True,
        )
        return await retrying(attempt)

    async def stream(self, method: Method, requests: AsyncIterator[Message], *, seconds: float) -> Any:
        """Return the answers to a stream of requests, from the first controller that can be reached and leads.

        Raises:
            TimeoutError: none can within `seconds`.
        """
        self._dial()
        seconds = min(seconds, self._settings.deadline)
        for _ in self._channels:
            channel = self._channels[self._current]
            with suppress(TimeoutError, grpc.aio.AioRpcError):
                await asyncio.wait_for(self._serving(channel), seconds / len(self._channels))
                remote: Any = channel.stream_stream(
                    method.path,
                    request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString,
                )
                return remote(requests, metadata=self._metadata())
            self._current = (self._current + 1) % len(self._channels)
        raise TimeoutError

    async def _serving(self, channel: grpc.aio.Channel) -> None:
        """Return once a controller is reached; of several, one that stands by has none of its services serving.

        Raises:
            TimeoutError: it stands by. grpc.aio.AioRpcError: it does not say.
        """
        await channel.channel_ready()
        if len(self._channels) > 1:
            check: Any = channel.unary_unary(HEALTH_CHECK)
            if await check(b"", metadata=self._metadata()) != SERVING:
                raise TimeoutError

    async def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            await channel.close()
        self._channels.clear()

    async def _send(self, method: Method, request: Message, until: float) -> Message:
        """Ask the controllers in turn, beginning with the one that answered last; the first that answers counts."""
        self._dial()
        if not self._channels:
            raise NoEndpointError
        for remaining in reversed(range(len(self._channels))):
            used = self._current
            try:
                answer = await self._ask(self._channels[used], method, request, until)
                self._heard = True
                return answer
            except grpc.aio.AioRpcError as error:
                self._heard |= not is_unanswered(error)
                # Concurrent calls fail together; only the first of them turns to the next controller.
                if is_unanswered(error) and self._current == used:
                    self._current = (used + 1) % len(self._channels)
                if not is_unanswered(error) or not remaining:
                    raise
        raise NoEndpointError

    async def _ask(self, channel: grpc.aio.Channel, method: Method, request: Message, until: float) -> Message:
        remote: Any = channel.unary_unary(
            method.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=method.response.FromString,
        )
        timeout = max(0.1, until - time.monotonic())
        answer: Message = await remote(request, metadata=self._metadata(), timeout=timeout)
        return answer

    def _metadata(self) -> tuple[tuple[str, str], ...] | None:
        return (("authorization", f"Bearer {self._settings.token}"),) if self._settings.token else None

    def _dial(self) -> None:
        if not self._channels:
            self._channels = [self._open(endpoint) for endpoint in self._settings.endpoints]

    def _open(self, endpoint: Endpoint) -> grpc.aio.Channel:
        if endpoint.plaintext:
            return grpc.aio.insecure_channel(endpoint.target, CHANNEL_OPTIONS, interceptors=self._interceptors)
        tls = self._settings.tls or {}
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_contents(tls.get("ca_file")),
            private_key=_contents(tls.get("key_file")),
            certificate_chain=_contents(tls.get("cert_file")),
        )
        return grpc.aio.secure_channel(endpoint.target, credentials, CHANNEL_OPTIONS, interceptors=self._interceptors)


def is_unanswered(error: BaseException) -> bool:
    """Whether no controller took the request on."""
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in SILENT


def _contents(file: str | None) -> bytes | None:
    return Path(file).read_bytes() if file else None
