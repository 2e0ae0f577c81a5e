"""The controller put together by hand: everything that runs, and in which order it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import grpc
import grpc.aio
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import Route

from headgate_common.readiness import tell_ready
from headgate_controller import settings
from headgate_controller.api.admin_service import SERVICE as ADMIN_SERVICE
from headgate_controller.api.admin_service import AdminService
from headgate_controller.api.diagnosis_service import SERVICE as DIAGNOSIS_SERVICE
from headgate_controller.api.diagnosis_service import DiagnosisService
from headgate_controller.api.gate import Gate
from headgate_controller.api.intent_service import SERVICE as INTENT_SERVICE
from headgate_controller.api.intent_service import IntentService
from headgate_controller.api.journey_service import SERVICE as JOURNEY_SERVICE
from headgate_controller.api.journey_service import JourneyService
from headgate_controller.api.pki_service import SERVICE as PKI_SERVICE
from headgate_controller.api.pki_service import PkiService
from headgate_controller.api.plan_sessions import Abroad
from headgate_controller.api.resources import Resources
from headgate_controller.api.shown import Shown
from headgate_controller.api.token_service import SERVICE as TOKEN_SERVICE
from headgate_controller.api.token_service import TokenService
from headgate_controller.api.trace_service import SERVICE as TRACE_SERVICE
from headgate_controller.api.trace_service import TraceService
from headgate_controller.config import ControllerConfig
from headgate_controller.diagnosis import checks, leading
from headgate_controller.errors import UnavailableError
from headgate_controller.hosts.keeper import Keeper
from headgate_controller.hosts.renewal import Renewal
from headgate_controller.leadership import in_thread
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable
from headgate_controller.ovn.tracer import Tracer
from headgate_controller.rpc_guard import Call, Guard, anybody
from headgate_controller.serving import HOST_OPTIONS, UNIX, Server, describe, server
from headgate_controller.site import Site
from headgate_controller.store.database import unusable
from headgate_controller.store.restore import Held
from headgate_controller.store.tokens import Tokens
from headgate_controller.tls import ServerCertificate
from headgate_controller.turns import take_turns
from headgate_controller.web.callers import Callers
from headgate_controller.web.health import health_routes
from headgate_controller.web.metrics import Metrics, Sources
from headgate_controller.web.server import HttpServer
from headgate_controller.web.states import StateRoutes

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread lets the event loop have its turn; see docs/design/incremental.md."""

COLLECT_AFTER = 20_000
"""Objects made, less those dropped, before the collector looks for circles; see docs/design/incremental.md."""

STOP_GRACE = 1.0
"""Seconds that calls in progress have to end when the controller stops."""

LEFT_BEHIND_SECONDS = 1.0
"""Seconds after which what still waits for the database is left behind, once the lead is lost."""


