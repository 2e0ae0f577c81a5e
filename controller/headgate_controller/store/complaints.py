"""What a database complains of, in words that say the fix.

Source: SQLite, "Result and Error Codes"; PostgreSQL, class 53 of "Error Codes".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from headgate_controller.errors import HeadgateError, UnavailableError

GUIDE = "docs/guide/backup.md"
QUIET_SECONDS = 10.0
"""How long the same complaint is only counted after it was logged: every refused request is one, and the disk that is
full may be the log's.
"""


class NoRoomError(HeadgateError):
    """The database has no room for more."""

    code, reason = "RESOURCE_EXHAUSTED", "NO_ROOM"


class DamagedError(HeadgateError):
    """The database cannot be read any more, or holds what nobody wrote."""

    code, reason = "DATA_LOSS", "DATABASE_DAMAGED"


class _Known(NamedTuple):
    """Words of a database, what they make a refusal, and the fix."""

    words: tuple[str, ...]
    error: type[HeadgateError]
    fix: str


_LOCKED = ("database is locked", "table is locked")
_KNOWN = (
    _Known(
        ("disk is full", "No space left", "disk full", "could not extend file"),
        NoRoomError,
        "Make room on the disk that the database lies on; then repeat the request",
    ),
    _Known(
        _LOCKED,
        UnavailableError,
        "Another program holds the database's file: end it (`fuser` names it); then repeat the request",
    ),
    _Known(
        ("readonly database", "Read-only file system", "read-only"),
        UnavailableError,
        "Make its file, its directory and their file system writable for the controller; then repeat the request",
    ),
    _Known(
        ("malformed", "not a database"),
        DamagedError,
        f"It is damaged: stop the controller, and restore a backup into an empty database ({GUIDE})",
    ),
    _Known(
        ("disk I/O error",),
        UnavailableError,
        "The disk does not do what it should: see the machine's kernel log; then restart the controller",
    ),
)
_ELSE = _Known((), UnavailableError, "See to the database; then repeat the request")


def why(error: BaseException) -> str:
    """Return a database's own words, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def is_locked(error: BaseException) -> bool:
    """Return whether a database was waited for in vain, so that it is no use to ask it the like at once."""
    return any(word in why(error) for word in _LOCKED)


def refusal(error: BaseException, what: str) -> HeadgateError:
    """Return what to refuse a request with: `what` cannot be done, why, and the fix."""
    known = _known(error)
    return known.error(f"{what}: {why(error)}. Nothing was changed. {known.fix}.")


def fix(error: BaseException) -> str:
    """Return what to do, as a sentence; empty if nobody knows."""
    known = _known(error)
    return "" if known is _ELSE else f"{known.fix.partition('; then')[0]}."


class Seldom:
    """Tells which complaints are to be logged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._words, self._until = "", clock()
        self._unlogged = 0

    def due(self, words: str) -> dict[str, int] | None:
        """Return what a line about a complaint is to say besides; None if there is to be none now."""
        now = self._clock()
        if words == self._words and now < self._until:
            self._unlogged += 1
            return None
        unlogged, self._unlogged = self._unlogged, 0
        self._words, self._until = words, now + QUIET_SECONDS
        return {"unlogged": unlogged} if unlogged else {}


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Tell of what a database complains of within the block in words: `what` cannot be done."""
    try:
        yield
    except SQLAlchemyError as error:
        raise refusal(error, what) from error


def _known(error: BaseException) -> _Known:
    said = why(error)
    return next((known for known in _KNOWN if any(words in said for words in known.words)), _ELSE)
