"""A client of one OVSDB server: transactions, and updates in order with their replies.

One connection, without any policy of reconnecting. Everything is called on the event loop that opened it.

Source: RFC 7047, section 4; ovsdb-server(7), sections 4.1.12 (monitor_cond), 4.1.15 (monitor_cond_since) and 4.1.17
(update3).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson

from headgate_common.ovsdb_framing import JsonStream
from headgate_common.ovsdb_schema import Schema, parse_schema

log = logging.getLogger(__name__)

Op = dict[str, Any]
"""One operation of a transaction, as it goes over the wire."""

RowUpdate = Mapping[str, Any]
"""One of {"initial": row}, {"insert": row}, {"modify": differences}, {"delete": None}.

A row leaves out what is at its default.
"""

TableUpdates = Mapping[str, Mapping[str, RowUpdate]]
"""Changes by table and UUID."""

NOTHING_SEEN = "00000000-0000-0000-0000-000000000000"
"""The transaction id to start a monitor from when none is known: all rows come as its initial contents."""

PROBE_SECONDS = 5.0
"""Silence after which the server is asked whether it is there."""

DEAD_SECONDS = 15.0
"""Silence after which the connection is given up; a compacting server may well be silent for some seconds."""

MOST_UNREAD = 16 * 1024 * 1024
"""Bytes that a server may leave unread and still be answered."""

LONGEST_REASON = 300
"""Characters of what is said of a message that is not understood."""

CONNECT_SECONDS = 10.0
"""How long a server may take to accept."""


class OvsdbError(Exception):
    """The server refused a request.

    `index` is the operation of a transaction that it refused, one past the last if the commit failed, None if the
    request was no transaction.
    """

    def __init__(self, error: str, details: str = "", index: int | None = None) -> None:
        where = "" if index is None else f" (operation {index})"
        super().__init__(f"{error}: {details}{where}" if details else f"{error}{where}")
        self.error = error
        self.details = details
        self.index = index


class ConnectionLostError(OSError):
    """The connection ended; whether a transaction under way was committed is unknown."""


MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""What reading goes wrong with if a server sends something else than it should."""


class Snapshot(NamedTuple):
    """How a monitor begins: `rows` are all rows, or if `resumed` what changed since the transaction that was named."""

    resumed: bool
    last_transaction: str
    rows: TableUpdates


class Tls(NamedTuple):
    """How to prove oneself to a server, and the name that its certificate must have."""

    context: ssl.SSLContext
    server_name: str


class _Waiter(NamedTuple):
    future: asyncio.Future[Any]
    on_reply: Callable[[Any], None] | None
    since: float


