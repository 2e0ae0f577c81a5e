"""Fields that clients write and never read: which messages hold some, and how an update keeps what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from headgate_controller.annotations import element_of, is_map, rule_of
from headgate_controller.moments import is_moment


@cache
def holds_secrets(message: Descriptor) -> bool:
    """Return whether a message has a write-only field, at any depth."""
    return any(rule_of(field).write_only or _secret_part(field) for field in message.fields)


def _secret_part(field: FieldDescriptor) -> bool:
    """Return whether a field holds messages that have write-only fields."""
    element = element_of(field)
    return element.message_type is not None and not is_moment(element) and holds_secrets(element.message_type)


def keep_secrets(before: Message, after: Any) -> None:
    """Give `after` the write-only values of `before` that it leaves out; elements of lists are found by their key."""
    for field in after.DESCRIPTOR.fields:
        if rule_of(field).write_only:
            if not after.HasField(field.name) and before.HasField(field.name):
                setattr(after, field.name, getattr(before, field.name))
        elif _secret_part(field):
            for old, new in _pairs(field, before, after):
                keep_secrets(old, new)


def _pairs(field: FieldDescriptor, before: Any, after: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the messages that a field of both holds, the same element of each."""
    old, new = getattr(before, field.name), getattr(after, field.name)
    if is_map(field):
        yield from ((old[key], new[key]) for key in new if key in old)
    elif field.is_repeated:
        key = rule_of(field).key
        known = {getattr(element, key): element for element in old}
        yield from ((known[at], element) for element in new if (at := getattr(element, key)) in known)
    elif before.HasField(field.name) and after.HasField(field.name):
        yield old, new
