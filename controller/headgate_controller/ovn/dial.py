"""Keeping a connection to an OVSDB server, however often it goes away."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from headgate_common.ovsdb import Connection, OvsdbError

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 5.0


async def stay_connected(
    remote: str, establish: Callable[[Connection], Awaitable[None]], on_lost: Callable[[], None]
) -> NoReturn:
    """Connect, `establish` what is needed on the connection, wait until it is lost, and begin again; until cancelled.

    A connection on which `establish` fails with an OSError or OvsdbError counts as an attempt that failed.
    """
    while True:
        connection = await _established(remote, establish)
        log.info("database connected", extra={"remote": remote})
        try:
            reason = await connection.wait_lost()
        finally:
            on_lost()
            await connection.close()
        log.warning("database connection lost", extra={"remote": remote, "reason": reason})


async def _established(remote: str, establish: Callable[[Connection], Awaitable[None]]) -> Connection:
    async for attempt in AsyncRetrying(
        wait=wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)
        + wait_random(0, FIRST_WAIT_SECONDS),
        retry=retry_if_exception_type((OSError, OvsdbError)),
        before_sleep=_failed,
    ):
        with attempt:
            connection = await Connection.open(remote)
            try:
                await establish(connection)
            except BaseException:
                await connection.close()
                raise
            return connection
    raise AssertionError("retried for ever")


def _failed(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if state.attempt_number == 1:
        log.warning("database not reached", extra={"reason": str(error)})
