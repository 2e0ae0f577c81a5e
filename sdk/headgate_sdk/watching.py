"""Watching: every change in order, and nothing twice, however often the controller goes away in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from headgate.v1 import intent_pb2
from headgate_common.methods import Method
from headgate_sdk.connection import Connection
from headgate_sdk.errors import is_unanswered, refusal
from headgate_sdk.kinds import unpacked

WATCH = Method("/headgate.v1.IntentService/Watch", intent_pb2.WatchRequest, intent_pb2.WatchResponse)


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
    request = intent_pb2.WatchRequest(after_revision=after, name_prefix=prefix, types=types)
    while True:
        try:
            for response in connection.stream(WATCH, request):
                # What there was at first comes by name, not by revision: only the mark after it may be resumed from.
                if request.after_revision or not response.name:
                    request.after_revision = response.revision
                yield _told(response)
        except grpc.RpcError as error:
            if not is_unanswered(error):
                raise refusal(error) from error


def _told(response: intent_pb2.WatchResponse) -> Change | CaughtUp:
    if not response.name:
        return CaughtUp(response.revision)
    resource = unpacked(response.resource) if response.HasField("resource") else None
    return Change(response.revision, response.name, resource)
