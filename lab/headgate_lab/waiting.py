"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable

from headgate_lab.errors import DeadlineError

POLL_SECONDS = 0.01
"""Pause between two looks: short against anything a daemon does, long enough to leave the processor to it."""


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, every: float = POLL_SECONDS) -> None:
    """Return as soon as `condition()` is true, asking again and again.

    Raises:
        DeadlineError: it was still false after `seconds`; `what` says what was awaited.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DeadlineError(f"not within {seconds:g} s: {what}")
        time.sleep(every)
