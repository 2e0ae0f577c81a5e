"""The controller put together by hand: everything that runs, and in which order it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import grpc
from sqlalchemy.exc import SQLAlchemyError

from headgate_common.identity import IdentityFiles
from headgate_common.pki import PkiError
from headgate_controller.addresses import Reserved, reserved_ranges
from headgate_controller.api.admin_service import SERVICE as ADMIN_SERVICE
from headgate_controller.api.admin_service import AdminService
from headgate_controller.api.gate import Gate
from headgate_controller.api.intent_service import SERVICE as INTENT_SERVICE
from headgate_controller.api.intent_service import IntentService
from headgate_controller.api.pki_service import SERVICE as PKI_SERVICE
from headgate_controller.api.pki_service import PkiService
from headgate_controller.api.resources import Resources
from headgate_controller.api.token_service import SERVICE as TOKEN_SERVICE
from headgate_controller.api.token_service import TokenService
from headgate_controller.api.trace_service import SERVICE as TRACE_SERVICE
from headgate_controller.api.trace_service import TraceService
from headgate_controller.compile import Compiler
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError, UnavailableError
from headgate_controller.hosts.door import Door
from headgate_controller.hosts.keeper import Keeper
from headgate_controller.hosts.links import HostLinks
from headgate_controller.hosts.renewal import Renewal
from headgate_controller.kinds import registry
from headgate_controller.northbound_rows import COLUMNS
from headgate_controller.ovn.convergence import Convergence
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable, StaleEpochError
from headgate_controller.ovn.southbound import Southbound
from headgate_controller.ovn.tracer import Tracer
from headgate_controller.realisation import Realisation
from headgate_controller.rpc_errors import anybody
from headgate_controller.schema import Schema
from headgate_controller.serving import HOST_OPTIONS, UNIX, describe, is_local, server
from headgate_controller.signing import Signer
from headgate_controller.state import Committed
from headgate_controller.store.database import Database, load_world
from headgate_controller.store.enrolments import Enrolments
from headgate_controller.store.keyring import read_keyring
from headgate_controller.store.restore import Held
from headgate_controller.store.states import States
from headgate_controller.store.tokens import Tokens
from headgate_controller.store.writer import Writer
from headgate_controller.tls import ServerCertificate
from headgate_controller.trust import Trust
from headgate_controller.web.callers import Callers
from headgate_controller.web.health import health_routes
from headgate_controller.web.metrics import Metrics, Sources
from headgate_controller.web.server import HttpServer
from headgate_controller.web.states import StateRoutes
from headgate_controller.world import World

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread lets the event loop have its turn; see docs/design/incremental.md."""

STOP_GRACE = 1.0
"""Seconds that calls in progress have to end when the controller stops."""

OVSDB_ADDRESS = re.compile(r"unix:.+|(tcp|ssl):.+:[0-9]{1,5}")


