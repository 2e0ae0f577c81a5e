"""Connections by HTTP: how many there may be, and how long each is waited for (docs/reference/limits.md)."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS, MOST_OF_MACHINE = 400, 100
"""Connections in all, and of one machine by TCP."""

LOOK_SECONDS = 2.0
"""How often each connection is looked at."""

HEAD_SECONDS = 30.0
"""How long the head of a request may take to arrive, and how long a connection may ask nothing."""

BODY_SECONDS = 120.0
"""How long a body may take to arrive: 64 MiB at half a megabyte a second."""

STALLED_SECONDS = 60.0
"""How long nothing of an answer may be read."""

HEAD, BODY, ANSWER = "head", "body", "answer"
"""What may be waited for."""


class Connection(H11Protocol):
    """One connection; uvicorn gives no other way to bound it than to inherit."""

    def connection_made(self, transport: Any) -> None:
        """Begin, unless there are too many."""
        super().connection_made(transport)
        self._awaited: tuple[str, int] = ("", 0)
        self._since = self.loop.time()
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        mine = sum(other.machine == self.machine for other in self.connections if isinstance(other, Connection))
        mine = mine if self.machine else 0
        for found, most in ((mine, MOST_OF_MACHINE), (len(self.connections), MOST_CONNECTIONS)):
            if found > most:
                self._refuse(503, f"There are {found - 1} connections already, and {most} are the most; close some.")
                break

    @property
    def machine(self) -> str:
        """Where the client is; empty for a unix socket's."""
        return self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._timer.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._since = self.loop.time()
        super().resume_writing()

    def _look(self) -> None:
        """Give up on a client that takes too long for what is waited for."""
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        what, seconds = self._waiting()
        awaited = (what, id(self.cycle))
        if awaited != self._awaited:
            self._awaited, self._since = awaited, self.loop.time()
        elif what and self.loop.time() - self._since >= seconds:
            self._give_up(what, seconds)

    def _waiting(self) -> tuple[str, float]:
        """Return what of the client is waited for, and for how long at most; nothing if it is the client who waits."""
        if self.flow.write_paused:
            return ANSWER, STALLED_SECONDS
        if self.cycle is None or self.cycle.response_complete:
            return HEAD, HEAD_SECONDS
        return (BODY, BODY_SECONDS) if self.cycle.more_body else ("", 0)

    def _give_up(self, what: str, seconds: float) -> None:
        if what == ANSWER or (what == BODY and self.cycle.response_started):
            self.transport.abort()
        else:
            self._refuse(408, f"The {what} of the request has not arrived within {seconds:g} seconds; send it again.")

    def _refuse(self, status: int, text: str) -> None:
        """Say a last word, and close; what is not taken within a moment is not waited for."""
        body = f"{text}\n".encode()
        head = f"HTTP/1.1 {status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
        self.loop.call_later(LOOK_SECONDS, self.transport.abort)
