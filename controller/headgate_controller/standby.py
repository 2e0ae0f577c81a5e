"""A controller that does not lead: it waits until it can, and tells whoever asks who does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from headgate_common.readiness import tell_ready
from headgate_controller import settings
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import NotLeadingError
from headgate_controller.hosts.door import Door
from headgate_controller.leadership import RENEWALS, Lead, clock, in_thread
from headgate_controller.rpc_guard import Guard, anybody
from headgate_controller.serving import HOST_OPTIONS, Server, describe, server
from headgate_controller.store.candidate import Candidate, Leader
from headgate_controller.store.complaints import why
from headgate_controller.store.tokens import Tokens
from headgate_controller.trust import Trust
from headgate_controller.web.callers import Callers
from headgate_controller.web.health import health_routes
from headgate_controller.web.metrics import Metrics
from headgate_controller.web.server import HttpServer

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often it is seen whether somebody still leads, at least."""

ANSWER_SECONDS = 1.0
"""How long the database may take to tell before people are told that it does not."""

STOP_GRACE = 1.0
"""Seconds that calls have to end when the wait is over: each is answered at once."""

UNKNOWN = Leader("", (), LOOK_SECONDS)


class Standby:
    """One wait for the lead; nothing is served before somebody else is found to have it, or the database is away."""

    def __init__(self, config: ControllerConfig, candidate: Candidate, tokens: Tokens) -> None:
        self._config = config
        self._candidate = candidate
        self._tokens = tokens
        self._name = settings.name(config)
        self._leader, self._why = UNKNOWN, ""
        self._servers: list[Server] = []

    async def elected(self, stop: asyncio.Event, above: int) -> Lead | None:
        """Return the lead, of an epoch above that one, once nobody else has it; None if `stop` is set before.

        Raises:
            SettingError: a setting cannot be used. ListenError: an address cannot be listened on.
        """
        stopping = asyncio.create_task(stop.wait())
        asking: asyncio.Task[Lead | None] | None = None
        try:
            while not stop.is_set():
                asking = asking or asyncio.create_task(self._asked(above))
                await asyncio.wait({asking, stopping}, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not asking.done():
                    self._nobody_known("the database does not answer")
                elif (lead := asking.result()) is not None:
                    return lead
                else:
                    asking = None
                await self._serve()
                await asyncio.wait({stopping}, timeout=min(max(self._leader.seconds, 0.0), LOOK_SECONDS))
            return None
        finally:
            await _cancelled(stopping)
            if asking is not None:
                await _cancelled(asking)

    async def fall_back(self, error: SQLAlchemyError) -> None:
        """Wait a while after the database could not be read by the one who was to lead."""
        self._nobody_known("the database cannot be read", why(error))
        await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Serve no longer."""
        await asyncio.gather(*(serving.stop(STOP_GRACE) for serving in self._servers))
        self._servers.clear()

    async def _asked(self, above: int) -> Lead | None:
        """Ask the database for the lead; return None if that is not to be had now."""
        since = clock()
        try:
            found = await in_thread(lambda: self._candidate.stand(above))
            if isinstance(found, Leader):
                self._leads(found)
                await in_thread(self._tokens.reload)
                return None
            if clock() > since + self._candidate.seconds / RENEWALS:
                since = clock()
                if not await in_thread(lambda: self._candidate.renew(found)):
                    return None
            return Lead(self._candidate, found, since=since)
        except SQLAlchemyError as error:
            self._nobody_known("the database cannot be used", why(error))
            return None

    def _leads(self, leader: Leader) -> None:
        where = f", at {', '.join(leader.endpoints)}" if leader.endpoints else ""
        text = f"{leader.name} leads{where}. Send the request there; clients and agents take a list of all controllers."
        if (leader.name, leader.endpoints) != (self._leader.name, self._leader.endpoints):
            log.info("standing by", extra={"leader": leader.name, "endpoints": ",".join(leader.endpoints)})
        self._leader, self._why = leader, text

    def _nobody_known(self, fault: str, words: str = "") -> None:
        told = f" It says: {words}" if words else ""
        text = f"{fault}, and nobody leads without it. See to PostgreSQL, and send the request again then.{told}"
        if self._why != text:
            log.warning("no leader known", extra={"reason": f"{fault}: {words}" if words else fault})
        self._leader, self._why = UNKNOWN, text

    def _refusal(self) -> NotLeadingError:
        text = f"This controller, {self._name}, stands by: {self._why}"
        told = {"leader": self._leader.name, "endpoints": ",".join(self._leader.endpoints)}
        return NotLeadingError(text, controller=self._name, **told)

    async def _serve(self) -> None:
        """Answer from now on, where the leader does."""
        if self._servers:
            return
        config, metrics = self._config, Metrics(None)
        certificate = settings.api_certificate(config)
        door = Door(Trust(Path(config.pki_dir), Path(config.ca_dir)))
        proof = certificate.credentials() if certificate else None
        elsewhere = [Elsewhere(self._refusal)]
        # All paths are answered, and are told apart by nobody: what callers make up must not become a label.
        guard = Guard(anybody, lambda _path, *, streams: metrics.watch("any", streams=streams))
        api = server(elsewhere, config.listen, [guard], (), proof)
        await describe(api, (), serving=False)
        credentials = settings.host_credentials(config, door)
        hosts = server(elsewhere, config.host_listen, [guard], HOST_OPTIONS, credentials)
        callers = Callers(self._tokens, require_tokens=config.require_tokens)
        routes = [*health_routes({"leading": lambda: str(self._refusal())}), metrics.route(callers)]
        context = certificate.context() if certificate else None
        http = HttpServer(routes, config.http_listen, context, default=self._refuse)
        self._servers = [api, hosts, http]
        for serving in self._servers:
            await serving.start()
        tell_ready()

    async def _refuse(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Refuse a request by HTTP, as an ASGI application."""
        raise self._refusal()


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class Elsewhere(grpc.GenericRpcHandler):  # grpc gives no other way than to inherit
    """Every method of every service, but health and reflection: refused in words that say who leads."""

    def __init__(self, refusal: Callable[[], NotLeadingError]) -> None:
        self._refusal = refusal

    def service(self, details: Any) -> Any:
        """Return what answers a call."""
        if details.method.strip("/").partition("/")[0] in (health.SERVICE_NAME, reflection.SERVICE_NAME):
            return None
        return grpc.stream_stream_rpc_method_handler(self._refuse)

    async def _refuse(self, _requests: Any, _context: Any) -> None:
        raise self._refusal()
