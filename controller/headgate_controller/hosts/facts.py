"""How what hosts report of their machines becomes intent: only if it differs, and each host's at a bounded rate."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace

from headgate_controller.errors import BusyError, HeadgateError, NotLeadingError, UnavailableError
from headgate_controller.hosts.pace import Pace
from headgate_controller.mutations import Register, Request
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer

log = logging.getLogger(__name__)

CHANGES, CHANGE_SECONDS = 10, 5.0
"""So many changes of a host's facts are stored at once, and after that one in so many seconds: the latest."""

AGAIN_SECONDS = 1.0
"""The wait before what could not be stored is tried again."""


class Facts:
    """Stores them. Nothing is asked of the store for a host that is as it was: that is what most have to say."""

    def __init__(self, committed: Committed, writer: Writer) -> None:
        self._committed = committed
        self._writer = writer
        self._pace = Pace(CHANGES, CHANGE_SECONDS)
        self._latest: dict[str, Register] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()

    async def register(self, register: Register) -> None:
        """Return when a host's facts are stored.

        Raises:
            HeadgateError: they are refused, or cannot be stored now.
        """
        if await self._its_turn(lambda: register) is not None:
            await self._submit(register)

    def report(self, register: Register) -> None:
        """Have a host's facts stored when it is their turn, unless it reports others until then."""
        self._latest[register.name] = register
        if register.name not in self._tasks:
            self._tasks[register.name] = asyncio.create_task(self._store(register.name))

    async def _store(self, name: str) -> None:
        """Store what a host reported last; what is refused is tried again after the host has reported again."""
        try:
            while name in self._latest:
                turn = await self._its_turn(lambda: self._latest[name])
                register = self._latest.pop(name)
                if turn is not None and not await self._stored(register):
                    self._latest.setdefault(name, register)
        except HeadgateError as error:
            log.warning("facts not stored", extra={"host": name, "reason": str(error)})
        finally:
            self._waiting.discard(name)
            self._latest.pop(name, None)
            del self._tasks[name]

    async def _stored(self, register: Register) -> bool:
        """Store a host's facts; return False, a while later, if they cannot be stored now: a gateway may wait for it.

        Raises:
            HeadgateError: they are refused, or this controller leads no longer.
        """
        try:
            await self._submit(register)
        except NotLeadingError:
            raise
        except (BusyError, UnavailableError) as error:
            if register.name not in self._waiting:
                log.warning("facts not stored", extra={"host": register.name, "reason": str(error)})
            self._waiting.add(register.name)
            await asyncio.sleep(AGAIN_SECONDS)
            return False
        return True

    async def _its_turn(self, latest: Callable[[], Register]) -> Register | None:
        """Return the latest facts of a host when it is their turn to be stored; None if they are known by then."""
        while not (register := latest()).changes_nothing(self._committed.world):
            if not (seconds := self._pace.seconds_until(register.name)):
                self._pace.take(register.name)
                return register
            await asyncio.sleep(seconds)
        return None

    async def _submit(self, register: Register) -> None:
        await self._writer.submit(Request([replace(register, uid=str(uuid.uuid4()))]))
