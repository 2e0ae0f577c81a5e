"""Enrolments: which hosts may ask for their first certificate, until when, and for which key that was used.

Of a token only the SHA-256 is kept; it is random, so that nobody finds it by trying. It is good for one key: a host
whose answer was lost may ask again, and nobody else.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import delete, insert, or_, select, update

from headgate_controller.errors import HeadgateError
from headgate_controller.store.complaints import in_words
from headgate_controller.store.database import Database
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.tables import enrolment as table

SECRET_BYTES = 16


class EnrolmentError(HeadgateError):
    """The secret lets nobody enrol."""

    code, reason = "UNAUTHENTICATED", "ENROLMENT_REFUSED"


class Enrolments:
    """Every enrolment of the site. Each method is one transaction, and blocks."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._engine = database.engine
        self._epoch = database.epoch()
        self._clock = clock

    def create(self, host: str, expire_time: int) -> str:
        """Return the secret by which a host can enrol until then, and by no earlier one; what has expired is forgotten.

        Raises:
            HeadgateError: it cannot be stored now.
        """
        secret = secrets.token_hex(SECRET_BYTES)
        with in_words("The enrolment cannot be stored"), self._engine.begin() as connection:
            hold_lease(connection, self._epoch)
            over = or_(table.c.expire_time <= self._clock(), table.c.host == host)
            connection.execute(delete(table).where(over))
            connection.execute(insert(table).values(digest=_digest(secret), host=host, expire_time=expire_time))
        return secret

    def use(self, secret: str, host: str, key: bytes) -> bool:
        """Let a host enrol by a secret, and for this key only from now on; return whether it has done so before.

        Raises:
            EnrolmentError: it lets another host, another key or nobody. HeadgateError: the store cannot tell now.
        """
        mine = (table.c.digest == _digest(secret)) & (table.c.host == host) & (table.c.expire_time > self._clock())
        hashed = sha256(key).digest()
        with in_words("The enrolment cannot be looked up"), self._engine.begin() as connection:
            hold_lease(connection, self._epoch)
            if connection.execute(update(table).where(mine & table.c.key.is_(None)).values(key=hashed)).rowcount:
                return False
            if connection.execute(select(table.c.host).where(mine & (table.c.key == hashed))).first():
                return True
        raise EnrolmentError(
            "The enrolment's token is not known here, is another host's, has expired, or was used before. Have "
            "another one made: headgate pki invite HOST"
        )


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
