"""What the proto files say of fields and kinds, as it is written in their options.

Source: proto/headgate/v1/annotations.proto.
"""

from __future__ import annotations

from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from headgate.v1 import annotations_pb2


def rule_of(field: FieldDescriptor) -> annotations_pb2.Field:
    """Return the rules that a field is annotated with."""
    extensions: Any = field.GetOptions().Extensions
    return cast(annotations_pb2.Field, extensions[annotations_pb2.field])


def choice_of(oneof: OneofDescriptor) -> annotations_pb2.Choice:
    """Return the rules of a oneof."""
    extensions: Any = oneof.GetOptions().Extensions
    return cast(annotations_pb2.Choice, extensions[annotations_pb2.choice])


def resource_of(message: Descriptor) -> annotations_pb2.Resource:
    """Return how a kind, by its message, is named."""
    extensions: Any = message.GetOptions().Extensions
    return cast(annotations_pb2.Resource, extensions[annotations_pb2.resource])


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map, which on the wire is a list of entries."""
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry


def element_of(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field that describes one value of a field: of a map that of its entries."""
    if not is_map(field):
        return field
    assert field.message_type is not None
    value: FieldDescriptor = field.message_type.fields_by_name["value"]
    return value
