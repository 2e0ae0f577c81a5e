"""Stands around everything that is served by HTTP: whatever ends a request, its client is told in our words."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headgate_controller.errors import HeadgateError

log = logging.getLogger(__name__)

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "OUT_OF_RANGE": 416,
    "RESOURCE_EXHAUSTED": 507,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "DATA_LOSS": 500,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "TOO_LARGE": 413,
    "BUSY": 429,
}
"""The status for each gRPC code that our errors carry, or for a reason of theirs."""


class Guard:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            return
        except Exception as error:
            response = refusal(error)
            if not started:
                await response(scope, receive, send)


def refusal(error: Exception) -> Response:
    """Return what a client is told of an error; one that is not ours to show becomes an id to look for in the log."""
    match error:
        case HeadgateError():
            return said(HTTP_STATUS[error.reason if error.reason in HTTP_STATUS else error.code], str(error))
        case HTTPException():
            return said(error.status_code, error.detail, error.headers)
    incident = uuid.uuid4().hex[:12]
    log.error("request failed", extra={"incident": incident}, exc_info=error)
    return said(500, f"An internal error happened; the controller's log has it as incident {incident}.")


async def nothing_there(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path that is none, as an ASGI application."""
    text = "There is nothing here; there are /healthz, /readyz, /metrics and /terraform/state/PROJECT/NAME."
    await said(404, text)(scope, receive, send)


def said(status: int, text: str, headers: Any = None) -> Response:
    """Return an answer of one line of text."""
    return PlainTextResponse(f"{text}\n", status, headers)
