"""The commit queue: one thread validates requests in order, commits them in groups, and publishes the World after each
commit.

Each caller is answered only after the commit of its group, and after the World that holds its change is published:
whatever it is told, a refusal or "nothing differs" as well, is true of what is on disk. A request that is refused, or
that could not be written, leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from headgate_controller.errors import BusyError, HeadgateError, InconsistentError, NotLeadingError
from headgate_controller.intent import Stamp
from headgate_controller.journeys import Arrival
from headgate_controller.mutations import Request, apply_request
from headgate_controller.schema import Schema
from headgate_controller.serialized import Serialized
from headgate_controller.store.complaints import Seldom, is_locked, refusal, why
from headgate_controller.store.database import Database
from headgate_controller.store.records import Outcome, Records, Step, check_same
from headgate_controller.world import Draft, World

__all__ = ["Outcome", "Publish", "Writer"]

log = logging.getLogger(__name__)

LARGEST_GROUP = 256

MOST_WAITING = 20_000
"""Mutations that may wait for their commit: some seconds of work. Who sends more is refused, and loses nothing."""

AGAIN = "Send it again with the same request_id, or look before."

Publish = Callable[[World, frozenset[str]], None]
"""Told, on the event loop, of each new World and the names that differ."""

Answer = Outcome | Exception
"""What a caller is told."""

Timed = Callable[[Sequence[Arrival], float, float], None]
"""Told, on the event loop, of each group that was committed: when, in seconds since the epoch, that began and ended."""


class InDoubtError(Exception):
    """The connection broke off while the database was committing: whether it has, only the database knows."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A request, and who waits for its outcome."""

    request: Request
    answer: asyncio.Future[Outcome]
    received: float
    trace: str


