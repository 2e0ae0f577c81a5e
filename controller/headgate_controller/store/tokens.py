"""Tokens: made, listed, revoked, and recognised.

Of a token's secret only the SHA-256 is kept, without salt or stretching: it is 256 random bits, so that nobody finds it
by trying, however fast the hash is. All tokens are held in memory too, so that to recognise one costs no query.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from headgate_controller.errors import AlreadyExistsError, HeadgateError, NotFoundError
from headgate_controller.principal import Principal
from headgate_controller.store.complaints import refusal
from headgate_controller.store.database import Database
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.tables import token as table

log = logging.getLogger(__name__)

SECRET_BYTES = 32
MARK = "hg"
"""What every secret begins with, so that people and scanners know one when they see it."""

EVERYTHING = "*"
USE_SECONDS = 60.0
"""How often the times of the last use are written down."""


class TokenUnknownError(HeadgateError):
    """No such token is known, or no longer."""

    code, reason = "UNAUTHENTICATED", "TOKEN_UNKNOWN"


class TokenExpiredError(HeadgateError):
    """The token was good once."""

    code, reason = "UNAUTHENTICATED", "TOKEN_EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; `projects` None stands for all of them; times in nanoseconds since the epoch."""

    name: str
    prefix: str = ""
    digest: bytes = b""
    description: str
    projects: frozenset[str] | None
    writes: bool
    create_time: int = 0
    expire_time: int | None = None
    last_use_time: int | None = None

    @property
    def principal(self) -> Principal:
        """The caller that proves itself with it."""
        return Principal(self.name, self.projects, self.writes)


class Tokens:
    """Every token of the site. Used on the event loop; only the database is worked with elsewhere."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._engine = database.engine
        self._epoch = database.epoch()
        self._clock = clock
        self._by_prefix: dict[str, Token] = {}
        self._used: dict[str, int] = {}
        self.reload()

    def reload(self) -> None:
        """Take in what another controller has changed; that blocks, and is for one that does not lead."""
        with self._engine.connect() as connection:
            self._by_prefix = {row.prefix: _token(row) for row in connection.execute(select(table))}

    def authenticate(self, secret: str) -> Principal:
        """Return the caller whom a secret proves.

        Raises:
            TokenUnknownError: no token has it. TokenExpiredError: the token's time is over.
        """
        prefix = secret.rpartition("_")[0]
        found = self._by_prefix.get(prefix)
        if found is None or not hmac.compare_digest(found.digest, _digest(secret)):
            raise TokenUnknownError(
                "The token is not known here: it is mistyped, of another site, or has been revoked. "
                "Ask who runs the site for another one; `headgate token list` shows those there are."
            )
        now = self._clock()
        if found.expire_time is not None and found.expire_time <= now:
            raise TokenExpiredError(
                f"The token {prefix} ({found.name}) has expired. Have another one made: headgate token create NAME",
                token=found.name,
            )
        self._used[found.prefix] = now
        return found.principal

    def listed(self) -> list[Token]:
        """Return all tokens, in the order of their names."""
        used = ((token, self._used.get(token.prefix)) for token in self._by_prefix.values())
        current = (replace(token, last_use_time=at) if at else token for token, at in used)
        return sorted(current, key=lambda token: token.name)

    async def create(self, wanted: Token) -> tuple[Token, str]:
        """Return a new token, stored, and its secret, which is nowhere else.

        Raises:
            AlreadyExistsError: the name is taken. HeadgateError: it cannot be stored now.
        """
        prefix = f"{MARK}_{secrets.token_hex(4)}"
        secret = f"{prefix}_{secrets.token_hex(SECRET_BYTES)}"
        made = replace(wanted, prefix=prefix, digest=_digest(secret), create_time=self._clock())
        # Memory follows the database, whether anybody waits for that or not.
        await asyncio.shield(self._store(made))
        return made, secret

    async def _store(self, made: Token) -> None:
        try:
            await asyncio.to_thread(self._execute, insert(table), _row(made))
        except IntegrityError as error:
            raise AlreadyExistsError(made.name) from error
        self._by_prefix[made.prefix] = made
        log.info("token created", extra={"token": made.name, "prefix": made.prefix})

    async def revoke(self, name: str) -> None:
        """Forget a token, so that it is refused from now on.

        Raises:
            NotFoundError: there is none of that name. HeadgateError: it cannot be removed from the store now.
        """
        found = next((token for token in self._by_prefix.values() if token.name == name), None)
        if found is None:
            raise NotFoundError(name)
        await asyncio.shield(self._remove(name, found))

    async def _remove(self, name: str, found: Token) -> None:
        await asyncio.to_thread(self._execute, delete(table).where(table.c.name == bindparam("key")), {"key": name})
        self._by_prefix.pop(found.prefix, None)
        log.info("token revoked", extra={"token": name, "prefix": found.prefix})

    async def run(self) -> None:
        """Write down now and then when tokens were last used."""
        while True:
            try:
                await asyncio.sleep(USE_SECONDS)
            finally:
                await self._write_uses()

    async def _write_uses(self) -> None:
        used, self._used = self._used, {}
        for prefix, at in used.items():
            if prefix in self._by_prefix:
                self._by_prefix[prefix] = replace(self._by_prefix[prefix], last_use_time=at)
        if used:
            marked = update(table).where(table.c.prefix == bindparam("key")).values(last_use_time=bindparam("at"))
            rows = [{"key": prefix, "at": at} for prefix, at in used.items()]
            try:
                await asyncio.to_thread(self._execute, marked, rows)
            except HeadgateError as error:
                log.warning("last uses of tokens not stored", extra={"reason": str(error)})

    def _execute(self, statement: Any, rows: Any) -> None:
        try:
            with self._engine.begin() as connection:
                hold_lease(connection, self._epoch)
                connection.execute(statement, rows)
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise refusal(error, "The token cannot be stored") from error


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _row(token: Token) -> dict[str, Any]:
    """Return what the table holds of a token."""
    projects = [EVERYTHING] if token.projects is None else sorted(token.projects)
    return {column.name: getattr(token, column.name) for column in table.columns} | {"projects": ",".join(projects)}


def _token(row: Any) -> Token:
    values = dict(row._mapping)
    projects = values.pop("projects").split(",")
    return Token(**values, projects=None if projects == [EVERYTHING] else frozenset(projects))
