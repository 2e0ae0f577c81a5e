"""What is stored of each resource, serialized once: the same bytes for the database, its log, and whoever reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage

from headgate_controller.schema import Schema
from headgate_controller.world import World

TYPE_PREFIX = "type.googleapis.com/"


def packed(full_name: str, message: bytes) -> AnyMessage:
    """Return a serialized message of a type in an Any."""
    return AnyMessage(type_url=TYPE_PREFIX + full_name, value=message)


class Serialized:
    """The API message of each resource, without what is live or write-only, as bytes.

    A noun never changes, so that what was made of it holds for as long as it is the one of its name. Any thread may
    ask: at worst two make the same bytes.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._kept: dict[str, tuple[Any, bytes]] = {}

    def of(self, noun: Any) -> bytes:
        """Return the bytes of a noun, which need not be one of the World."""
        kept = self._kept.get(noun.name)
        if kept is not None and kept[0] is noun:
            return kept[1]
        message: Any = self._schema.by_noun[type(noun)].to_message(noun)
        return bytes(message.SerializeToString(deterministic=True))

    def keep(self, name: str, noun: Any, made: bytes) -> None:
        """Keep the bytes of a noun of the World, until another takes its place."""
        self._kept[name] = noun, made

    def committed(self, world: World, touched: Iterable[str]) -> None:
        """Forget the resources that are gone (a `state.Listener`)."""
        for name in touched:
            if name not in world.resources:
                self._kept.pop(name, None)
