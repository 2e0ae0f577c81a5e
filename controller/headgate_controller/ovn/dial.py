"""Keeping a connection to an OVSDB server, however often it goes away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from headgate_common.identity import IdentityFiles
from headgate_common.ovsdb import MALFORMED, Connection, ConnectionLostError, OvsdbError, Tls
from headgate_common.pki import SERVER_NAME, PkiError
from headgate_common.reconciler import backoff

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 0.5
"""Short, because whoever is first at a Northbound that was started on nothing decides what becomes of the network:
ovn-northd, which tries every 8 s at most, would take down all that is not there again.
"""

STEADY_SECONDS = 10.0
"""How long a connection must have lasted for the next to be tried at once."""


WAIT = wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS) + wait_random(0, FIRST_WAIT_SECONDS)
"""The wait before another attempt."""


class Address(NamedTuple):
    """Where a database listens; `pki_dir` holds the certificate by which it is reached if that is "ssl:"."""

    remote: str
    pki_dir: Path = Path()

    async def dial(self) -> Connection:
        """Return a connection.

        Raises:
            OSError: nobody answers there, or whoever does is refused. PkiError: the certificate cannot be used.
        """
        if not self.remote.startswith("ssl:"):
            return await Connection.open(self.remote)
        # Read for every connection: certificates are renewed.
        return await Connection.open(self.remote, tls=Tls(IdentityFiles(self.pki_dir).client(), SERVER_NAME))


async def stay_connected(
    address: Address, establish: Callable[[Connection], Awaitable[None]], on_lost: Callable[[], None]
) -> NoReturn:
    """Connect, `establish` what is needed on the connection, wait until it is lost, and begin again; until cancelled.

    A connection on which `establish` fails with an OSError or OvsdbError counts as an attempt that failed.
    """
    remote, brief = address.remote, 0
    while True:
        connection = await _established(address, establish)
        log.info("database connected", extra={"remote": remote})
        began = time.monotonic()
        try:
            reason = await connection.wait_lost()
        finally:
            on_lost()
            await connection.close()
        log.warning("database connection lost", extra={"remote": remote, "reason": reason})
        brief = brief + 1 if time.monotonic() - began < STEADY_SECONDS else 0
        if brief:
            await asyncio.sleep(backoff(WAIT, brief))


async def _established(address: Address, establish: Callable[[Connection], Awaitable[None]]) -> Connection:
    def failed(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1:
            log.warning("database not reached", extra={"remote": address.remote, "reason": str(error)})

    async for attempt in AsyncRetrying(
        wait=WAIT,
        retry=retry_if_exception_type((OSError, OvsdbError, PkiError)),
        before_sleep=failed,
    ):
        with attempt:
            connection = await address.dial()
            try:
                await establish(connection)
            except MALFORMED as error:
                await connection.close()
                raise ConnectionLostError(f"what the server sent is not understood: {error!r}") from error
            except BaseException:
                await connection.close()
                raise
            return connection
    raise AssertionError("retried for ever")