class Connection(asyncio.Protocol):
    """One connection to an OVSDB server.

    Callbacks run while what arrived is being read, strictly in the order of its messages; they must be quick. An
    exception in one for updates ends the connection, one in one for a reply goes to whoever waits for that. What they,
    or the connection itself, cannot read since the server sends nonsense ends the connection, in words.
    """

    def __init__(self, probe_seconds: float, dead_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream = JsonStream()
        self._ids = itertools.count()
        self._waiting: dict[int, _Waiter] = {}
        self._monitors: dict[str, Callable[[TableUpdates], None]] = {}
        self._transport: asyncio.Transport | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._probe_seconds = probe_seconds
        self._dead_seconds = dead_seconds
        self._heard = self._loop.time()
        self._reason = "closed"
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        remote: str,
        *,
        tls: Tls | None = None,
        probe_seconds: float = PROBE_SECONDS,
        dead_seconds: float = DEAD_SECONDS,
    ) -> Connection:
        """Connect to "unix:PATH", "tcp:IP:PORT" or, with `tls`, "ssl:IP:PORT"; an IPv6 address stands in brackets.

        Raises: OSError: nobody answers there, or whoever does is refused. ValueError: no such form of address.
        """
        loop = asyncio.get_running_loop()
        kind, _, address = remote.partition(":")

        def made() -> Connection:
            return cls(probe_seconds, dead_seconds)

        async with asyncio.timeout(CONNECT_SECONDS):
            if kind == "unix":
                _, connection = await loop.create_unix_connection(made, address)
            elif kind == "tcp" or (kind == "ssl" and tls is not None):
                host, _, port = address.rpartition(":")
                context, name = tls if kind == "ssl" and tls is not None else (None, None)
                _, connection = await loop.create_connection(
                    made, host.strip("[]"), int(port), ssl=context, server_hostname=name
                )
            else:
                raise ValueError(f"not an OVSDB address: {remote!r}")
        return connection

    @property
    def lost(self) -> bool:
        """True if nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def overdue_seconds(self) -> float:
        """How long the oldest request has waited for its reply; 0 if none waits."""
        oldest = next(iter(self._waiting.values()), None)
        return 0.0 if oldest is None else self._loop.time() - oldest.since

    async def wait_lost(self) -> str:
        """Wait until the connection has ended, and return why."""
        await asyncio.shield(self._lost)
        return self._reason

    async def close(self) -> None:
        """End the connection; whoever still waits for a reply gets ConnectionLostError."""
        if self._transport is not None:
            self._transport.abort()
        await asyncio.shield(self._lost)

    def request(
        self, method: str, params: Sequence[Any], on_reply: Callable[[Any], None] | None = None
    ) -> asyncio.Future[Any]:
        """Send a request; the future gives its result.

        `on_reply` gets the result at its place among the updates, before anything that arrived after it, even if nobody
        waits for the future any more; it is not called if the server reports an error for the request as a whole, or if
        the connection ends.

        Raises, from the future: OvsdbError, ConnectionLostError.
        """
        future = self._loop.create_future()
        if self.lost:
            future.set_exception(ConnectionLostError(self._reason))
            return future
        number = next(self._ids)
        self._waiting[number] = _Waiter(future, on_reply, self._loop.time())
        self._send({"method": method, "params": params, "id": number})
        return future

    async def get_schema(self, database: str) -> Schema:
        """Return the server's own description of a database."""
        result = await self.request("get_schema", [database])
        with self._understood():
            return parse_schema(result)

    async def transact(
        self, database: str, operations: Sequence[Op], on_reply: Callable[[Any], None] | None = None
    ) -> list[Any]:
        """Commit operations, all or none, and return the result of each.

        Raises: OvsdbError: one was refused, and nothing is changed. ConnectionLostError.
        """
        results: list[Any] = await self.request("transact", [database, *operations], on_reply)
        with self._understood():
            check_results(results)
            return list(results)

    async def monitor(
        self,
        database: str,
        name: str,
        columns: Mapping[str, Sequence[str]],
        on_update: Callable[[TableUpdates], None],
        since: str = NOTHING_SEEN,
        on_start: Callable[[Snapshot], None] | None = None,
    ) -> Snapshot:
        """Watch columns of tables; `on_update` gets every later change, each transaction's before the reply to it.

        `on_start` gets the snapshot at its place among the updates; `name` tells this monitor from others of the
        connection.
        """
        requests = {table: [{"columns": list(names)}] for table, names in columns.items()}
        self._monitors[name] = on_update

        def started(result: Any) -> None:
            if on_start:
                on_start(Snapshot(*result))

        result = await self.request("monitor_cond_since", [database, name, requests, since], started)
        with self._understood():
            return Snapshot(*result)

    async def cancel_monitor(self, name: str) -> None:
        """Stop a monitor; nothing of it is delivered from this call on."""
        del self._monitors[name]
        await self.request("monitor_cancel", [name])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen and to probe."""
        # A cast, because uvloop's transports are none by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._probe_seconds, self._probe)

    def data_received(self, data: bytes) -> None:
        """Take in what arrived, message by message."""
        self._heard = self._loop.time()
        with suppress(ConnectionLostError), self._understood():
            for message in self._stream.feed(data):
                self._received(message)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail whoever waits."""
        if self._timer is not None:
            self._timer.cancel()
        if error is not None:
            self._reason = str(error)
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting.values():
            if not waiter.future.done():
                waiter.future.set_exception(ConnectionLostError(self._reason))
        if not self._lost.done():
            self._lost.set_result(None)

    def _received(self, message: Mapping[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            self._replied(message)
        elif method == "update3":
            name, _, updates = message["params"]
            if (on_update := self._monitors.get(name)) is not None:
                on_update(updates)
        elif method == "echo":
            self._check_read()
            self._send({"id": message["id"], "result": message["params"], "error": None})

    def _replied(self, message: Mapping[str, Any]) -> None:
        waiter = self._waiting.get(message["id"])
        if waiter is None:
            return
        error = message.get("error")
        result = message["result"] if error is None else None
        if error is None and waiter.on_reply is not None:
            try:
                waiter.on_reply(result)
            except MALFORMED:
                raise  # whoever waits hears with all others that the connection is lost
            except Exception as fault:
                # Whoever waits must hear of it, and not wait for ever.
                if not waiter.future.done():
                    waiter.future.set_exception(fault)
        del self._waiting[message["id"]]
        if waiter.future.done():
            return
        if error is None:
            waiter.future.set_result(result)
        else:
            waiter.future.set_exception(_refusal(error))

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Give the connection up if what the server sent cannot be read in the block.

        Raises: ConnectionLostError: it cannot.
        """
        try:
            yield
        except MALFORMED as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            detail = f"{Path(place.filename).name}:{place.lineno}"
            self._reason = f"what the server sent is not understood: {error!r}"[:LONGEST_REASON]
            log.warning("message of a database not understood", extra={"reason": self._reason, "detail": detail})
            if self._transport is not None:
                self._transport.abort()
            raise ConnectionLostError(self._reason) from error

    def _check_read(self) -> None:
        """See that the server takes answers as it asks for them.

        Raises: ValueError: it does not.
        """
        assert self._transport is not None
        if (size := self._transport.get_write_buffer_size()) > MOST_UNREAD:
            raise ValueError(f"it has not read {size} bytes, and asks for more")

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._transport is not None
        self._transport.write(orjson.dumps(message))

    def _probe(self) -> None:
        silent = self._loop.time() - self._heard
        if silent >= self._dead_seconds:
            self._reason = f"the server was silent for {silent:.0f} s"
            assert self._transport is not None
            self._transport.abort()
            return
        if silent >= self._probe_seconds:
            # Nobody waits for the answer: any message at all is a sign of life.
            self._send({"method": "echo", "params": [], "id": "echo"})
        self._timer = self._loop.call_later(self._probe_seconds, self._probe)


def check_results(results: Sequence[Any]) -> None:
    """Return if every operation of a transaction succeeded.

    Raises: OvsdbError: of the first that did not.
    """
    for index, result in enumerate(results):
        if result is not None and "error" in result:
            raise OvsdbError(result["error"], result.get("details") or "", index)


def _refusal(error: Any) -> OvsdbError:
    if isinstance(error, Mapping):
        return OvsdbError(str(error.get("error")), str(error.get("details") or ""))
    return OvsdbError(str(error))
