"""Health: /healthz says that the controller answers, /readyz whether it does all of its work, and if not, why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Check = Callable[[], str]
"""Returns why a part of the controller is not ready; empty if it is."""


def health_routes(checks: Mapping[str, Check]) -> list[Route]:
    """Return the routes."""

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_request: Request) -> Response:
        said = {name: check() for name, check in checks.items()}
        status = 503 if any(said.values()) else 200
        return JSONResponse({name: why or "ok" for name, why in said.items()}, status)

    return [Route("/healthz", alive), Route("/readyz", ready)]
