"""`headgate describe`: everything a resource holds, one field a line, nested by indentation."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from headgate_cli.fields import FIRST_OWN_FIELD, is_map, is_plain, set_fields, value_field, word

INDENT = "  "
LAST_IDENTIFYING, FIRST_DESCRIPTIVE = 1, 10
"""Field numbers: the name, and the first of those that the user describes a resource with."""


def describe(resource: Message, used_by: list[str]) -> str:
    """Return the text: the name, what the user set, the kind's own fields, then what the platform says of it."""
    fields = sorted(set_fields(resource), key=_rank)
    lines = [line for field in fields for line in _lines(field, getattr(resource, field.name))]
    if used_by:
        lines += ["used_by:", *(f"{INDENT}- {name}" for name in used_by)]
    return "\n".join(lines)


def _rank(field: FieldDescriptor) -> tuple[int, int]:
    if field.number == LAST_IDENTIFYING:
        return 0, field.number
    if field.number >= FIRST_OWN_FIELD:
        return 2, field.number
    return (1 if field.number >= FIRST_DESCRIPTIVE else 3), field.number


def _lines(field: FieldDescriptor, value: Any) -> Iterator[str]:
    if is_map(field):
        yield f"{field.name}:"
        inner = value_field(field)
        for key in sorted(value):
            yield from _indented(_entry(key, inner, value[key]))
    elif field.is_repeated:
        yield f"{field.name}:"
        for element in value:
            first, *others = [word(field, element)] if is_plain(field) else [*_nested(element)] or ["{}"]
            yield f"{INDENT}- {first}"
            yield from (f"{INDENT}{INDENT}{line}" for line in others)
    else:
        yield from _entry(field.name, field, value)


def _entry(key: str, field: FieldDescriptor, value: Any) -> Iterator[str]:
    if is_plain(field):
        yield f"{key}: {word(field, value)}"
    else:
        yield f"{key}:"
        yield from _indented(_nested(value))


def _nested(message: Message) -> Iterator[str]:
    for field in set_fields(message):
        yield from _lines(field, getattr(message, field.name))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"{INDENT}{line}" for line in lines)
