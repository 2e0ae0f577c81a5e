"""The controller put together by hand: everything that runs, and in which order it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from headgate_controller.addresses import Reserved, reserved_ranges
from headgate_controller.api.intent_service import SERVICE as INTENT_SERVICE
from headgate_controller.api.intent_service import IntentService
from headgate_controller.api.resources import Resources
from headgate_controller.compile import Compiler
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_controller.hosts.links import HostLinks
from headgate_controller.kinds import registry
from headgate_controller.northbound_rows import COLUMNS
from headgate_controller.ovn.convergence import Convergence
from headgate_controller.ovn.northbound import Northbound
from headgate_controller.ovn.southbound import Southbound
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.database import Database, load_world
from headgate_controller.store.writer import Writer
from headgate_controller.world import World

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread lets the event loop have its turn; see docs/design/incremental.md."""

STOP_GRACE = 1.0
"""Seconds that calls in progress have to end when the controller stops."""

LARGEST_MESSAGE = 64 * 1024 * 1024
GRPC_OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),
)
HOST_OPTIONS = (
    # Both sides ping, to notice a stream that is half open; an agent must not be cut off for pinging.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)


class SettingError(HeadgateError):
    """A value of the configuration cannot be used."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_SETTING"


async def run(config: ControllerConfig, stop: asyncio.Event) -> None:
    """Run a controller until `stop` is set.

    Raises:
        UnavailableError: its database cannot be used.
        SettingError: an address cannot be used.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    database = Database(config.database)
    try:
        await _serve(config, database, stop)
    finally:
        database.close()


async def _serve(config: ControllerConfig, database: Database, stop: asyncio.Event) -> None:
    schema = Schema(registry.load(config.extra_kinds))
    committed = Committed(load_world(database.engine, schema, World(reserved=_reserved(config))))
    writer = Writer(database, schema, committed.world, committed.publish)
    southbound = Southbound(config.southbound)
    links = HostLinks(committed, writer, database.epoch(), config.southbound_remote)
    realisation = Realisation(schema, committed, southbound, links)
    southbound.listen(realisation.bindings_changed)
    northbound = Northbound(config.northbound, COLUMNS, epoch=database.epoch(), options=_global_options(config))
    compiler = Compiler({codec.kind.noun: codec.kind.compile for codec in schema.codecs.values()})
    convergence = Convergence(committed, compiler, northbound, realisation)

    intents = IntentService(schema, committed, writer, database.engine, realisation)
    resources = [Resources(schema, codec, committed, writer, realisation) for codec in schema.codecs.values()]
    names = [f"{codec.descriptor.full_name}Service" for codec in schema.codecs.values()]
    api = _server([intents.handlers(), *(r.handlers() for r in resources)], [*names, INTENT_SERVICE], config.listen)
    hosts = _server([links.handlers()], [], config.host_listen, HOST_OPTIONS)

    gc.freeze()
    tasks = [
        asyncio.create_task(runner.run(), name=type(runner).__name__)
        for runner in (northbound, southbound, convergence)
    ]
    await hosts.start()
    await api.start()
    log.info("ready", extra={"listen": ",".join(config.listen), "revision": committed.world.revision})
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(api.stop(STOP_GRACE), hosts.stop(STOP_GRACE))
    writer.close()
    await _ended(tasks)
    log.info("stopped", extra={"revision": committed.world.revision})


def _reserved(config: ControllerConfig) -> Reserved:
    """Return the ranges that no subnet can have.

    Raises:
        SettingError: a configured one is no prefix.
    """
    try:
        return reserved_ranges(config.service_network, config.link_networks)
    except ValueError as error:
        raise SettingError(f"service_network, link_networks: {error}.") from error


def _global_options(config: ControllerConfig) -> dict[str, str]:
    """Return the keys of NB_Global's options that are ours: how fast hosts notice that another is gone."""
    interval = str(config.bfd_interval_ms)
    return {"bfd-min-rx": interval, "bfd-min-tx": interval, "bfd-mult": "3"}


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks; one that had ended by itself ended by a fault, which is raised."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _server(
    handlers: Iterable[grpc.GenericRpcHandler],
    names: list[str],
    listen: Iterable[str],
    options: Sequence[tuple[str, int]] = (),
) -> grpc.aio.Server:
    """Return a server with the handlers, reflection and the health service.

    Raises:
        SettingError: an address is neither loopback nor a unix socket, or is taken.
    """
    server = grpc.aio.server(options=[*GRPC_OPTIONS, *options])
    server.add_generic_rpc_handlers(tuple(handlers))
    if names:
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        for name in ("", *names):
            checks._server_status[name] = health_pb2.HealthCheckResponse.SERVING
    for address in listen:
        _listen(server, address)
    return server


def _listen(server: grpc.aio.Server, address: str) -> None:
    host = address.rpartition(":")[0].strip("[]")
    if not address.startswith("unix:") and host not in ("localhost", "127.0.0.1", "::1"):
        raise SettingError(
            f"listen: {address} is not on loopback, and without TLS no other is allowed; use 127.0.0.1 or unix:/path."
        )
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise SettingError(
            f"listen: {address} cannot be used: is another program listening there, or its directory missing?"
        ) from error
