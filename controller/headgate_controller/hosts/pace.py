"""How often each of many may do something."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_KNOWN = 10_000


class Pace:
    """Lets each do something `burst` times at once, and after that once in so many seconds.

    Source: the generic cell rate algorithm (ITU-T I.371), which keeps one number for each: when it would be as if
    nothing had happened.
    """

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._quiet_from: dict[str, float] = {}

    def seconds_until(self, who: str) -> float:
        """Return in how many seconds it is somebody's turn; 0: now."""
        ahead = self._quiet_from.get(who, 0.0) - self._clock()
        return max(0.0, ahead - (self._burst - 1) * self._seconds)

    def take(self, who: str) -> None:
        """Note that somebody does it now."""
        now = self._clock()
        self._quiet_from[who] = max(now, self._quiet_from.get(who, now)) + self._seconds
        if len(self._quiet_from) > MOST_KNOWN:
            self._quiet_from = {known: quiet for known, quiet in self._quiet_from.items() if quiet > now}
