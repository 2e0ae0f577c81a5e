"""PlanSession on the wire: steps in, findings out, and the bounds of what clients may hold.

Steps are judged on a thread of their own, all that have arrived by then in one go, so that a large plan does not keep
the event loop from others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from headgate.v1 import intent_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.gate import Foreign
from headgate_controller.api.resources import unpacked
from headgate_controller.api.veil import Veil
from headgate_controller.errors import ExhaustedError, IdleError, InvalidError, Violation
from headgate_controller.plan_session import PlanSession
from headgate_controller.planned import Finding, Patience, Planned
from headgate_controller.principal import Principal
from headgate_controller.schema import Schema
from headgate_controller.state import Committed

MOST_SESSIONS = 64
MOST_RESOURCES = 200_000
"""Resources that all sessions together may tell of; each costs about two kilobytes."""

MOST_BYTES, MOST_OF_SESSION = 256 * 1024 * 1024, 128 * 1024 * 1024
"""Bytes of the steps of all sessions together, and of one: what each leaves behind grows with what it was told."""

MOST_WAITING = 2 * 1024 * 1024
"""Bytes of a session's steps that have arrived and are not judged yet; no more are read until they are."""

IDLE_SECONDS = 600.0
"""Silence after which a session ends: other providers may need long for their part of a plan."""

LONGEST_NAME = 1024
LARGEST_GO = 256
"""Steps that are judged in one go."""

PATIENCE = {intent_pb2.PATIENCE_MANAGED: Patience.MANAGED, intent_pb2.PATIENCE_ALL: Patience.ALL}

Step = intent_pb2.PlanSessionRequest
Answer = intent_pb2.PlanSessionResponse

