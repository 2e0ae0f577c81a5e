"""TokenService: who may use the API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from headgate.v1 import token_pb2
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.names import ID, ID_RULE
from headgate_controller.store.tokens import EVERYTHING, Token, Tokens

SERVICE = "headgate.v1.TokenService"
LONGEST_DESCRIPTION = 1_024
MOST_PROJECTS = 1_000
BILLION = 1_000_000_000
LATEST = 2**63
"""Nanoseconds since the epoch that a database can hold."""

READ_ONLY, READ_WRITE = token_pb2.TOKEN_ACCESS_READ_ONLY, token_pb2.TOKEN_ACCESS_READ_WRITE


class TokenService:
    """Serves tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        methods: dict[str, Any] = {
            "CreateToken": grpc.unary_unary_rpc_method_handler(
                self.create,
                token_pb2.CreateTokenRequest.FromString,
                token_pb2.CreateTokenResponse.SerializeToString,
            ),
            "ListTokens": grpc.unary_unary_rpc_method_handler(
                self.list, token_pb2.ListTokensRequest.FromString, token_pb2.ListTokensResponse.SerializeToString
            ),
            "RevokeToken": grpc.unary_unary_rpc_method_handler(
                self.revoke, token_pb2.RevokeTokenRequest.FromString, Empty.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def create(self, request: token_pb2.CreateTokenRequest, _context: Any) -> token_pb2.CreateTokenResponse:
        """Make a token."""
        wanted, name = request.token, f"tokens/{request.token_id}"
        faults = list(_faults(request, name, time.time_ns()))
        if faults:
            raise InvalidError(name, faults)
        expires = wanted.expire_time.ToNanoseconds() if wanted.HasField("expire_time") else None
        made, secret = await self._tokens.create(
            Token(
                name=name,
                description=wanted.description,
                projects=None if list(wanted.projects) == [EVERYTHING] else frozenset(wanted.projects),
                writes=wanted.access == READ_WRITE,
                expire_time=expires,
            )
        )
        return token_pb2.CreateTokenResponse(token=_message(made), secret=secret)

    async def list(self, _request: token_pb2.ListTokensRequest, _context: Any) -> token_pb2.ListTokensResponse:
        """Return every token."""
        return token_pb2.ListTokensResponse(tokens=map(_message, self._tokens.listed()))

    async def revoke(self, request: token_pb2.RevokeTokenRequest, _context: Any) -> Empty:
        """Forget a token."""
        await self._tokens.revoke(request.name)
        return Empty()


def _message(token: Token) -> token_pb2.Token:
    message = token_pb2.Token(
        name=token.name,
        prefix=token.prefix,
        description=token.description,
        projects=[EVERYTHING] if token.projects is None else sorted(token.projects),
        access=READ_WRITE if token.writes else READ_ONLY,
    )
    for field in ("create_time", "expire_time", "last_use_time"):
        time = getattr(token, field)
        if time is not None:
            getattr(message, field).FromNanoseconds(time)
    return message


def _faults(request: token_pb2.CreateTokenRequest, name: str, now: int) -> Iterator[Violation]:
    """Yield everything that is wrong with a token that is wanted."""
    wanted = request.token
    if not ID.fullmatch(request.token_id):
        yield Violation("token_id", "BAD_NAME", f"{request.token_id!r} must consist of {ID_RULE}.")
    if wanted.name not in ("", name):
        yield Violation("token.name", "NAME_DIFFERS", f"{wanted.name!r} is not {name!r}; leave it empty.")
    if len(wanted.description) > LONGEST_DESCRIPTION:
        text = f"It has {len(wanted.description)} characters, more than {LONGEST_DESCRIPTION}; shorten it."
        yield Violation("token.description", "TOO_LONG", text)
    if wanted.access not in (READ_ONLY, READ_WRITE):
        text = "It is required; choose TOKEN_ACCESS_READ_ONLY or TOKEN_ACCESS_READ_WRITE."
        yield Violation("token.access", "REQUIRED", text)
    yield from _project_faults(list(wanted.projects))
    if wanted.HasField("expire_time"):
        yield from _expiry_faults(wanted.expire_time, now)


def _expiry_faults(time: Timestamp, now: int) -> Iterator[Violation]:
    if not (0 <= time.nanos < BILLION and time.seconds * BILLION < LATEST):
        text = "It is no time before the year 2262; give one, or leave it out for a token that never expires."
        yield Violation("token.expire_time", "OUT_OF_RANGE", text)
    elif time.seconds * BILLION + time.nanos <= now:
        yield Violation("token.expire_time", "PAST", "It has passed already; give a later time, or leave it out.")


def _project_faults(projects: list[str]) -> Iterator[Violation]:
    if not 0 < len(projects) <= MOST_PROJECTS:
        text = f'It has {len(projects)} entries; name between 1 and {MOST_PROJECTS} projects, or "*" for all.'
        yield Violation("token.projects", "BAD_SIZE", text)
    if EVERYTHING in projects and len(projects) > 1:
        yield Violation("token.projects", "NOT_ALONE", '"*" stands for every project; leave the others out.')
    for position, project in enumerate(projects):
        if project != EVERYTHING and not ID.fullmatch(project):
            text = f"{project!r} is no project's id: these consist of {ID_RULE}."
            yield Violation(f"token.projects[{position}]", "BAD_NAME", text)
