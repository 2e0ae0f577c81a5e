"""Rows that may not be as they should, each with the time when to look at it; pure, but for the clock it is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from headgate_common.rows import RowKey

TOLERATED = 5
"""Times that one row is looked at at once: one that still is not right has a second writer, or cannot be written."""

FORGIVEN_SECONDS = 60.0
"""Quiet after which a row starts afresh."""

REFUSED_LONGEST_SECONDS = 60.0
"""Longest wait of a row that the server does not take."""

EDITED_LONGEST_SECONDS = 0.5
"""Longest wait of a row that others edit: repaired within a second, however often they do."""

FIRST_WAIT_SECONDS = 0.1


@dataclass(slots=True)
class _History:
    strikes: int
    last: float


@dataclass(slots=True)
class Suspects:
    """Keys to look at. A row that comes up again and again waits twice as long each time."""

    _due: dict[RowKey, float] = field(default_factory=dict)
    _histories: dict[RowKey, _History] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many rows came up lately."""
        return len(self._histories)

    def mark(self, keys: Iterable[RowKey], now: float, longest: float = EDITED_LONGEST_SECONDS) -> None:
        """Ask for rows to be looked at: at once, or, if that was asked for too often lately, in `longest` at most."""
        for key in keys:
            history = self._histories.setdefault(key, _History(0, now))
            if now - history.last > FORGIVEN_SECONDS:
                history.strikes = 0
            history.strikes += 1
            history.last = now
            due = now + min(longest, _wait(history.strikes - TOLERATED))
            self._due[key] = min(due, self._due.get(key, due))

    def take(self, now: float) -> set[RowKey]:
        """Return all rows if the time of one has come, else none, and forget that they were asked for.

        A child can be written only with its parent, so none is left behind to wait for its own time.
        """
        taken = set(self._due) if any(due <= now for due in self._due.values()) else set()
        for key in taken:
            del self._due[key]
        kept = now - FORGIVEN_SECONDS - REFUSED_LONGEST_SECONDS
        self._histories = {key: history for key, history in self._histories.items() if history.last >= kept}
        return taken

    def contested(self, now: float) -> dict[RowKey, int]:
        """Return the rows that came up too often lately, and how often each did."""
        lately = now - FORGIVEN_SECONDS
        return {k: h.strikes for k, h in self._histories.items() if h.strikes > TOLERATED and h.last > lately}

    def next_due(self) -> float | None:
        """Return when the next row is to be looked at; None if there is none."""
        return min(self._due.values(), default=None)

    def clear(self) -> None:
        """Forget everything: all rows were just compared."""
        self._due.clear()
        self._histories.clear()


def _wait(strikes: int) -> float:
    """Return the seconds to wait at the nth strike that counts."""
    return 0.0 if strikes <= 0 else min(REFUSED_LONGEST_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(strikes - 1, 10))
