"""Compiles annotated messages into attribute trees. Whatever it cannot express in Terraform it refuses, loudly."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from headgate.v1 import annotations_pb2
from headgate_terraform.attributes import Attribute, Check, Choice, Nesting, Object
from headgate_terraform.limits import impossibilities
from headgate_terraform.scalars import Patterns, SchemaError, default_of, is_scalar, pattern_check, scalar_of
from headgate_terraform.secrets import SUFFIX, version_of


def rules_of(field: FieldDescriptor) -> annotations_pb2.Field:
    """Return the annotation of a field."""
    extension: Any = annotations_pb2.field
    rules: annotations_pb2.Field = field.GetOptions().Extensions[extension]
    return rules


def compile_message(message: Descriptor, patterns: Patterns) -> Object:
    """Return the tree of a kind's message, without its identifier.

    Raises:
        SchemaError: a field has no annotation, or says what Terraform cannot be told.
    """
    return _object(message, patterns, computed=False, above=())


def _object(
    message: Descriptor, patterns: Patterns, *, computed: bool, above: tuple[str, ...], without: str = ""
) -> Object:
    if message.full_name in above:
        raise SchemaError(f"{message.full_name} contains itself")
    if message.file.package == "google.protobuf":
        raise SchemaError(f"{message.full_name} has no counterpart in Terraform")
    attributes = [
        _attribute(field, rules, patterns, computed=computed, above=(*above, message.full_name))
        for field, rules in _shown(message)
        if field.name != without
    ]
    versions = [version_of(a) for a in attributes if a.write_only]
    choices = tuple(
        Choice(names=tuple(f.name for f in oneof.fields), required=not _is_optional(oneof))
        for oneof in message.oneofs
        if not _is_synthetic(oneof.fields[0])
    )
    return Object(attributes=(*attributes, *versions), choices=choices)


def _is_optional(oneof: OneofDescriptor) -> bool:
    extension: Any = annotations_pb2.choice
    rules: annotations_pb2.Choice = oneof.GetOptions().Extensions[extension]
    return rules.optional


def _shown(message: Descriptor) -> Iterator[tuple[FieldDescriptor, annotations_pb2.Field]]:
    for field in message.fields:
        rules = rules_of(field)
        if rules.behavior == annotations_pb2.BEHAVIOR_UNSPECIFIED:
            raise SchemaError(f"{field.full_name}: no annotation says who sets it")
        if rules.behavior == annotations_pb2.BEHAVIOR_IDENTIFIER:
            continue
        yield field, rules


def _is_volatile(rules: annotations_pb2.Field) -> bool:
    return rules.volatile and rules.behavior == annotations_pb2.BEHAVIOR_OUTPUT_ONLY


def _is_synthetic(field: FieldDescriptor) -> bool:
    """Whether the field's oneof is only how protobuf writes down `optional`."""
    oneof = field.containing_oneof
    return oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{field.name}"


def _attribute(
    field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns, *, computed: bool, above: tuple[str, ...]
) -> Attribute:
    computed = computed or rules.behavior == annotations_pb2.BEHAVIOR_OUTPUT_ONLY
    required = not computed and rules.behavior == annotations_pb2.BEHAVIOR_REQUIRED
    nesting, value = _nesting(field, rules)
    scalar = scalar_of(value, rules, patterns, keyed=_is_map(field)) if is_scalar(value) else None
    element = scalar or _object(_message(value), patterns, computed=computed, above=above, without=rules.key)
    default = default_of(scalar, rules) if scalar else None
    attribute = Attribute(
        name=f"{field.name}{SUFFIX}" if rules.write_only else field.name,
        element=element,
        nesting=nesting,
        required=required,
        optional=not (computed or required),
        computed=computed or rules.server_chosen or default is not None,
        volatile=_is_volatile(rules),
        immutable=rules.immutable,
        sensitive=rules.sensitive or rules.write_only,
        write_only=rules.write_only,
        default=default,
        key=rules.key,
        size=(rules.min_size, rules.max_size or None),
        key_checks=tuple(_key_checks(field, rules, patterns)),
        field=field,
    )
    for words in impossibilities(attribute, field, rules):
        raise SchemaError(f"{field.full_name}: {words}")
    return attribute


def _key_checks(field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns) -> Iterator[Check]:
    """Yield what the keys of a map must keep to: the map's own pattern, or the rules of the field that is the key."""
    if _is_map(field) and rules.pattern:
        yield pattern_check(rules.pattern)
    key = field.message_type.fields_by_name.get(rules.key) if rules.key and field.message_type else None
    if key is not None:
        yield from scalar_of(key, rules_of(key), patterns, keyed=False).checks


def _message(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _nesting(field: FieldDescriptor, rules: annotations_pb2.Field) -> tuple[Nesting, FieldDescriptor]:
    """Return how many values the field holds, and the field that describes one of them."""
    if not field.is_repeated:
        return Nesting.SINGLE, field
    if _is_map(field):
        entry = _message(field).fields_by_name
        if entry["key"].type != FieldDescriptor.TYPE_STRING:
            raise SchemaError(f"{field.full_name}: keys of maps must be strings")
        return Nesting.MAP, entry["value"]
    if rules.key:
        return Nesting.MAP, field
    return Nesting.SET if rules.unordered else Nesting.LIST, field
