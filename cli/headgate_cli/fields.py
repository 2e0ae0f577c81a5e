"""Fields of messages as text: which of them say something, and how a value reads."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from headgate.v1 import annotations_pb2
from headgate_cli.kinds import rules_of
from headgate_cli.names import shorten

HIDDEN = "(sensitive)"
"""What screens show in place of a secret."""

FIRST_OWN_FIELD = 20
"""Numbers below are the fields that all kinds have in common."""


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map, which on the wire is a list of entries."""
    entry = field.message_type
    return field.is_repeated and entry is not None and bool(entry.GetOptions().map_entry)


def is_set(message: Message, field: FieldDescriptor) -> bool:
    """Whether the field says something; a required number does even when it is zero."""
    if field.is_repeated:
        return len(getattr(message, field.name)) > 0
    if field.has_presence:
        return message.HasField(field.name)
    required = rules_of(field).behavior == annotations_pb2.BEHAVIOR_REQUIRED
    return bool(getattr(message, field.name)) or (required and field.type != FieldDescriptor.TYPE_ENUM)


def value_field(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field that holds the values of a map."""
    assert field.message_type is not None
    value: FieldDescriptor = field.message_type.fields_by_name["value"]
    return value


def set_fields(message: Message) -> Iterator[FieldDescriptor]:
    """Yield the fields that say something, by number."""
    descriptor: Any = message.DESCRIPTOR
    for field in sorted(descriptor.fields, key=lambda field: field.number):
        if is_set(message, field):
            yield field


def enum_words(field: FieldDescriptor) -> dict[int, str]:
    """Return the values of an enum by number, without the prefix that they share, in lower case."""
    assert field.enum_type is not None
    common = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    return {value.number: value.name.removeprefix(common).lower() for value in field.enum_type.values}


def is_output(field: FieldDescriptor) -> bool:
    """Whether only the controller sets the field."""
    return rules_of(field).behavior == annotations_pb2.BEHAVIOR_OUTPUT_ONLY


def is_hidden(field: FieldDescriptor) -> bool:
    """Whether what the field holds is kept from screens."""
    rules = rules_of(field)
    return rules.sensitive or rules.write_only


def word(field: FieldDescriptor, value: Any) -> str:
    """Return one value that is no structure of its own for people: secrets hidden, and times to the second."""
    if is_hidden(field):
        return HIDDEN
    return f"{value.ToDatetime():%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, Timestamp) else bare_word(field, value)


def bare_word(field: FieldDescriptor, value: Any) -> str:
    """Return one value that is no structure of its own: enums without their prefix, in lower case."""
    if field.enum_type is not None:
        return enum_words(field).get(value, str(value))
    if isinstance(value, Timestamp | Duration):
        return str(value.ToJsonString())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def is_plain(field: FieldDescriptor) -> bool:
    """Whether values of the field are words, and not messages with fields of their own."""
    return field.message_type is None or field.message_type.full_name in (
        Timestamp.DESCRIPTOR.full_name,
        Duration.DESCRIPTOR.full_name,
    )


def messages_in(field: FieldDescriptor, value: Any) -> list[Any]:
    """Return the structures that a field holds; none if it holds plain values."""
    shape = value_field(field) if is_map(field) else field
    if is_plain(shape):
        return []
    if is_map(field):
        return [value[key] for key in value]
    return list(value) if field.is_repeated else [value]


def brief(field: FieldDescriptor, value: Any, project: str) -> str:
    """Return a field's value for a table: names shortened, lists joined, of a map of messages only the keys."""
    if is_map(field):
        return _brief_map(field, value, project)
    if field.is_repeated:
        return ", ".join(_brief_one(field, element, project) for element in value)
    return _brief_one(field, value, project)


def _brief_one(field: FieldDescriptor, value: Any, project: str) -> str:
    if not is_plain(field):
        return " ".join(brief(inner, getattr(value, inner.name), project) for inner in set_fields(value))
    return shorten(value, project) if rules_of(field).references else word(field, value)


def _brief_map(field: FieldDescriptor, value: Mapping[str, Any], project: str) -> str:
    inner = value_field(field)
    if not is_plain(inner):
        return ", ".join(sorted(value))
    refers = bool(rules_of(field).references)
    shown = {key: shorten(one, project) if refers else word(inner, one) for key, one in value.items()}
    return ", ".join(f"{key}={shown[key]}" for key in sorted(shown))
