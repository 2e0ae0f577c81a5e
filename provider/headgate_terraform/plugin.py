"""How Terraform starts, talks to and stops a plugin (HashiCorp's go-plugin), for one provider.

Source: go-plugin, "Plugin protocol internals"; Terraform's handshake for protocol 6.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message_factory import GetMessageClass

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.certificate import load_certificate
from headgate_terraform.client import CHANNEL_OPTIONS
from headgate_terraform.holding import Traffic
from headgate_terraform.provider import Provider, diagnostics, failure

ADDRESS = "terraform.local/headgate/headgate"
"""The provider's source address."""

LONGEST_ABOVE = 107 - len(f"/headgate-{'0' * 16}/tf.sock")
"""Bytes of a directory's path below which the socket fits. Source: unix(7), sun_path."""

PARENT_CHECK_SECONDS = 1.0
"""How often to look whether Terraform is still there; it may have been killed."""

EXIT_DELAY_SECONDS = 0.002
"""How long after Shutdown the process lives on, so that the answer to it gets out."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A provider that is served: the line by which Terraform finds it, and whether Terraform has ended it."""

    handshake: str
    server: grpc.aio.Server
    ended: asyncio.Event


@asynccontextmanager
async def serving(provider: Provider, *, debug: bool) -> AsyncIterator[Plugin]:
    """Serve `provider` at a socket of its own, which is gone after the block; the server is not stopped."""
    ended = asyncio.Event()
    socket = _private_directory() / "tf.sock"
    try:
        traced = provider.telemetry.server_interceptors() if provider.telemetry else ()
        server = grpc.aio.server(options=CHANNEL_OPTIONS, interceptors=traced)
        server.add_generic_rpc_handlers((_provider_service(provider), *_plugin_services(ended)))
        certificate = _listen(server, socket, debug=debug)
        await server.start()
        yield Plugin(_reattachment(socket) if debug else f"1|6|unix|{socket}|grpc|{certificate}", server, ended)
    finally:
        with suppress(OSError):
            socket.unlink()
        with suppress(OSError):
            socket.parent.rmdir()


async def serve(provider: Provider, *, debug: bool) -> None:
    """Serve `provider` until Terraform, or in debug mode the user, ends it; then end the process."""
    # Terraform may be killed as soon as it has read the handshake.
    parent = os.getppid()
    async with serving(provider, debug=debug) as plugin:
        print(plugin.handshake, flush=True)
        _watch_signals(plugin.ended, debug=debug)
        if not debug:
            asyncio.get_running_loop().call_later(PARENT_CHECK_SECONDS, _watch_parent, plugin.ended, parent)
        settle()
        await plugin.ended.wait()
        await asyncio.sleep(EXIT_DELAY_SECONDS)
    if provider.telemetry:
        provider.telemetry.close()
    # Tearing the server down in order would take longer than Terraform waits before it kills.
    os._exit(0)


def settle() -> None:
    """Have the collector, off while the start made what stays, look for garbage from now on, but never in that."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _private_directory() -> Path:
    """Return a new directory of this user alone, where a socket's path has room; made without `tempfile`, whose import
    is felt at every start.
    """
    wanted = (os.environ.get("PLUGIN_UNIX_SOCKET_DIR"), os.environ.get("TMPDIR"), "/tmp")  # noqa: S108
    above = next(path for path in wanted if path and len(os.fsencode(path)) <= LONGEST_ABOVE)
    directory = Path(above) / f"headgate-{os.urandom(8).hex()}"
    directory.mkdir(mode=0o700)
    return directory


def _listen(server: grpc.aio.Server, socket: Path, *, debug: bool) -> str:
    """Add the socket; return the certificate for the handshake, which ends in no padding.

    Only this user reaches the socket, by the mode of its directory; Terraform insists on TLS all the same.
    """
    if debug:
        server.add_insecure_port(f"unix:{socket}")
        return ""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    key, certificate = load_certificate(Path(cache) / "headgate")
    server.add_secure_port(f"unix:{socket}", grpc.ssl_server_credentials([(key, certificate)]))
    return "".join(line for line in certificate.decode().splitlines() if not line.startswith("-----")).rstrip("=")


def _reattachment(socket: Path) -> str:
    reattach = {
        ADDRESS: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    }
    return f"TF_REATTACH_PROVIDERS='{json.dumps(reattach)}'"


def _watch_signals(ended: asyncio.Event, *, debug: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    # Ctrl-C reaches the whole process group; Terraform then asks us to stop in its own way.
    loop.add_signal_handler(signal.SIGINT, ended.set if debug else lambda: None)


def _watch_parent(ended: asyncio.Event, parent: int) -> None:
    if os.getppid() != parent:
        ended.set()
    asyncio.get_running_loop().call_later(PARENT_CHECK_SECONDS, _watch_parent, ended, parent)


def _provider_service(provider: Provider) -> grpc.GenericRpcHandler:
    service = tf.DESCRIPTOR.services_by_name["Provider"]
    handlers = {}
    for method in service.methods:
        request: Any = GetMessageClass(method.input_type)
        response: Any = GetMessageClass(method.output_type)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            _counted(_guarded(getattr(provider, _snake_case(method.name)), response), provider.traffic),
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _counted(handler: Callable[[Any, Any], Awaitable[Any]], traffic: Traffic) -> Callable[[Any, Any], Awaitable[Any]]:
    async def counted(request: Any, context: Any) -> Any:
        with traffic.call():
            return await handler(request, context)

    return counted


def _guarded(handler: Callable[[Any], Awaitable[Any]], response: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return a handler that answers with a diagnostic where `handler` raises: an error of RPC names no resource."""

    async def guarded(request: Any, _context: Any) -> Any:
        try:
            return await handler(request)
        except Exception as error:  # this is the last place that can say what went wrong
            traceback.print_exc(file=sys.stderr)
            return response(diagnostics=diagnostics([failure(error)]))

    return guarded


def _plugin_services(ended: asyncio.Event) -> tuple[grpc.GenericRpcHandler, ...]:
    """Return the two services of go-plugin that Terraform uses; all their messages may be empty."""

    async def shutdown(_request: bytes, _context: Any) -> bytes:
        ended.set()
        return b""

    async def stream_stdio(_request: bytes, _context: Any) -> Any:
        await ended.wait()
        return
        yield b""

    return (
        grpc.method_handlers_generic_handler(
            "plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)}
        ),
        grpc.method_handlers_generic_handler(
            "plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(stream_stdio)}
        ),
    )
