"""How far a stream of changes has been told, so that the next one goes on there: nothing is lost, nothing comes twice.

A stream may break off between two changes of one revision. It can be resumed after a whole revision only, and what was
told of a revision that was not whole comes again.
"""

from __future__ import annotations


class Position:
    """A place in the log of changes; `after` is the revision to go on after, 0 to begin with everything there is."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._revision = 0
        self._told: set[str] = set()

    def take(self, revision: int, name: str) -> bool:
        """Go on past a change, or, without a name, past the mark that tells that all up to a revision has been told;
        return whether it is new.
        """
        if not name:
            self.after, self._revision = revision, 0
            return True
        # What there is at first comes in the order of names: only the mark after it can be resumed from.
        if self.after == 0:
            return True
        if revision != self._revision:
            self.after, self._revision, self._told = revision - 1, revision, set()
        new = name not in self._told
        self._told.add(name)
        return new
