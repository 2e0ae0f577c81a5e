"""The reconciler: runs an action for marked keys until it succeeds.

Work queues carry keys, never events: the action reads what is desired and what is, afresh, every time.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_random_exponential

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)


class PermanentError(Exception):
    """The action failed and trying again cannot help; only a new mark runs it again."""


class Clock(Protocol):
    """Where the reconciler's time comes from."""

    def now(self) -> float:
        """Return the time in seconds; it never goes back."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when `event` is set or, unless None, `seconds` have passed."""


class MonotonicClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Return seconds since some fixed point."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when `event` is set or `seconds` have passed."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass


def backoff(wait: wait_base, failures: int) -> float:
    """Return how many seconds `wait` asks for after `failures` failures in a row (1 is the first)."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = failures
    return float(wait(state))


class Reconciler(Generic[K]):
    """Run `act(key)` for every marked key, one at a time, until it returns.

    `act` is handed a key and never an event: it reads the desired state and the actual state
    afresh, so marks that arrive late, twice or out of order are harmless.  It must be idempotent.
    Keys that are due are run in the order in which they became due.  Not thread-safe: from another
    thread, mark through `loop.call_soon_threadsafe`.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[K], Awaitable[None]],
        *,
        wait: wait_base | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._name = name
        self._act = act
        self._wait = wait or wait_random_exponential(multiplier=0.2, max=30)
        self._clock = clock or MonotonicClock()
        self._due: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._marked = asyncio.Event()

    def mark(self, key: K) -> None:
        """Ask for `key` to be looked at now; cheap, never blocks, coalesces."""
        now = self._clock.now()
        self._due[key] = min(now, self._due.get(key, now))
        self._marked.set()

    def mark_after(self, key: K, seconds: float) -> None:
        """Ask for `key` to be looked at once `seconds` have passed, or earlier if it is marked."""
        due = self._clock.now() + seconds
        self._due[key] = min(due, self._due.get(key, due))
        self._marked.set()

    async def run(self) -> None:
        """Work until cancelled; a failing action never ends it."""
        while True:
            self._marked.clear()
            key = min(self._due, key=self._due.__getitem__, default=None)
            if key is None:
                await self._clock.wait(self._marked, None)
                continue
            seconds = self._due[key] - self._clock.now()
            if seconds > 0:
                await self._clock.wait(self._marked, seconds)
                continue
            del self._due[key]
            await self._attempt(key)

    async def _attempt(self, key: K) -> None:
        where = {"reconciler": self._name, "key": key}
        try:
            await self._act(key)
        except PermanentError as error:
            self._failures.pop(key, None)
            log.error("reconcile given up", extra={**where, "reason": str(error)})  # expected, no trace
        except Exception as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            seconds = backoff(self._wait, failures)
            self.mark_after(key, seconds)
            trace = failures == 1 and not isinstance(error, OSError)
            log.warning(
                "reconcile failed",
                extra={**where, "reason": str(error), "failures": failures, "retry_seconds": round(seconds, 2)},
                exc_info=trace,
            )
        else:
            self._failures.pop(key, None)
