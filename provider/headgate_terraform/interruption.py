"""The user's wish to stop: ends waiting at once, and gives requests under way a moment to be answered."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

GRACE_SECONDS = 3.0
"""How long a request under way may still take: an answered create leaves no orphan behind."""


class InterruptedByUserError(Exception):
    """Terraform was told to stop while something was still going on."""


class Interruption:
    """Whether to stop; once set it stays."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Stop."""
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the interruption.

        Raises:
            InterruptedByUserError: it came, or had come.
        """
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        raise InterruptedByUserError

    async def guard(self, work: Awaitable[T], *, grace: float = GRACE_SECONDS) -> T:
        """Return what `work` comes to, cancelling it `grace` seconds after the interruption.

        Raises:
            InterruptedByUserError: it was cancelled.
        """
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=grace)
            if not task.done():
                raise InterruptedByUserError
            return task.result()
        finally:
            stopped.cancel()
            task.cancel()
