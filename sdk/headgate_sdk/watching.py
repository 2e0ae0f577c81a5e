"""Watching: every change in order, and nothing twice, however often the controller goes away in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from headgate.v1 import intent_pb2
from headgate_common.methods import Method
from headgate_common.position import Position
from headgate_sdk.connection import Connection
from headgate_sdk.errors import RefusedError, is_unanswered, refusal
from headgate_sdk.kinds import unpacked

WATCH = Method("/headgate.v1.IntentService/Watch", intent_pb2.WatchRequest, intent_pb2.WatchResponse)

COMPACTED = "REVISION_COMPACTED"
"""The reason by which a controller says that its log does not reach back so far."""


@dataclass(frozen=True, slots=True)
class Change:
    """A resource after a change; `resource` is None if it is gone."""

    revision: int
    name: str
    resource: Any


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything up to this revision has been told; a later watch may begin after it."""

    revision: int


def watch(connection: Connection, prefix: str, types: Sequence[str], after: int) -> Iterator[Change | CaughtUp]:
    """Yield changes for ever; see `Client.watch`."""
    position = Position(after)
    there: set[str] | None = None if after else set()
    while True:
        request = intent_pb2.WatchRequest(after_revision=position.after, name_prefix=prefix, types=types)
        try:
            yield from _followed(connection, request, position, there)
        except grpc.RpcError as error:
            if is_unanswered(error):
                continue
            refused = refusal(error)
            if there is None or not (isinstance(refused, RefusedError) and refused.reason == COMPACTED):
                raise refused from error
            position = Position(0)


def _followed(
    connection: Connection,
    request: intent_pb2.WatchRequest,
    position: Position,
    there: set[str] | None,
) -> Iterator[Change | CaughtUp]:
    """Yield the changes of one stream, after what is gone if it began with everything; `position` is where the next one
    goes on. `there` holds the names that have been told, if all of them have.
    """
    unseen = set(there or ()) if not request.after_revision else set()
    for response in connection.stream(WATCH, request):
        if not response.name:
            yield from (Change(response.revision, name, None) for name in sorted(unseen))
            if there is not None:
                there -= unseen
            unseen = set()
        elif there is not None:
            unseen.discard(response.name)
            (there.add if response.HasField("resource") else there.discard)(response.name)
        if position.take(response.revision, response.name):
            yield _told(response)


def _told(response: intent_pb2.WatchResponse) -> Change | CaughtUp:
    if not response.name:
        return CaughtUp(response.revision)
    resource = unpacked(response.resource) if response.HasField("resource") else None
    return Change(response.revision, response.name, resource)
