"""Calls of the API: one of several controllers, the first that answers."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from headgate_cli.connection import Connection
from headgate_cli.errors import CliError, Status, UnreachableError
from headgate_cli.refusals import is_unanswered, read_refusal, unreachable
from headgate_common.client_access import check_endpoint, is_plaintext, token_from
from headgate_common.methods import Method
from headgate_common.refusals import is_explained

SOCKET = "/run/headgate/api.sock"
"""Where a controller of this machine listens for its administrator."""

DEFAULT_ENDPOINT = "localhost:7443"
CALL_SECONDS = 30.0
UPLOAD_SECONDS = 600.0
LARGEST_MESSAGE = 256 * 1024 * 1024


class Api(Protocol):
    """Something that answers calls: a controller, or a stand-in for one."""

    def call(self, method: Method, request: Message, seconds: float = CALL_SECONDS) -> Any:
        """Return the answer.

        Raises:
            CliError: refused, or nobody answered in time.
        """
        ...

    def stream(self, method: Method, request: Message) -> Iterator[Any]:
        """Yield the answers, until the controller ends them.

        Raises:
            CliError: refused, or nobody answered, or whoever did has gone.
        """
        ...

    def upload(self, method: Method, requests: Callable[[], Iterator[Message]]) -> Any:
        """Return the answer to all that `requests()` yields; it may be asked again for another controller.

        Raises:
            CliError: refused, or nobody answered.
        """
        ...


class Controllers:
    """The controllers at several endpoints, as one."""

    def __init__(self, endpoints: Sequence[str], token: str, ca_file: str) -> None:
        self._endpoints = list(endpoints)
        self._token = token
        self._channels: dict[str, grpc.Channel] = {}
        self._ca_file = ca_file
        self._roots = _contents(ca_file) if ca_file else None

    def call(self, method: Method, request: Message, seconds: float = CALL_SECONDS) -> Any:
        """Return the answer of the first controller that gives one; what it refuses, others are not asked.

        Raises:
            CliError: refused, or nobody answered.
        """
        return self._first(method, "unary_unary", lambda: request, seconds)

    def upload(self, method: Method, requests: Callable[[], Iterator[Message]]) -> Any:
        """Return the answer of the first controller that gives one.

        Raises:
            CliError: refused, or nobody answered.
        """
        return self._first(method, "stream_unary", requests, UPLOAD_SECONDS)

    def _first(self, method: Method, shape: str, sent: Callable[[], Any], seconds: float) -> Any:
        failure: grpc.RpcError | None = None
        for endpoint in list(self._endpoints):
            try:
                answer = self._remote(endpoint, method, shape)(sent(), timeout=seconds, metadata=self._metadata)
            except grpc.RpcError as error:
                failure = _telling(failure, _unanswered(error))
            else:
                self._prefer(endpoint)
                return answer
        assert failure is not None, "there is at least one endpoint"
        raise self._given_up(failure)

    def stream(self, method: Method, request: Message) -> Iterator[Any]:
        """Yield the answers of the first controller that gives any.

        Raises:
            CliError: refused, or nobody answered, or whoever did has gone.
        """
        failure: grpc.RpcError | None = None
        for endpoint in list(self._endpoints):
            answered = False
            try:
                for answer in self._answers(endpoint, method, request):
                    answered = True
                    yield answer
            except grpc.RpcError as error:
                failure = _telling(failure, _unanswered(error))
                if answered:
                    break
            else:
                return
        assert failure is not None, "there is at least one endpoint"
        raise self._given_up(failure)

    def _given_up(self, failure: grpc.RpcError) -> UnreachableError:
        """Return the error for controllers of which none answered; if TLS is why, it says so."""
        from headgate_common.handshake import explain

        tls = self._roots is not None
        for endpoint in self._endpoints:
            words = explain(endpoint, plaintext=is_plaintext(endpoint, tls=tls), ca_file=self._ca_file)
            if words:
                return UnreachableError(f"{words}\nThe CA's file is given by --ca-file or HEADGATE_CA_FILE.")
        return unreachable(failure, self._endpoints)

    def _answers(self, endpoint: str, method: Method, request: Message) -> Iterator[Any]:
        answers = self._remote(endpoint, method, "unary_stream")(request, metadata=self._metadata)
        try:
            for answer in answers:
                self._prefer(endpoint)
                yield answer
        finally:
            answers.cancel()

    def _prefer(self, endpoint: str) -> None:
        self._endpoints.sort(key=lambda known: known != endpoint)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token}"),) if self._token else ()

    def _remote(self, endpoint: str, method: Method, shape: str) -> Any:
        if endpoint not in self._channels:
            self._channels[endpoint] = _channel(endpoint, self._roots)
        call = getattr(self._channels[endpoint], shape)
        return call(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )


def _unanswered(error: grpc.RpcError) -> grpc.RpcError:
    """Return the error of a call that no controller answered; what one refused is raised."""
    if not is_unanswered(error):
        raise read_refusal(error) from error
    return error


def _telling(before: grpc.RpcError | None, error: grpc.RpcError) -> grpc.RpcError:
    """Return which of two errors tells more: that of a controller that stands by, rather than of one that is away."""
    return before if before is not None and is_explained(before) and not is_explained(error) else error


def connect(connection: Connection) -> Api:
    """Return the API behind a connection's endpoints, "host:port" or "unix:/path"; nothing is dialled yet.

    Raises:
        CliError: an endpoint has neither form, or a file cannot be read.
    """
    chosen = connection.endpoints or ((f"unix:{SOCKET}",) if os.access(SOCKET, os.W_OK) else (DEFAULT_ENDPOINT,))
    try:
        for endpoint in chosen:
            check_endpoint(endpoint)
        return Controllers(chosen, token_from(os.environ, connection.token_file), connection.ca_file)
    except ValueError as error:
        raise CliError(str(error), Status.USAGE) from error


def _contents(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        text = f"The file of the CA, {file}, cannot be read: {error.strerror}; correct --ca-file or HEADGATE_CA_FILE."
        raise CliError(text, Status.USAGE) from error


def _channel(endpoint: str, roots: bytes | None) -> grpc.Channel:
    """Return a channel: in the clear where nobody can listen in, by TLS elsewhere, and wherever CAs were given."""
    options = [("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    if is_plaintext(endpoint, tls=roots is not None):
        return grpc.insecure_channel(endpoint, options=options)
    return grpc.secure_channel(endpoint, grpc.ssl_channel_credentials(roots), options=options)
