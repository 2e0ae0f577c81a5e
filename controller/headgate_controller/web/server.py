"""The HTTP server: runs on the controller's own event loop, and stops with it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import uvicorn
from starlette.routing import Route, Router

from headgate_controller.serving import bound
from headgate_controller.web.guard import Guard, nothing_there

IDLE_SECONDS = 30
"""Seconds after which a connection that asks nothing is closed."""


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

    def __init__(self, routes: Sequence[Route], listen: Iterable[str], *, stop_seconds: int) -> None:
        """Take the addresses.

        Raises:
            ListenError: an address is neither loopback nor a unix socket, or is taken.
        """
        self._sockets: list[socket.socket] = []
        try:
            for address in listen:
                self._sockets.append(bound(address))
        except BaseException:
            self.release()
            raise
        self._server = _Uvicorn(
            _settings(Guard(Router(routes, redirect_slashes=False, default=nothing_there)), stop_seconds)
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on."""
        self._serving = asyncio.create_task(self._server.serve(self._sockets), name="http")
        await self._server.answering.wait()

    async def stop(self) -> None:
        """Answer what is being asked, but nothing new."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self.release()

    def release(self) -> None:
        """Give up the addresses."""
        for taken in self._sockets:
            taken.close()


def _settings(app: Any, stop_seconds: int) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=stop_seconds,
    )
