"""The HTTP server: runs on the controller's own event loop, and stops with it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import uvicorn
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from headgate_controller.serving import UNIX, bound
from headgate_controller.web.connections import Connection
from headgate_controller.web.guard import Guard, nothing_there

IDLE_SECONDS = 30
"""Seconds after which a connection that asks nothing is closed."""

LONGEST_HEAD = 32 * 1024
"""Bytes of a request before its body."""


class _Uvicorn(uvicorn.Server):
    """Leaves the process's signals to the controller, and tells when it answers; uvicorn gives no other way than to
    inherit.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self.answering.set()


class HttpServer:
    """Serves routes at addresses, which are taken at once: nothing is answered before `start`."""

    def __init__(
        self,
        routes: Sequence[Route],
        listen: Iterable[str],
        tls: ssl.SSLContext | None = None,
        default: ASGIApp = nothing_there,
    ) -> None:
        """Take the addresses; what is no unix socket is reached by TLS, if it is given. Paths that are no route of
        these are answered by `default`.

        Raises:
            ListenError: an address is neither loopback nor a unix socket and there is no TLS, or it is taken.
        """
        app = Guard(Router(routes, redirect_slashes=False, default=default))
        self._servers = [_Uvicorn(_settings(app, context)) for context in (None, tls)]
        self._sockets: list[list[socket.socket]] = [[], []]
        self._serving: list[asyncio.Task[None]] = []
        try:
            for address in listen:
                secure = tls is not None and not address.startswith(UNIX)
                self._sockets[secure].append(bound(address, tls=secure))
        except BaseException:
            self.release()
            raise

    async def start(self) -> None:
        """Answer from now on."""
        for server, sockets in zip(self._servers, self._sockets, strict=True):
            if sockets:
                self._serving.append(asyncio.create_task(server.serve(sockets), name="http"))
                await server.answering.wait()

    async def stop(self, grace: float | None) -> None:
        """Answer what is being asked, for that many seconds at most, but nothing new."""
        for server in self._servers:
            server.config.timeout_graceful_shutdown = None if grace is None else round(grace)
            server.should_exit = True
        await asyncio.gather(*self._serving)
        self.release()

    def release(self) -> None:
        """Give up the addresses."""
        for taken in (*self._sockets[0], *self._sockets[1]):
            taken.close()


def _settings(app: Any, tls: ssl.SSLContext | None) -> uvicorn.Config:
    # What it warns of is what clients do wrong, as often as they like.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    settings = uvicorn.Config(
        app,
        http=Connection,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    settings.load()
    settings.ssl = tls
    return settings
