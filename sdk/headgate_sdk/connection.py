"""Connection: several controllers as one, kept open between calls; in the clear only where nobody can listen in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc
import tenacity
from google.protobuf.message import Message

from headgate_common.client_access import CA_FILE, check_endpoint, endpoints_from, is_plaintext, token_from
from headgate_common.handshake import explain
from headgate_common.methods import Method
from headgate_common.refusals import is_busy
from headgate_sdk.errors import UnreachableError, is_unanswered, refusal

DEFAULT_ENDPOINT = "localhost:7443"
LARGEST_MESSAGE = 256 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

T = TypeVar("T")


class Connection:
    """The controllers at several endpoints ("host:port" or "unix:/path"), as one; safe to use from several threads.

    What is left out is taken from HEADGATE_ENDPOINTS, HEADGATE_TOKEN or the file that HEADGATE_TOKEN_FILE names, and
    HEADGATE_CA_FILE. A dead controller is passed over; while none answers, calls wait.

    Raises:
        ValueError: an endpoint has neither form, or the token can be none. OSError: `ca_file` cannot be read.
    """

    def __init__(self, endpoints: Sequence[str] = (), *, token: str = "", ca_file: str = "") -> None:
        self._endpoints = list(endpoints) or list(endpoints_from(os.environ)) or [DEFAULT_ENDPOINT]
        for endpoint in self._endpoints:
            check_endpoint(endpoint)
        token = token or token_from(os.environ)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._ca_file = ca_file or os.environ.get(CA_FILE, "")
        roots = Path(self._ca_file).read_bytes() if self._ca_file else None
        self._channels = [_channel(endpoint, roots) for endpoint in self._endpoints]

    def call(self, method: Method, request: Message, seconds: float) -> Any:
        """Return the answer to a request, which may arrive more than once: it carries a request id, or changes nothing.

        Raises:
            RefusedError: a controller said no. UnreachableError: none answered within `seconds`.
        """
        until = time.monotonic() + seconds

        def ask(channel: grpc.Channel) -> Any:
            remote: Any = channel.unary_unary(
                method.path,
                request_serializer=type(request).SerializeToString,
                response_deserializer=method.response.FromString,
            )
            return remote(request, timeout=max(0.1, until - time.monotonic()), metadata=self._metadata)

        try:
            return _patience(tenacity.stop_before_delay(seconds))(self._first, ask)
        except grpc.RpcError as error:
            raise (self._unreachable() if is_unanswered(error) else None) or refusal(error) from error

    def _unreachable(self) -> UnreachableError | None:
        """Return the error for controllers that cannot be talked to for a reason of TLS; None if that is not it."""
        tls = bool(self._ca_file)
        found = (
            explain(endpoint, plaintext=is_plaintext(endpoint, tls=tls), ca_file=self._ca_file)
            for endpoint in self._endpoints
        )
        words = next((text for text in found if text), "")
        return UnreachableError(f"{words} The client's side is ca_file, or HEADGATE_CA_FILE.") if words else None

    def stream(self, method: Method, request: Message) -> Iterator[Any]:
        """Yield the answers to a request, from the first controller that gives one, however long that takes.

        Raises:
            grpc.RpcError: the stream was refused, or ended by a fault; whoever reads it knows how to go on.
        """

        def open_(channel: grpc.Channel) -> tuple[Any, Any]:
            remote: Any = channel.unary_stream(
                method.path,
                request_serializer=type(request).SerializeToString,
                response_deserializer=method.response.FromString,
            )
            answers = remote(request, metadata=self._metadata)
            return next(answers), answers

        first, answers = _patience(tenacity.stop_never)(self._first, open_)
        try:
            yield first
            yield from answers
        finally:
            answers.cancel()

    def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            channel.close()

    def _first(self, ask: Callable[[grpc.Channel], T]) -> T:
        """Return what the first controller answers, beginning with the one that answered last."""
        for channel in list(self._channels[:-1]):
            try:
                return ask(channel)
            except grpc.RpcError as error:
                if not is_unanswered(error):
                    raise
                self._channels = [*(c for c in self._channels if c is not channel), channel]
        return ask(self._channels[0])


def _patience(stop: tenacity.stop.stop_base) -> tenacity.Retrying:
    """Return what repeats an attempt, with growing pauses, as long as no controller answers it, or has room for it."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_unanswered(error) or is_busy(error)),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=1),
        stop=stop,
        reraise=True,
    )


def _channel(endpoint: str, roots: bytes | None) -> grpc.Channel:
    if is_plaintext(endpoint, tls=roots is not None):
        return grpc.insecure_channel(endpoint, options=OPTIONS)
    return grpc.secure_channel(endpoint, grpc.ssl_channel_credentials(roots), options=OPTIONS)