class Service(Protocol):
    """Something that serves methods."""

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of its methods."""


async def run(config: ControllerConfig, stop: asyncio.Event) -> bool:
    """Run a controller until `stop` is set; return whether nothing is left behind: threads that wait for a shared
    database which does not answer end with the process only.

    Raises:
        UnavailableError: its database cannot be used. SupersededError: another controller leads now.
        SettingError: another setting cannot be used. ListenError: an address cannot be listened on.
    """
    settings.check_ovn_database("northbound", config.northbound, config.northbound_pki_dir)
    settings.check_ovn_database("southbound", config.southbound, config.pki_dir)
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(COLLECT_AFTER)
    database = settings.open_database(config)
    calls = ThreadPoolExecutor(thread_name_prefix="call")
    asyncio.get_running_loop().set_default_executor(calls)
    try:
        await take_turns(config, database, _serve, stop)
    except SQLAlchemyError as error:
        raise unusable(config.database, error) from error
    finally:
        # Calls that were cut off may still write in their threads: only then may another controller have the database.
        all_ended = await _shut(calls, LEFT_BEHIND_SECONDS if database.shared else None)
        database.close()
    return all_ended


async def _shut(calls: ThreadPoolExecutor, seconds: float | None) -> bool:
    """Wait for calls in their threads, so long at most; return whether all have ended."""
    try:
        async with asyncio.timeout(seconds):
            await in_thread(lambda: calls.shutdown(cancel_futures=True))
    except TimeoutError:
        return False
    return True


async def _serve(site: Site, stop: asyncio.Event) -> str:
    """Serve until `stop` is set, or the database holds something else: then return nothing; or until the lead is lost:
    then return why.

    Raises:
        StaleEpochError: Northbound is at a higher epoch.
    """
    config = site.config
    certificate, credentials = settings.api_certificate(config), settings.host_credentials(config, site.door)
    admin = AdminService(site.database, site.keyring, site.writer, partial(_held_by, site.northbound))
    host_services = [site.links.handlers(), Renewal(site.door, site.signer).handlers()]
    metrics = _metrics(site)
    servers: list[Server] = [
        await _api(site, admin, metrics, certificate),
        server(host_services, config.host_listen, [Guard(anybody, metrics.watch)], HOST_OPTIONS, credentials),
        HttpServer(_routes(site, metrics), config.http_listen, certificate.context() if certificate else None),
    ]
    runners = [*site.runners, *([Keeper(site.trust, site.links)] if credentials else [])]

    gc.freeze()
    tasks = [asyncio.create_task(runner.run(), name=type(runner).__name__) for runner in runners]
    for started in servers:
        await started.start()
    _announce(site)
    ends = [asyncio.create_task(event.wait()) for event in (stop, admin.restored, site.writer.in_doubt)]
    await asyncio.wait([*ends, *tasks, site.lead.lost], return_when=asyncio.FIRST_COMPLETED)
    if lost := site.lead.lost.result() if site.lead.lost.done() else "":
        site.writer.abandon()
    await asyncio.gather(*(stopped.stop(STOP_GRACE) for stopped in servers))
    await admin.settled()
    # A database that does not answer may be why it is lost; what is left behind finds another epoch there.
    patience = LEFT_BEHIND_SECONDS if lost else site.lead.patience
    written = await in_thread(lambda: site.writer.close(patience))
    if not (await _ended([*ends, *tasks], patience) and written):
        lost = lost or "the database does not answer"
    if site.telemetry:
        await in_thread(site.telemetry.close)
    log.info("stopped", extra={"revision": site.committed.world.revision})
    return lost


async def _api(
    site: Site, admin: AdminService, metrics: Metrics, certificate: ServerCertificate | None
) -> grpc.aio.Server:
    """Return the server of the API, not started."""
    config, committed, realisation = site.config, site.committed, site.realisation
    gate = Gate(site.schema, site.tokens, committed, site.traffic, require_tokens=config.require_tokens)

    def admit(method: str, context: Any) -> Call:
        site.lead.check()
        return gate.admit(method, context)

    tracer = Tracer(config.southbound, Path(config.pki_dir))
    found = checks(config, committed, site.northbound, site.southbound, realisation, site.trust, site.tokens)
    services: dict[str, Service] = {
        **resource_services(site, gate.foreign),
        TOKEN_SERVICE: TokenService(site.tokens),
        PKI_SERVICE: PkiService(site.enrolments, site.signer, site.trust),
        TRACE_SERVICE: TraceService(committed, tracer, site.northbound.row_named),
        DIAGNOSIS_SERVICE: DiagnosisService([partial(leading, config, site.database), *found]),
        JOURNEY_SERVICE: JourneyService(committed, site.journeys, realisation),
        ADMIN_SERVICE: admin,
    }
    proof = certificate.credentials() if certificate else None
    handlers = [service.handlers() for service in services.values()]
    traced = site.telemetry.server_interceptors() if site.telemetry else ()
    api = server(handlers, config.listen, [Guard(admit, metrics.watch), *traced], (), proof)
    await describe(api, list(services))
    return api


def resource_services(site: Site, foreign: Abroad) -> dict[str, Service]:
    """Return what works on resources, by the names of the services; `foreign` says what a plan must not learn of."""
    shown = Shown(site.schema, site.committed, site.realisation, site.writer.serialized)
    common = (site.committed, site.writer)
    kinds = {
        f"{codec.descriptor.full_name}Service": Resources(site.schema, codec, *common, shown)
        for codec in site.schema.codecs.values()
    }
    intent = IntentService(site.schema, *common, site.database.engine, site.realisation, shown, foreign)
    return {INTENT_SERVICE: intent, **kinds}


def _routes(site: Site, metrics: Metrics) -> list[Route]:
    """Return what is served by HTTP."""
    health = health_routes(
        {"northbound": lambda: site.northbound.why_unready, "southbound": lambda: site.southbound.why_unready}
    )
    callers = Callers(site.tokens, require_tokens=site.config.require_tokens, traffic=site.traffic)
    return [*health, metrics.route(callers), *StateRoutes(site.states, callers).routes()]


def _metrics(site: Site) -> Metrics:
    """Return what is measured of a site; its parts are counted from now on."""
    committed, northbound = site.committed, site.northbound
    sources = Sources(
        revision=lambda: committed.world.revision,
        waiting=lambda: site.writer.waiting,
        resources=lambda: site.schema.count(committed.world.resources.values()),
        hosts_connected=site.links.count,
        host_lags=site.realisation.host_lags,
        rows_refused=lambda: len(northbound.refused),
        northbound_in_step=lambda: not northbound.why_unready,
        southbound_connected=lambda: site.southbound.connected,
    )
    metrics = Metrics(sources)
    site.journeys.on_step = metrics.note_step
    site.links.on_taken = metrics.host_answer_seconds.observe
    northbound.on_written = metrics.note_written
    northbound.on_repaired = metrics.repaired_rows.inc
    return metrics


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


def _announce(site: Site) -> None:
    """Say that it serves, and as who."""
    _warn_of_locked_doors(site.config, site.tokens)
    facts = {"revision": site.committed.world.revision, "epoch": site.lead.term.epoch}
    log.info("ready", extra={"listen": ",".join(site.config.listen), **facts})
    tell_ready()


def _warn_of_locked_doors(config: ControllerConfig, tokens: Tokens) -> None:
    """Say so if nobody can call: there is no token, and no way to make one."""
    if config.require_tokens and not tokens.listed() and not any(a.startswith(UNIX) for a in config.listen):
        fix = "add unix:/run/headgate/api.sock to listen, by which the first token is made"
        log.warning("no caller can be let in", extra={"reason": "there is no token", "fix": fix})


async def _ended(tasks: Iterable[asyncio.Task[Any]], seconds: float | None) -> bool:
    """Cancel tasks and wait for them, so long at most; return whether all have ended.

    One that had ended by itself ended by a fault, which is raised.

    Raises:
        StaleEpochError: Northbound is at a higher epoch.
    """
    for task in tasks:
        task.cancel()
    done, left = await asyncio.wait(tasks, timeout=seconds)
    for task in done:
        if not task.cancelled():
            task.result()
    return not left