class Writer:
    """The only one that changes intent. `serialized` has the bytes of each resource as they are on disk.

    `in_doubt` is set when it has stopped, since what the database holds is not known any more: then it is to be read
    again.
    """

    def __init__(self, database: Database, schema: Schema, world: World, publish: Publish) -> None:
        self._engine: Engine = database.engine
        self._remote = database.shared
        self.in_doubt = asyncio.Event()
        self._doubt: NotLeadingError | None = None
        self.serialized = Serialized(schema)
        self._seldom = Seldom()
        self._records = Records(schema, database.epoch(), self.serialized)
        self._schema = schema
        self._world = world
        self._publish = publish
        self._queue: queue.SimpleQueue[Queued | None] = queue.SimpleQueue()
        self._closed = False
        self._mutations = 0
        self._unanswered: set[asyncio.Future[Outcome]] = set()
        self.trace: Callable[[], str] = str
        self.on_commit: Timed = lambda _arrivals, _began, _ended: None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def submit(self, request: Request) -> Outcome:
        """Return what became of a request, once it is on disk and published.

        Raises:
            HeadgateError: it is refused, or cannot be stored now.
        """
        if self._closed:
            raise NotLeadingError("The controller is stopping; send the request again, there or to another.")
        if self._mutations + len(request.mutations) > MOST_WAITING:
            raise BusyError(
                f"{self._mutations} changes wait to be stored, and {MOST_WAITING} are the most. Nothing was changed; "
                "repeat the request in a second."
            )
        self._mutations += len(request.mutations)
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        self._unanswered.add(answer)
        answer.add_done_callback(lambda _: self._answered(request, answer))
        self._queue.put(Queued(request, answer, time.time(), self.trace()))
        return await asyncio.shield(answer)

    def _answered(self, request: Request, answer: asyncio.Future[Outcome]) -> None:
        self._mutations -= len(request.mutations)
        self._unanswered.discard(answer)

    def abandon(self) -> None:
        """Take nothing further, and tell whoever waits that the lead is lost."""
        self._closed = True
        text = f"The lead was lost before the change was stored for certain. {AGAIN}"
        for answer in list(self._unanswered):
            if not answer.done():
                answer.set_exception(NotLeadingError(text))

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._queue.qsize()

    def close(self, seconds: float | None = None) -> bool:
        """Finish what is queued and stop; return False if that takes longer than so many seconds."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < LARGEST_GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                group.append(following)
            self._commit(group)

    def _commit(self, group: Sequence[Queued]) -> None:
        """Apply a group and commit it; if that fails, its requests one by one, so that one bad one hurts no other.

        A database that is locked was waited for once, and is not waited for again for each.
        """
        if self._doubt is not None:
            self._tell_all(group, self._doubt)
            return
        began = time.time()
        try:
            with self._engine.connect() as connection:
                steps, answers = self._apply(connection, [queued.request for queued in group])
                self._records.write(connection, steps)
                self._finish(connection)
        except InDoubtError as error:
            self._stop_in_doubt(group, error)
            return
        except Exception as error:
            if len(group) > 1 and not is_locked(error):
                for queued in group:
                    self._commit([queued])
            else:
                self._tell_all(group, self._explained(error))
            return
        self._records.committed()
        changing = [step for step in steps if step.changed]
        calls: list[tuple[Any, ...]] = []
        if changing:
            self._world = Draft(changing[-1].after).commit(changing[-1].stamp.revision)
            touched = frozenset(name for step in changing for name in step.changed)
            calls.append((self._publish, self._world, touched))
        pairs = list(zip(group, answers, strict=True))
        arrivals = _arrivals(pairs, frozenset(step.stamp.revision for step in changing))
        calls += [(self.on_commit, arrivals, began, time.time()), (_tell, pairs)]
        self._loop.call_soon_threadsafe(self._call, calls)

    def _explained(self, error: Exception) -> Exception:
        """Return what the caller is told of an error that kept its request from being stored."""
        match error:
            case HeadgateError():
                return error
            case IntegrityError():
                log.error("database contradicts memory", extra={"reason": why(error)})
                return InconsistentError(
                    f"The database refuses the change: {why(error)}. Nothing was changed. Memory and database of the "
                    "controller differ, which is a fault of its own; restart it, and report this."
                )
            case SQLAlchemyError():
                if (more := self._seldom.due(why(error))) is not None:
                    log.warning("change not stored", extra={"reason": why(error), **more})
                return refusal(error, "The change cannot be stored")
        return error

    def _call(self, calls: Sequence[tuple[Any, ...]]) -> None:
        """Have each called, in order, whatever becomes of those before; the loop is woken once for all of them."""
        for call, *arguments in calls:
            self._loop.call_soon(call, *arguments)

    def _finish(self, connection: Connection) -> None:
        """Commit.

        Raises:
            InDoubtError: the database was reached by a connection that broke off meanwhile.
        """
        try:
            connection.commit()
        except SQLAlchemyError as error:
            if self._remote:
                raise InDoubtError(why(error)) from error
            raise

    def _stop_in_doubt(self, group: Sequence[Queued], error: InDoubtError) -> None:
        """Take nothing further: what was committed cannot be told from memory."""
        log.warning("commit in doubt", extra={"reason": str(error), "requests": len(group)})
        text = f"It is not known whether the change was stored, since the database broke off meanwhile: {error}."
        self._tell_all(group, NotLeadingError(f"{text} {AGAIN}"))
        self._doubt = NotLeadingError("The controller reads its database anew; send the request again.")
        self._loop.call_soon_threadsafe(self.in_doubt.set)

    def _tell_all(self, group: Sequence[Queued], error: Exception) -> None:
        self._loop.call_soon_threadsafe(_tell, [(queued, error) for queued in group])

    def _apply(self, connection: Connection, requests: Sequence[Request]) -> tuple[list[Step], list[Answer]]:
        """Return the steps to be written, and what each caller is to be told once they are."""
        steps: list[Step] = []
        answers: list[Answer] = []
        world, revision = self._world, self._world.revision
        for request in requests:
            try:
                known = self._known(connection, request, steps)
                step = None if known else self._step(request, world, revision + 1)
            except SQLAlchemyError:
                raise
            except Exception as error:
                answers.append(error)
                continue
            if step is not None and not request.validate_only:
                steps.append(step)
                world = step.after
                revision += bool(step.changed)
            answers.append(known or step.outcome)  # type: ignore[union-attr]  # one of them is there
        return steps, answers

    def _known(self, connection: Connection, request: Request, steps: Sequence[Step]) -> Outcome | None:
        """Return what was answered to the same request before, on disk or in this very group."""
        for step in steps if request.request_id else ():
            if step.request.request_id == request.request_id:
                check_same(request, step.request.fingerprint)
                return step.outcome
        return self._records.remembered(connection, request)

    def _step(self, request: Request, world: World, revision: int) -> Step:
        stamp = Stamp(revision, time.time_ns())
        draft = apply_request(Draft(world), request, self._schema, stamp)
        changed = tuple(
            name for name in sorted(draft.touched) if world.resources.get(name) != draft.world.resources.get(name)
        )
        nouns = tuple(draft.world.resources.get(mutation.name) for mutation in request.mutations)
        outcome = Outcome(nouns, revision if changed and not request.validate_only else 0)
        return Step(request, stamp, world, draft.world, changed, outcome)


def _arrivals(pairs: Sequence[tuple[Queued, Answer]], made: frozenset[int]) -> list[Arrival]:
    """Return the requests of a group, each with its revision if it is one of those just `made`, and not a replay."""
    revisions = (0 if isinstance(answer, Exception) else answer.revision for _, answer in pairs)
    return [
        Arrival(revision if revision in made else 0, queued.received, queued.request.mutations[0].name, queued.trace)
        for (queued, _), revision in zip(pairs, revisions, strict=True)
    ]


def _tell(answers: Sequence[tuple[Queued, Answer]]) -> None:
    for queued, answer in answers:
        if queued.answer.done():
            continue
        if isinstance(answer, Exception):
            queued.answer.set_exception(answer)
        else:
            queued.answer.set_result(answer)
