"""The log's horizon: revisions that are old and many enough are forgotten, in small steps beside the commits.

Revisions have no gaps, so that the oldest that is left says where the log begins; the newest always stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from headgate_controller.store.complaints import why
from headgate_controller.store.database import Database
from headgate_controller.store.lease import StaleEpochError, hold_lease
from headgate_controller.store.tables import revision

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How often it is seen whether there is anything to forget."""

STEP = 500
"""Changes that are forgotten in one transaction: some milliseconds, for which a commit may have to wait."""

PAUSE_SECONDS = 0.05
"""Between two steps, so that commits come first."""


class Keep(NamedTuple):
    """What of the log stays: as many of the last revisions, and those of so long ago or less."""

    revisions: int
    age: timedelta


class History:
    """Forgets what is beyond the horizon, while `run` runs."""

    def __init__(self, database: Database, keep: Keep, clock: Callable[[], int] = time.time_ns) -> None:
        self._engine = database.engine
        self._epoch = database.epoch()
        self._keep = keep
        self._clock = clock

    async def run(self) -> None:
        """Look again and again until cancelled; a database that cannot be written now is tried again."""
        while True:
            try:
                await self._shorten()
            except (SQLAlchemyError, StaleEpochError) as error:
                log.warning("history not shortened", extra={"reason": why(error)})
            await asyncio.sleep(LOOK_SECONDS)

    async def _shorten(self) -> None:
        forgotten = 0
        while changes := await asyncio.to_thread(self.step):
            forgotten += changes
            await asyncio.sleep(PAUSE_SECONDS)
        if forgotten:
            log.info("history shortened", extra={"changes": forgotten})

    def step(self) -> int:
        """Forget about `STEP` changes, of whole revisions, the oldest first; return how many, 0 if none may go."""
        with self._engine.begin() as connection:
            last = self._last_beyond(connection)
            if last is None:
                return 0
            hold_lease(connection, self._epoch)
            return connection.execute(delete(revision).where(revision.c.revision <= last)).rowcount

    def _last_beyond(self, connection: Connection) -> int | None:
        """Return the last revision that the next step may forget; None if there is none."""
        columns = revision.c
        newest = connection.execute(select(func.max(columns.revision))).scalar() or 0
        oldest = (
            select(columns.revision, columns.time)
            .where(columns.revision <= newest - self._keep.revisions)
            .order_by(columns.revision, columns.position)
            .limit(STEP)
        )
        since = self._clock() - int(self._keep.age / timedelta(microseconds=1)) * 1_000
        last = None
        for number, moment in connection.execute(oldest):
            if moment >= since:
                break
            last = int(number)
        return last
