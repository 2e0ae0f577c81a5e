"""Locks of Terraform's states: who holds which, in Terraform's own words."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from headgate_controller.errors import HeadgateError, InvalidError, Violation
from headgate_controller.store.tables import state_lock

log = logging.getLogger(__name__)


class LockedError(HeadgateError):
    """Somebody else holds the state; `holder` is what they said of themselves."""

    code, reason = "FAILED_PRECONDITION", "STATE_LOCKED"

    def __init__(self, path: str, holder: bytes) -> None:
        super().__init__(f"The state {path} is locked.")
        self.holder = holder


class LockLostError(HeadgateError):
    """The caller writes under a lock that it does not hold any more."""

    code, reason = "ABORTED", "STATE_LOCK_LOST"


def check_lock(connection: Connection, path: str, known: str) -> None:
    """Check that a caller who writes under the lock of that id ("": under none) may.

    Raises:
        LockedError: somebody else holds the state. LockLostError: nobody does, and the caller believes it does.
    """
    held = _lock_of(connection, path)
    if held is not None and held.id != known:
        raise LockedError(path, held.holder)
    if held is None and known:
        raise LockLostError(
            f"The state {path} is not locked by {known} any more: somebody has forced it open. Nothing was stored; see "
            "what others have done meanwhile, then run terraform again."
        )


def _lock_of(connection: Connection, path: str) -> Any:
    return connection.execute(select(state_lock).where(state_lock.c.path == path)).first()


def lock(connection: Connection, path: str, holder: bytes) -> None:
    """Give a state to somebody; again to the same one is harmless.

    Raises:
        LockedError: somebody else holds it. InvalidError: the holder says nothing usable.
    """
    wanted, held = _id_in(holder), _lock_of(connection, path)
    if held is None:
        connection.execute(insert(state_lock).values(path=path, id=wanted, holder=holder))
    elif held.id != wanted:
        raise LockedError(path, held.holder)


def unlock(connection: Connection, path: str, wanted: bytes) -> None:
    """Take a state from its holder, whose id the caller must know; nobody's state stays nobody's.

    Who says nothing forces the lock open: `terraform force-unlock` keeps the id that it was given to itself (as of
    1.11), and sends no body.

    Raises:
        LockedError: somebody of another id holds it. InvalidError: there is no id.
    """
    known, held = _id_in(wanted) if wanted else "", _lock_of(connection, path)
    if known and held is not None and held.id != known:
        raise LockedError(path, held.holder)
    connection.execute(delete(state_lock).where(state_lock.c.path == path))
    if held is not None and not wanted:
        log.warning("state unlocked by force", extra={"state": path, "holder": held.id})


def _id_in(holder: bytes) -> str:
    """Return the id in what Terraform says of a holder.

    Raises:
        InvalidError: there is none.
    """
    match parsed(holder):
        case {"ID": str(found)} if found:
            return found
    raise refused("BAD_LOCK", 'The lock must be a JSON object with an "ID", as Terraform sends it.')


def parsed(text: bytes) -> Any:
    """Return what a text of JSON means; None if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def refused(reason: str, text: str) -> InvalidError:
    """Return the error for a request that cannot be meant."""
    return InvalidError("", [Violation("", reason, text)])
