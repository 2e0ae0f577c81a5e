"""Terraform's states by HTTP, as its backend "http" asks for them.

The path is /terraform/state/PROJECT/NAME, where NAME may have several segments.

Source: developer.hashicorp.com/terraform/language/backend/http.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from headgate_controller.errors import TooLargeError
from headgate_controller.names import ID, ID_RULE
from headgate_controller.principal import Access
from headgate_controller.store.state_content import LARGEST_STATE
from headgate_controller.store.state_locks import LockedError, refused
from headgate_controller.store.states import States, Version
from headgate_controller.traffic import Passage
from headgate_controller.web.callers import Callers

PATH = "/terraform/state/{project}/{name:path}"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
LONGEST_NAME = 200
LARGEST_LOCK = 64 * 1024
LARGEST_VERSION = 1 << 62
LOCKED = 423
"""Locked; what Terraform shows of the holder is taken from the body."""

PIECE = 256 * 1024
"""Bytes of an answer that are written at a time."""


class Held:
    """An answer that is written piece by piece, as its client reads, and counts among the caller's until then."""

    def __init__(self, response: Response, passage: Passage) -> None:
        self._response = response
        self._passage = passage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as an ASGI application."""

        async def in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            for begin in range(0, len(body) if len(body) > PIECE else 0, PIECE):
                await send({**message, "body": body[begin : begin + PIECE], "more_body": True})
            await send({**message, "body": b""} if len(body) > PIECE else message)

        try:
            await self._response(scope, receive, in_pieces)
        finally:
            self._passage.end()


class StateRoutes:
    """Serves states."""

    def __init__(self, states: States, callers: Callers) -> None:
        self._states = states
        self._callers = callers

    def routes(self) -> list[Route]:
        """Return the routes."""
        methods: dict[str, Callable[[Request, str, Passage], Awaitable[Response]]] = {
            "GET": self._get,
            "POST": self._post,
            "DELETE": self._delete,
            "LOCK": self._lock,
            "UNLOCK": self._unlock,
        }

        async def serve(request: Request) -> Any:
            path = _path_of(request)
            method = "GET" if request.method == "HEAD" else request.method
            access, project = Access.READ if method == "GET" else Access.WRITE, path.partition("/")[0]
            passage = self._callers.begin(request, access, project)
            try:
                return Held(await methods[method](request, path, passage), passage)
            except LockedError as error:
                return Held(Response(error.holder, LOCKED, media_type="application/json"), passage)
            except BaseException:
                passage.end()
                raise

        return [Route(PATH, serve, methods=list(methods))]

    async def _get(self, request: Request, path: str, passage: Passage) -> Response:
        if "versions" in request.query_params:
            return JSONResponse([_described(version) for version in await self._states.versions(path)])
        content = await self._states.read(path, _version_in(request))
        passage.take(len(content))
        return Response(content, media_type="application/json", headers={"Content-MD5": await _md5(content)})

    async def _post(self, request: Request, path: str, passage: Passage) -> Response:
        content = await _body(request, LARGEST_STATE, passage)
        sent = request.headers.get("content-md5")
        if sent is not None and sent != await _md5(content):
            raise refused("BAD_MD5", "The state is not what its Content-MD5 says: it was changed on its way.")
        await self._states.write(path, content, _lock_in(request))
        return Response()

    async def _delete(self, request: Request, path: str, _passage: Passage) -> Response:
        await self._states.remove(path, _lock_in(request), purge="purge" in request.query_params)
        return Response()

    async def _lock(self, request: Request, path: str, passage: Passage) -> Response:
        await self._states.lock(path, await _body(request, LARGEST_LOCK, passage))
        return Response()

    async def _unlock(self, request: Request, path: str, passage: Passage) -> Response:
        await self._states.unlock(path, await _body(request, LARGEST_LOCK, passage))
        return Response()


def _path_of(request: Request) -> str:
    """Return the path of the state that is asked for.

    Raises:
        InvalidError: it is none.
    """
    project, name = request.path_params["project"], request.path_params["name"]
    if not ID.fullmatch(project):
        raise refused("BAD_PROJECT", f"The project {project!r} must have {ID_RULE}.")
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise refused(
            "BAD_NAME",
            f"The name of a state has letters, digits, dots, hyphens and underlines, in segments that begin with none "
            f"of . and -, at most {LONGEST_NAME} in all; for example /terraform/state/shop/network/production.",
        )
    return f"{project}/{name}"


def _version_in(request: Request) -> int | None:
    text = request.query_params.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) < LARGEST_VERSION):
        raise refused("BAD_VERSION", f"version={text!r} is no number of a version; ?versions lists those there are.")
    return int(text)


def _lock_in(request: Request) -> str:
    return request.query_params.get("ID", "")


async def _body(request: Request, most: int, passage: Passage) -> bytes:
    """Return the body.

    Raises:
        TooLargeError: it has more than that many bytes; the rest is not read. BusyError: the caller has too many.
    """
    parts, size = [], 0
    async for part in request.stream():
        passage.take(len(part))
        parts.append(part)
        size += len(part)
        if size > most:
            raise TooLargeError(f"The body has more than {most} bytes, which is the most that is kept.")
    return b"".join(parts)


async def _md5(content: bytes) -> str:
    """Return the sum of a state, made on another thread: of the largest that takes a tenth of a second."""
    found = await asyncio.to_thread(md5, content, usedforsecurity=False)
    return base64.b64encode(found.digest()).decode()


def _described(version: Version) -> dict[str, object]:
    moment = datetime.fromtimestamp(version.time / 1e9, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return version._asdict() | {"time": moment}