class Runner(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Run."""


class Service(Protocol):
    """Something that serves methods."""

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of its methods."""


class Server(Protocol):
    """Something that answers from its start until its stop."""

    async def start(self) -> None:
        """Answer from now on."""

    async def stop(self, grace: float | None) -> None:
        """Answer nothing new, and what is being asked for that many seconds at most."""


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of a controller that are started and stopped. `restored` is set when it must begin anew."""

    committed: Committed
    writer: Writer
    tokens: Tokens
    runners: Sequence[Runner]
    servers: Sequence[Server]
    restored: asyncio.Event


class SettingError(HeadgateError):
    """A value of the configuration cannot be used."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_SETTING"


class SupersededError(HeadgateError):
    """Another controller has taken over."""

    code, reason = "ABORTED", "SUPERSEDED"


async def run(config: ControllerConfig, stop: asyncio.Event) -> None:
    """Run a controller until `stop` is set.

    Raises:
        UnavailableError: its database cannot be used. SupersededError: another controller leads now.
        SettingError: another setting cannot be used. ListenError: an address cannot be listened on.
    """
    _check_database("northbound", config.northbound, config.northbound_pki_dir)
    _check_database("southbound", config.southbound, config.pki_dir)
    sys.setswitchinterval(SWITCH_INTERVAL)
    database = _database(config)
    try:
        while await _serve(config, database, stop):
            log.info("begun anew", extra={"reason": "a backup was restored"})
    finally:
        database.close()


def _check_database(setting: str, remote: str, pki_dir: str) -> None:
    """See that a database of OVN has an address, and that there is a certificate if it is reached by one.

    Raises:
        SettingError: it is not so.
    """
    if not OVSDB_ADDRESS.fullmatch(remote):
        raise SettingError(f"{setting}: {remote!r} is neither unix:/path nor ssl:address:port or tcp:address:port.")
    if remote.startswith("ssl:"):
        try:
            IdentityFiles(Path(pki_dir)).load()
        except PkiError as error:
            raise SettingError(f"{setting}: it is reached by a certificate. {error}") from error


def _database(config: ControllerConfig) -> Database:
    try:
        return Database(config.database)
    except (ImportError, SQLAlchemyError) as error:
        text = f"database: {config.database} cannot be used: {error}. Check the URL, and install the driver it names."
        raise SettingError(text) from error


async def _serve(config: ControllerConfig, database: Database, stop: asyncio.Event) -> bool:
    """Serve until `stop` is set, or until the database holds something else: then return True."""
    site = await _assembled(config, database)
    gc.freeze()
    tasks = [asyncio.create_task(runner.run(), name=type(runner).__name__) for runner in site.runners]
    for started in site.servers:
        await started.start()
    _warn_of_locked_doors(config, site.tokens)
    log.info("ready", extra={"listen": ",".join(config.listen), "revision": site.committed.world.revision})
    ends = [asyncio.create_task(event.wait()) for event in (stop, site.restored)]
    await asyncio.wait([*ends, *tasks], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*(stopped.stop(STOP_GRACE) for stopped in site.servers))
    site.writer.close()
    await _ended([*ends, *tasks])
    log.info("stopped", extra={"revision": site.committed.world.revision})
    return site.restored.is_set() and not stop.is_set()


async def _assembled(config: ControllerConfig, database: Database) -> Site:
    """Return the parts of a controller, put together and not started."""
    trust, signer = Trust(Path(config.pki_dir), Path(config.ca_dir)), Signer(Path(config.ca_dir))
    credentials = _host_credentials(config, door := Door(trust))
    schema = Schema(registry.load(config.extra_kinds))
    committed = Committed(load_world(database.engine, schema, World(reserved=_reserved(config))))
    writer = Writer(database, schema, committed.world, committed.publish)
    southbound = Southbound(config.southbound, Path(config.pki_dir))
    links = HostLinks(committed, writer, database.epoch(), config.southbound_remote, door)
    realisation = Realisation(schema, committed, southbound, links)
    southbound.listen(realisation.bindings_changed)
    links.listen(realisation.hosts_changed)
    northbound = Northbound(
        config.northbound,
        COLUMNS,
        epoch=database.epoch(),
        options=_global_options(config),
        store=database.name(),
        pki_dir=Path(config.northbound_pki_dir),
    )
    compiler = Compiler({codec.kind.noun: codec.kind.compile for codec in schema.codecs.values()})
    convergence = Convergence(committed, compiler, northbound, realisation)
    sources = Sources(
        revision=lambda: committed.world.revision,
        waiting=lambda: writer.waiting,
        resources=lambda: schema.count(committed.world.resources.values()),
        hosts_connected=links.count,
        host_lags=realisation.host_lags,
        rows_refused=lambda: len(northbound.refused),
        northbound_in_step=lambda: not northbound.why_unready,
        southbound_connected=lambda: southbound.connected,
    )
    _count(metrics := Metrics(sources), writer, convergence, northbound)
    links.why_wait = partial(_why_hosts_wait, northbound, new=committed.world.revision == 0)

    intents = IntentService(schema, committed, writer, database.engine, realisation)
    resources = [Resources(schema, codec, committed, writer, realisation) for codec in schema.codecs.values()]
    names = [f"{codec.descriptor.full_name}Service" for codec in schema.codecs.values()]
    tokens, enrolments = Tokens(database.engine), Enrolments(database.engine)
    traces = TraceService(committed, Tracer(config.southbound, Path(config.pki_dir)), northbound.row_named)
    keyring = read_keyring(config.state_key_file)
    admin = AdminService(database, keyring, writer, partial(_held_by, northbound))
    pki = PkiService(enrolments, signer, trust)
    services: list[Service] = [intents, TokenService(tokens), pki, traces, admin, *resources]
    gate = Gate(schema, tokens, committed, require_tokens=config.require_tokens)
    certificate = _certificate(config)
    proof = certificate.credentials() if certificate else None
    api = server([service.handlers() for service in services], config.listen, gate.admit, metrics.watch, (), proof)
    await describe(api, [*names, INTENT_SERVICE, TOKEN_SERVICE, PKI_SERVICE, TRACE_SERVICE, ADMIN_SERVICE])
    host_services = [links.handlers(), Renewal(door, signer).handlers()]
    hosts = server(host_services, config.host_listen, anybody, metrics.watch, HOST_OPTIONS, credentials)
    callers = Callers(tokens, require_tokens=config.require_tokens)
    states = States(database, keyring)
    health = health_routes({"northbound": lambda: northbound.why_unready, "southbound": lambda: southbound.why_unready})
    routes = [*health, metrics.route(callers), *StateRoutes(states, callers).routes()]
    http = HttpServer(routes, config.http_listen, certificate.context() if certificate else None)

    runners: list[Runner] = [northbound, southbound, convergence, tokens, states]
    runners += [Keeper(trust, links)] if credentials else []
    return Site(committed, writer, tokens, runners, [hosts, api, http], admin.restored)


def _count(metrics: Metrics, writer: Writer, convergence: Convergence, northbound: Northbound) -> None:
    """Have the parts counted from now on."""
    writer.on_commit = metrics.commit_seconds.observe
    convergence.on_compiled = metrics.compile_seconds.observe
    northbound.on_written = metrics.note_written
    northbound.on_repaired = metrics.repaired_rows.inc


def _why_hosts_wait(northbound: Northbound, *, new: bool) -> str:
    """Return why hosts must not be told anything yet: a store that is not theirs would have them forget their ports."""
    if northbound.foreign is None:
        return "a new store waits for Northbound, to see that it is not another's." if new else ""
    return northbound.foreign


async def _held_by(northbound: Northbound) -> Held:
    """Return what Northbound holds.

    Raises:
        UnavailableError: it cannot be asked.
    """
    try:
        return Held(await northbound.stored_epoch(), northbound.foreign == "")
    except NorthboundUnavailable as error:
        text = f"Northbound must be reachable, so that the controller goes on above every epoch of it: {error}."
        raise UnavailableError(text) from error


def _host_credentials(config: ControllerConfig, door: Door) -> grpc.ServerCredentials | None:
    """Return what hosts are met with; None if they come by unix sockets only.

    Raises:
        SettingError: hosts come by TCP and there is no certificate that can be used.
    """
    if all(address.startswith(UNIX) for address in config.host_listen):
        return None
    try:
        return door.credentials()
    except PkiError as error:
        raise SettingError(f"host_listen: hosts are met with certificates only. pki_dir: {error}") from error


def _warn_of_locked_doors(config: ControllerConfig, tokens: Tokens) -> None:
    """Say so if nobody can call: there is no token, and no way to make one."""
    if config.require_tokens and not tokens.listed() and not any(a.startswith(UNIX) for a in config.listen):
        fix = "add unix:/run/headgate/api.sock to listen, by which the first token is made"
        log.warning("no caller can be let in", extra={"reason": "there is no token", "fix": fix})


def _certificate(config: ControllerConfig) -> ServerCertificate | None:
    """Return what callers by TCP are met with; None if they are met in the clear.

    Raises:
        SettingError: whoever reaches it could do everything, or the settings contradict each other.
    """
    exposed = [address for address in (*config.listen, *config.http_listen) if not is_local(address)]
    if exposed and not config.require_tokens:
        text = f"require_tokens: it is false, so that whoever reaches {exposed[0]} could do everything; set it to true,"
        raise SettingError(f"{text} or listen on 127.0.0.1:port or unix:/path.")
    if not config.tls_certificate:
        if config.tls_key or config.tls_client_ca:
            raise SettingError("tls_key, tls_client_ca: they are nothing without tls_certificate; set that too.")
        return None
    certificate = Path(config.tls_certificate)
    key, client_ca = Path(config.tls_key or certificate), config.tls_client_ca
    return ServerCertificate(certificate, key, Path(client_ca) if client_ca else None)


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


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks; one that had ended by itself ended by a fault, which is raised.

    Raises:
        SupersededError: another controller leads now.
    """
    for task in tasks:
        if task.done():
            _raise_fault(task)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _raise_fault(ended: asyncio.Task[None]) -> None:
    try:
        ended.result()
    except StaleEpochError as error:
        text = f"Another controller leads the site now ({error}). Stop it first, or leave this one stopped."
        raise SupersededError(text) from error
