"""How long a change that collides with another resource waits for it: as long as this apply may still move it away.

Terraform runs everything that waits for nothing, so if no change is under way but those that were refused, and none has
been for a while, then nothing will come that lets go of what is needed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_SECONDS = 3.0
"""After so long without a change that moves, one that is refused gives up."""


class Patience:
    """Counts the changes under way in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moving = 0
        self._last = clock()

    @contextmanager
    def change(self) -> Iterator["Attempt"]:
        """Count one change while the body runs."""
        attempt = Attempt(self)
        self.count(+1)
        try:
            yield attempt
        finally:
            attempt.stand_still()

    def count(self, changes: int) -> None:
        """Note that more or fewer changes move than a moment ago."""
        self._moving += changes
        self._last = self._clock()

    @property
    def at_an_end(self) -> bool:
        """Whether nothing moves, and nothing has for a while."""
        return self._moving == 0 and self._clock() - self._last > QUIET_SECONDS


class Attempt:
    """One change; it moves until it is refused or ends."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._moves = True

    def stand_still(self) -> None:
        """Note that it moves no more; again is harmless."""
        if self._moves:
            self._moves = False
            self._patience.count(-1)

    @property
    def hopeless(self) -> bool:
        """Whether, having been refused, it can only be refused again."""
        self.stand_still()
        return self._patience.at_an_end
