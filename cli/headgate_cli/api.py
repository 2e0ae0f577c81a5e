"""Calls of the API: one of several controllers, the first that answers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from headgate_cli.connection import Connection
from headgate_cli.errors import CliError, NotFoundError, Status
from headgate_cli.kinds import Kind, Method
from headgate_cli.names import ends_with, expand, is_full, parents
from headgate_cli.refusals import REFERRERS, RefusedError, is_unanswered, read_refusal, unreachable
from headgate_common.client_access import is_plaintext, token_from

SOCKET = "/run/headgate/api.sock"
"""Where a controller of this machine listens for its administrator."""

DEFAULT_ENDPOINT = "localhost:7443"
CALL_SECONDS = 30.0
LARGEST_MESSAGE = 256 * 1024 * 1024
PAGE = 1000


class Api(Protocol):
    """Something that answers calls: a controller, or a stand-in for one."""

    def call(self, method: Method, request: Message) -> Any:
        """Return the answer.

        Raises:
            CliError: refused, or nobody answered.
        """
        ...


class Controllers:
    """The controllers at several endpoints, as one."""

    def __init__(self, endpoints: Sequence[str], token: str, ca_file: str) -> None:
        self._endpoints = list(endpoints)
        self._token = token
        self._ca_file = ca_file
        self._roots = _contents(ca_file) if ca_file else None

    def call(self, method: Method, request: Message) -> Any:
        """Return the answer of the first controller that gives one; what it refuses, others are not asked.

        Raises:
            CliError: refused, or nobody answered.
        """
        failure: grpc.RpcError | None = None
        for endpoint in list(self._endpoints):
            try:
                answer = self._ask(endpoint, method, request)
            except grpc.RpcError as error:
                if not is_unanswered(error):
                    raise read_refusal(error) from error
                failure = error
            else:
                self._endpoints.sort(key=lambda known, used=endpoint: known != used)  # type: ignore[misc]
                return answer
        assert failure is not None, "there is at least one endpoint"
        raise self._given_up(failure)

    def _given_up(self, failure: grpc.RpcError) -> CliError:
        """Return the error for controllers of which none answered; if TLS is why, it says so."""
        from headgate_common.handshake import explain

        tls = self._roots is not None
        for endpoint in self._endpoints:
            words = explain(endpoint, plaintext=is_plaintext(endpoint, tls=tls), ca_file=self._ca_file)
            if words:
                return CliError(
                    f"{words}\nThe CA's file is given by --ca-file or HEADGATE_CA_FILE.", Status.UNREACHABLE
                )
        return unreachable(failure, self._endpoints)

    def _ask(self, endpoint: str, method: Method, request: Message) -> Any:
        metadata = (("authorization", f"Bearer {self._token}"),) if self._token else ()
        with _channel(endpoint, self._roots) as channel:
            remote: Any = channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            return remote(request, timeout=CALL_SECONDS, metadata=metadata)


def connect(connection: Connection) -> Api:
    """Return the API behind a connection's endpoints, "host:port" or "unix:/path"; nothing is dialled yet.

    Raises:
        CliError: an endpoint has neither form, or a file cannot be read.
    """
    chosen = connection.endpoints or ((f"unix:{SOCKET}",) if os.access(SOCKET, os.W_OK) else (DEFAULT_ENDPOINT,))
    for endpoint in chosen:
        if not endpoint.startswith("unix:/") and not endpoint.rpartition(":")[2].isdecimal():
            raise CliError(f'{endpoint!r} is not an endpoint; write "host:port" or "unix:/path".', Status.USAGE)
    try:
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


def list_all(api: Api, kind: Kind, project: str) -> Iterator[Any]:
    """Yield every resource of a kind in a project ("-": in all), page by page, those on their way out too."""
    method = kind.method("List")
    for parent in parents(kind.patterns, project):
        fields: dict[str, Any] = {"page_size": PAGE, "show_deleting": True} | ({"parent": parent} if parent else {})
        token = None
        while token != "":
            page = api.call(method, method.request(**fields, page_token=token or ""))
            yield from getattr(page, page.DESCRIPTOR.fields[0].name)
            token = page.next_page_token


def find(api: Api, kind: Kind, project: str, name: str) -> Any:
    """Return the one resource of a kind that a full or short name means.

    Raises:
        CliError: there is none, or a short name means several.
    """
    get = kind.method("Get")
    if is_full(kind.patterns, name):
        return api.call(get, get.request(name=name))
    for candidate in expand(kind.patterns, project, name):
        try:
            return api.call(get, get.request(name=candidate))
        except NotFoundError:
            continue
    found = [resource for resource in list_all(api, kind, project) if ends_with(resource.name, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CliError(f"{name} could be any of {', '.join(r.name for r in found)}; write more of it.", Status.USAGE)
    raise NotFoundError(f"There is no {kind.type} {name} in project {project}; -p or HEADGATE_PROJECT name another.")


def users_of(api: Api, kind: Kind, name: str) -> list[str]:
    """Return who uses a resource: whom a deletion, which is only tried and never done, would name."""
    method = kind.method("Delete")
    assert "validate_only" in method.request.DESCRIPTOR.fields_by_name, "every Delete can be tried"
    request: Any = method.request
    try:
        api.call(method, request(name=name, validate_only=True))
    except RefusedError as refusal:
        return [user for user in refusal.metadata.get(REFERRERS, "").split(",") if user]
    return []
