"""The gRPC servers: where they listen, and what every one of them has besides its methods."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from headgate_controller.errors import HeadgateError
from headgate_controller.rpc_guard import LARGEST_OF_METHOD
from headgate_controller.traffic import MOST_OF_ONE

LARGEST_ANSWER = 64 * 1024 * 1024
OPTIONS = (
    # Twice what any method takes, so that most of who sends more is told in our words.
    ("grpc.max_receive_message_length", 2 * max(LARGEST_OF_METHOD.values())),
    ("grpc.max_send_message_length", LARGEST_ANSWER),
    ("grpc.so_reuseport", 0),
    # Of one connection, more than one caller may have under way: what is beyond is refused before anything is kept.
    ("grpc.max_concurrent_streams", 2 * MOST_OF_ONE),
    # A client that has gone without a word, or that reads nothing at all, does not answer.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
HOST_OPTIONS = (
    # The largest that a host says is its report, of some hundred bytes for each port.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # Both sides ping, to notice a stream that is half open; an agent must not be cut off for pinging.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    # Not to measure how much is on its way: every message that comes would cost a ping, which doubles its price.
    ("grpc.http2.bdp_probe", 0),
    # Who only connects, and opens no stream, is let go.
    ("grpc.max_connection_idle_ms", 60_000),
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
UNIX = "unix:"
LARGEST_PORT = 65_535


class Server(Protocol):
    """Something that answers from its start until its stop."""

    async def start(self) -> None:
        """Answer from now on."""

    async def stop(self, grace: float | None) -> None:
        """Answer nothing new, and what is being asked for that many seconds at most."""


class ListenError(HeadgateError):
    """An address cannot be listened on."""

    code, reason = "INVALID_ARGUMENT", "CANNOT_LISTEN"


def server(
    handlers: Iterable[grpc.GenericRpcHandler],
    listen: Iterable[str],
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    options: Sequence[tuple[str, int]] = (),
    credentials: grpc.ServerCredentials | None = None,
) -> grpc.aio.Server:
    """Return a server with the handlers, not started, each call of which passes the interceptors, in their order.
    What is no unix socket is reached with TLS if it has credentials.

    Raises:
        ListenError: an address is neither loopback nor a unix socket and there is no TLS, or it is taken.
    """
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)
    # Of an option that is there twice, gRPC takes the first.
    made = grpc.aio.server(interceptors=interceptors, options=[*options, *OPTIONS])
    made.add_generic_rpc_handlers(tuple(handlers))
    for address in listen:
        _listen(made, address, credentials)
    return made


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether what gRPC logs is worth it: not that a client was gone before it had taken its answer, of which
    there may be thousands at once.
    """
    return record.exc_info is None or getattr(record.exc_info[0], "__name__", "") != "ExecuteBatchError"


async def describe(described: grpc.aio.Server, services: Sequence[str], *, serving: bool = True) -> None:
    """Add reflection and the health service to a server that has the services, whether it is `serving` them or not."""
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, described)
    reflection.enable_server_reflection([*services, health.SERVICE_NAME, reflection.SERVICE_NAME], described)
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in ("", *services):
        await checks.set(name, status)


def bound(address: str, *, tls: bool) -> socket.socket:
    """Return a socket bound to an address, by the same rules, for a server that is not gRPC's.

    Raises:
        ListenError: the address is neither loopback nor a unix socket and there is no TLS, or it is taken.
    """
    with _explained(address):
        host, port = _parted(address)
        if tls:
            _check_free(address, host, port)
        else:
            _checked(address)
        if address.startswith(UNIX):
            path = _path(address)
            path.unlink(missing_ok=True)
            made = socket.socket(socket.AF_UNIX)
            with _private_files():
                made.bind(os.fspath(path))
        else:
            family, kind, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
            made = socket.socket(family, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
        return made


def _listen(listening: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> None:
    with _explained(address):
        if credentials is None or address.startswith(UNIX):
            _checked(address)
            with _private_files():
                listening.add_insecure_port(address)
        else:
            _check_free(address, *_parted(address))
            listening.add_secure_port(address, credentials)


@contextmanager
def _private_files() -> Iterator[None]:
    """Let nobody but the owner open the sockets that are made meanwhile: who can is not asked who he is."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Tell of an address that cannot be taken in words."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ListenError(
            f"Cannot listen on {address}: {why}. Is another controller listening there, or its directory missing?"
        ) from error


def _checked(address: str) -> None:
    """Check that an address may be listened on in the clear, and is free.

    Raises:
        ListenError: it is neither loopback nor a unix socket. OSError: it is in use, or cannot be used.
    """
    if not is_local(address):
        raise ListenError(
            f"Cannot listen on {address}: it is not on loopback, and without TLS no other is allowed; "
            "set tls_certificate, or use 127.0.0.1:port or unix:/path."
        )
    _check_free(address, *_parted(address))


def is_local(address: str) -> bool:
    """Return whether only this machine can reach an address."""
    return address.startswith(UNIX) or _parted(address)[0] in LOOPBACK


def _parted(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port


def _check_free(address: str, host: str, port: str) -> None:
    """Check that nobody listens on an address and that it can be bound.

    The server itself would take a unix socket away from another that listens on it.

    Raises:
        OSError: it is in use, or cannot be used.
    """
    if not address.startswith(UNIX):
        if not (port.isdecimal() and 0 < int(port) <= LARGEST_PORT):
            raise OSError(f"{port!r} is no port")
        family, kind, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
        return
    path = _path(address)
    if not os.access(path.parent, os.W_OK):
        raise OSError("there is no such directory, or nothing can be created in it")
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        if path.exists() and probe.connect_ex(str(path)) == 0:
            raise OSError("it is in use")


def _path(address: str) -> Path:
    """Return the file of a unix socket's address."""
    return Path("/" + address.removeprefix("unix:///")) if "://" in address else Path(address.removeprefix(UNIX))