Abroad = Callable[[Principal, Message], Foreign]
"""Returns what a request refers to of others, whom its caller does not see."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Client:
    """Who plans, what, and in how many bytes it was told; of the resources of others it gave the names of these, which
    are shared.
    """

    session: PlanSession
    principal: Principal
    given: set[str] = field(default_factory=set)
    bytes: int = 0


class PlanSessions:
    """Serves plan sessions."""

    def __init__(self, schema: Schema, committed: Committed, foreign: Abroad) -> None:
        self._schema = schema
        self._committed = committed
        self._foreign = foreign
        self._clients: set[_Client] = set()
        self._thread = ThreadPoolExecutor(1, "plans")

    def handler(self) -> Any:
        """Return the handler of the method."""
        return grpc.stream_stream_rpc_method_handler(self.session, Step.FromString, Answer.SerializeToString)

    async def session(self, steps: AsyncIterator[Step], _context: Any) -> AsyncIterator[Answer]:
        """Judge one plan until its stream ends.

        Raises:
            ExhaustedError: there are too many sessions, or they tell of too much. IdleError: the client is silent.
            InvalidError: a step makes no sense.
        """
        if len(self._clients) >= MOST_SESSIONS:
            text = f"{MOST_SESSIONS} plans are being made at the same time already; repeat yours when one has ended."
            raise ExhaustedError(text)
        client = _Client(PlanSession(self._committed.world, self._schema), caller.get())
        self._clients.add(client)
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(_batches(steps)) as batches:
                async for batch in batches:
                    for answer in await loop.run_in_executor(self._thread, self._answers, client, batch):
                        yield answer
        finally:
            self._clients.discard(client)

    def _answers(self, client: _Client, batch: Sequence[Step]) -> list[Answer]:
        """Return the answers to steps, in order."""
        answers, veil = [], Veil(client.principal, client.given)
        for step in batch:
            self._check(client, step)
            if hidden := self._hidden(client, step):
                answers.append(_answer(step.id, hidden))
            elif (findings := self._taken(client.session, step)) is not None:
                answers.append(_veiled(veil, _answer(step.id, findings)))
        return answers

    def _check(self, client: _Client, step: Step) -> None:
        """See that there is room for what a step tells.

        Raises:
            ExhaustedError: there is none.
        """
        clients = tuple(self._clients)
        told = sum(other.session.size for other in clients)
        if told >= MOST_RESOURCES:
            text = f"The plans that are being made tell of {told} resources, and no more fit; plan in smaller parts."
            raise ExhaustedError(text)
        client.bytes += step.ByteSize()
        if client.bytes > MOST_OF_SESSION or sum(other.bytes for other in clients) > MOST_BYTES:
            text = (
                f"The plan has told {client.bytes} bytes, and {MOST_OF_SESSION} are the most of one plan, {MOST_BYTES} "
                "of all that are being made; plan in smaller parts."
            )
            raise ExhaustedError(text)

    def _taken(self, session: PlanSession, step: Step) -> list[Finding] | None:
        """Return what is found about one step; None if it is of those that are not answered."""
        match step.WhichOneof("step"):
            case "manage":
                session.manage(_name("manage", step.manage.name))
                return None
            case "remove":
                session.remove(_name("remove", step.remove.name))
                return None
            case "keep":
                return _judged(step, lambda: session.keep(_name("keep", step.keep.name)))
            case "create":
                return self._planned(session.create, "create", step)
            case "update":
                return self._planned(session.update, "update", step)
        text = "Exactly one of manage, remove, keep, create and update is needed."
        raise InvalidError("", [Violation("step", "EXACTLY_ONE", text)])

    def _planned(self, judge: Any, which: str, step: Step) -> list[Finding]:
        told: intent_pb2.PlannedResource = getattr(step, which)
        codec, message = unpacked(self._schema, told.resource)
        try:
            self._schema.check_name(codec, message.name)
        except InvalidError as error:
            return [Finding(fault, open=False) for fault in error.violations]
        unknown = frozenset(Violation(path, "", "").top for path in told.unknown)
        planned = Planned(
            codec, message.name, message, unknown, tuple(told.update_mask.paths), replacement=told.replacement
        )
        return _judged(step, lambda: judge(planned, PATIENCE.get(step.patience, Patience.WAIT)))

    def _hidden(self, client: _Client, step: Step) -> list[Finding]:
        """Return the faults of references to what the client may not know of: these alone, lest others tell what there
        is.
        """
        which = step.WhichOneof("step")
        if client.principal.projects is None or which not in ("create", "update"):
            return []
        foreign = self._foreign(client.principal, step)
        client.given.update(foreign.shared)
        if foreign.faults:
            codec, message = unpacked(self._schema, getattr(step, which).resource)
            with suppress(InvalidError):
                self._schema.check_name(codec, message.name)
                client.session.refuse(message.name)
        return [Finding(fault, open=False) for fault in foreign.faults]


def _judged(step: Step, judge: Any) -> list[Finding]:
    """Return what is found; where a rule stumbles over what is only half known, nothing: a plan is never refused for
    a fault of ours.
    """
    try:
        found: list[Finding] = judge()
    except InvalidError:
        raise
    except Exception:
        log.exception("planned resource not judged", extra={"step": step.WhichOneof("step"), "id": step.id})
        return []
    return found


def _name(field: str, name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME:
        text = f"A name has between 1 and {LONGEST_NAME} characters, this one {len(name)}."
        raise InvalidError("", [Violation(field, "BAD_NAME", text)])
    return name


def _answer(id_: int, findings: Sequence[Finding]) -> Answer:
    answer = Answer(id=id_)
    for fault, is_open in findings:
        answer.violations.add(
            field=fault.field,
            reason=fault.reason,
            description=fault.description,
            resource=fault.holder or fault.needs,
            open=is_open,
        )
    return answer


def _veiled(veil: Veil, answer: Answer) -> Answer:
    """Return an answer without the names of others' resources."""
    for violation in answer.violations:
        violation.description = veil.over(violation.description)
        if veil.over(violation.resource) != violation.resource:
            violation.resource = ""
    return answer


class _Arrivals:
    """Steps that have arrived and are not judged yet, None after the last."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Step | None] = asyncio.Queue(LARGEST_GO)
        self._bytes = 0
        self._taken = asyncio.Event()

    async def feed(self, steps: AsyncIterator[Step]) -> None:
        """Take steps in as they arrive, and no more than there is room for."""
        try:
            async for step in steps:
                await self._queue.put(step)
                self._bytes += step.ByteSize()
                while self._bytes > MOST_WAITING:
                    await self._taken.wait()
        except Exception:
            await self._queue.put(None)
            raise
        await self._queue.put(None)

    async def next(self) -> list[Step | None]:
        """Return the steps that are there, at least one.

        Raises:
            IdleError: none has come for long.
        """
        try:
            batch = [await asyncio.wait_for(self._queue.get(), IDLE_SECONDS)]
        except TimeoutError as error:
            text = f"Nothing has been told for {IDLE_SECONDS:.0f} seconds; begin a new session."
            raise IdleError(text) from error
        while not self._queue.empty():
            batch.append(self._queue.get_nowait())
        self._bytes = 0
        self._taken.set()
        self._taken = asyncio.Event()
        return batch


async def _batches(steps: AsyncIterator[Step]) -> AsyncGenerator[list[Step], None]:
    """Yield the steps that have arrived, as they arrive.

    Raises:
        IdleError: none has for long.
    """
    arrivals = _Arrivals()
    feeding = asyncio.create_task(arrivals.feed(steps))
    try:
        while True:
            batch = await arrivals.next()
            yield [step for step in batch if step is not None]
            if batch[-1] is None:
                break
        await feeding
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
