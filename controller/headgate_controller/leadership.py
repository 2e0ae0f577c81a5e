"""The lead of one controller: a term that is prolonged while it works, and over by its own clock before another's can
begin.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from headgate_controller.errors import NotLeadingError
from headgate_controller.store.candidate import Candidate, SoleCandidate, Term
from headgate_controller.store.complaints import why
from headgate_controller.store.database import Database

log = logging.getLogger(__name__)

RENEWALS = 3
"""How many times a term is prolonged in the time that it lasts."""

TRUSTED = 0.8
"""How much of a lease is relied on: clocks differ in speed, and to stop takes time."""

AGAIN_SECONDS = 0.2
"""The wait before a database that does not answer is asked again."""

T = TypeVar("T")


def clock() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lead:
    """A term of this controller, kept alive until `lost`, whose result says why, or until it is ended.

    Used on the event loop, on purpose: a controller whose loop stands still should not lead.
    """

    def __init__(self, candidate: Candidate, term: Term, *, since: float) -> None:
        """Take up a term that was asked for at `since` of the clock."""
        self.term = term
        self._candidate = candidate
        self._seconds = candidate.seconds
        self._until = since + candidate.seconds * TRUSTED
        self.lost = asyncio.create_task(self._held(), name="lead")

    @property
    def patience(self) -> float | None:
        """How many seconds the database may take to finish what was begun; None: as long as it wants."""
        return self._seconds if math.isfinite(self._seconds) else None

    @classmethod
    def alone(cls, database: Database) -> Lead:
        """Return the lead of who has a database for itself."""
        candidate = SoleCandidate(database)
        return cls(candidate, candidate.stand(0), since=clock())

    def check(self) -> None:
        """See that this controller leads.

        Raises:
            NotLeadingError: it does not know any more that it does.
        """
        if clock() >= self._until:
            raise NotLeadingError("This controller has lost the lead; send the request to another, or again later.")

    async def prolonged(self) -> bool:
        """Prolong the term now; return False if it is over."""
        asked = clock()
        if not await in_thread(lambda: self._candidate.renew(self.term)):
            return False
        self._until = asked + self._seconds * TRUSTED
        return True

    async def resumed(self) -> Lead | None:
        """Return the lead to go on with once everything that was begun has ended; None if the term is over."""
        await self.dropped()
        asked = clock()
        try:
            term = await in_thread(lambda: self._candidate.resumed(self.term))
        except SQLAlchemyError as error:
            log.warning("lease not renewed", extra={"reason": _reason(error)})
            return None
        return Lead(self._candidate, term, since=asked) if term else None

    async def released(self) -> None:
        """End the term in order, once everything that was begun has ended."""
        await self.dropped()
        try:
            async with asyncio.timeout(self.patience):
                await in_thread(lambda: self._candidate.release(self.term))
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("lease not given back", extra={"reason": _reason(error)})

    async def dropped(self) -> None:
        """Prolong the term no more; it ends by itself."""
        self.lost.cancel()
        with suppress(asyncio.CancelledError):
            await self.lost

    async def _held(self) -> str:
        """Return why the term is lost; the log has it before what comes of that."""
        reason = await self._keep()
        log.warning("lead lost", extra={"reason": reason})
        return reason

    async def _keep(self) -> str:
        """Prolong the term until it is lost; return why it is."""
        if math.isinf(self._seconds):
            await asyncio.get_running_loop().create_future()
        wait = self._seconds / RENEWALS
        while True:
            await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(self._until - clock()):
                    if not await self.prolonged():
                        return "another controller has taken it"
                if wait == AGAIN_SECONDS:
                    log.info("lease renewed")
                wait = self._seconds / RENEWALS
            except TimeoutError:
                return "the database has not prolonged it in time"
            except SQLAlchemyError as error:
                if wait != AGAIN_SECONDS:
                    log.warning("lease not renewed", extra={"reason": _reason(error)})
                wait = AGAIN_SECONDS


def _reason(error: Exception) -> str:
    return why(error) or "it takes too long"


async def in_thread(act: Callable[[], T]) -> T:
    """Return what a call comes to, made on a thread that nobody waits for in the end: a database may never answer."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            result, error = act(), None
        except Exception as failed:
            result, error = None, failed
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="candidate", daemon=True).start()
    return await answer
