"""What clients see of a resource: the bytes that are stored, and after them those of what is live.

Protobuf takes fields in any order, and messages of one type that follow each other for one: nothing is parsed, or put
together, to show a resource.

Source: protobuf's encoding, "Last One Wins" and "Message Structure".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage

from headgate_controller.realisation import Look, Realisation
from headgate_controller.schema import Schema
from headgate_controller.serialized import Serialized, packed
from headgate_controller.state import Committed
from headgate_controller.world import World

NOTHING = None, b""
"""Stands for what is not kept of any noun."""

LISTED = 1
"""Number of the field of the resources in what List returns."""


class Shown:
    """Puts resources into bytes, whatever their kind."""

    def __init__(self, schema: Schema, committed: Committed, realisation: Realisation, serialized: Serialized) -> None:
        self._schema = schema
        self._committed = committed
        self._realisation = realisation
        self._serialized = serialized
        self._lasting: dict[str, tuple[Any, bytes]] = {}
        self._around: set[str] = set()
        committed.listen(self._committed_changed)
        realisation.listen(self._lasting.clear)

    def _committed_changed(self, _world: World, touched: frozenset[str]) -> None:
        """Forget what changed, and what is of the World around it."""
        for name in (*touched, *self._around):
            self._lasting.pop(name, None)
        self._around.clear()

    def message(self, noun: Any) -> bytes:
        """Return the message of a resource."""
        return self._stored(noun) + self._realisation.look(noun).wire

    def looked_at(self, noun: Any) -> bytes:
        """Return the message of a resource that somebody looks at: whether it is realised by now is asked for."""
        look = self._look(noun)
        return self._stored(noun) + look.wire

    def elements(self, nouns: Iterable[Any]) -> list[bytes]:
        """Return resources of the World that somebody looks at as elements of what List returns.

        They are kept for the next list, and forgotten when anything changes that any of them depends on.
        """
        lasting = self._lasting if self._realisation.all_well() else {}
        elements = []
        for noun in nouns:
            of, made = lasting.get(noun.name, NOTHING)
            elements.append(made if of is noun else self._element(noun, lasting))
        return elements

    def _element(self, noun: Any, lasting: dict[str, tuple[Any, bytes]]) -> bytes:
        look, stored = self._look(noun), self._stored(noun)
        made = _head(LISTED, len(stored) + len(look.wire)) + stored + look.wire
        if look.lasting and self._is_present(noun):
            lasting[noun.name] = noun, made
            if look.around:
                self._around.add(noun.name)
        return made

    def _look(self, noun: Any) -> Look:
        look = self._realisation.look(noun)
        if look.reconciling:
            self._realisation.ask(noun)
        return look

    def packed(self, noun: Any) -> AnyMessage:
        """Return the message of a resource, packed."""
        return packed(self._schema.by_noun[type(noun)].descriptor.full_name, self.message(noun))

    def _stored(self, noun: Any) -> bytes:
        """Return what is stored of a resource, and keep it if that is what it still is."""
        made = self._serialized.of(noun)
        if self._is_present(noun):
            self._serialized.keep(noun.name, noun, made)
        return made

    def _is_present(self, noun: Any) -> bool:
        """Return whether a resource is so still: a list that takes long goes on with what was there when it began."""
        return self._committed.world.resources.get(noun.name) is noun


@lru_cache(maxsize=1024)
def _head(number: int, size: int) -> bytes:
    """Return what goes before a message of a size in a field of a number."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(value: int) -> bytes:
    """Return a number, the lowest seven bits first."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
