"""Compiles annotated messages into attribute trees. Whatever it cannot express in Terraform it refuses, loudly."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from headgate.v1 import annotations_pb2
from headgate_terraform import formats
from headgate_terraform.attributes import Attribute, Check, Choice, Nesting, Object, Scalar
from headgate_terraform.names import NamePattern, check_form

Patterns = Mapping[str, tuple[NamePattern, ...]]
"""The forms of the names of each type of resource."""

FORMATS: Mapping[int, formats.Format] = {
    annotations_pb2.FORMAT_IPV4: formats.ipv4,
    annotations_pb2.FORMAT_IPV6: formats.ipv6,
    annotations_pb2.FORMAT_IP: formats.ip,
    annotations_pb2.FORMAT_IPV4_PREFIX: formats.ipv4_prefix,
    annotations_pb2.FORMAT_IPV6_PREFIX: formats.ipv6_prefix,
    annotations_pb2.FORMAT_PREFIX: formats.prefix,
    annotations_pb2.FORMAT_MAC: formats.mac,
}

INTEGERS: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}


class SchemaError(Exception):
    """A proto file says something that Terraform cannot be told; a fault of Headgate, never of the user."""


def rules_of(field: FieldDescriptor) -> annotations_pb2.Field:
    """Return the annotation of a field."""
    extension: Any = annotations_pb2.field
    rules: annotations_pb2.Field = field.GetOptions().Extensions[extension]
    return rules


def compile_message(message: Descriptor, patterns: Patterns) -> Object:
    """Return the tree of a kind's message, without its identifier.

    Raises:
        SchemaError: a field has no annotation or a type that has no counterpart in Terraform.
    """
    return _object(message, patterns, computed=False, required=False, above=())


def _object(
    message: Descriptor, patterns: Patterns, *, computed: bool, required: bool, above: tuple[str, ...]
) -> Object:
    if message.full_name in above:
        raise SchemaError(f"{message.full_name} contains itself")
    if message.file.package == "google.protobuf":
        raise SchemaError(f"{message.full_name} has no counterpart in Terraform yet")
    attributes = tuple(
        _attribute(field, rules, patterns, computed=computed, above=(*above, message.full_name))
        for field, rules in _shown(message)
    )
    choices = tuple(
        Choice(names=tuple(f.name for f in oneof.fields), required=required)
        for oneof in message.oneofs
        if not _is_synthetic(oneof.fields[0])
    )
    return Object(attributes=attributes, choices=choices)


def _shown(message: Descriptor) -> Iterator[tuple[FieldDescriptor, annotations_pb2.Field]]:
    for field in message.fields:
        rules = rules_of(field)
        if rules.behavior == annotations_pb2.BEHAVIOR_UNSPECIFIED:
            raise SchemaError(f"{field.full_name}: no annotation says who sets it")
        if rules.behavior == annotations_pb2.BEHAVIOR_IDENTIFIER or _is_time(field, rules):
            continue
        yield field, rules


def _is_volatile(rules: annotations_pb2.Field) -> bool:
    return rules.volatile and rules.behavior == annotations_pb2.BEHAVIOR_OUTPUT_ONLY


def _is_time(field: FieldDescriptor, rules: annotations_pb2.Field) -> bool:
    return _is_volatile(rules) and field.message_type is not None and field.message_type.name == "Timestamp"


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
    element: Scalar | Object
    if value.message_type is not None:
        element = _object(value.message_type, patterns, computed=computed, required=required, above=above)
    else:
        element = _scalar(value, rules, patterns, keyed=nesting is Nesting.MAP)
    attribute = Attribute(
        name=field.name,
        element=element,
        nesting=nesting,
        required=required,
        optional=not (computed or required),
        computed=computed or rules.server_chosen,
        volatile=_is_volatile(rules),
        immutable=rules.immutable,
        size=(rules.min_size, rules.max_size or None),
        key_checks=(_pattern(rules.pattern),) if nesting is Nesting.MAP and rules.pattern else (),
        field=field,
    )
    _refuse_impossible(attribute, field, rules)
    return attribute


def _refuse_impossible(attribute: Attribute, field: FieldDescriptor, rules: annotations_pb2.Field) -> None:
    if attribute.optional and attribute.nesting is Nesting.SINGLE and not field.has_presence:
        raise SchemaError(f"{field.full_name}: optional, but protobuf cannot tell whether it is set; write `optional`")
    if attribute.required and rules.server_chosen:
        raise SchemaError(f"{field.full_name}: required and chosen by the server")
    if attribute.nesting is Nesting.SET and not attribute.computed and _has_computed(attribute.element):
        raise SchemaError(f"{field.full_name}: elements of a set cannot have output of their own; use a map")


def _has_computed(element: Scalar | Object) -> bool:
    return isinstance(element, Object) and any(a.computed or _has_computed(a.element) for a in element.attributes)


def _nesting(field: FieldDescriptor, rules: annotations_pb2.Field) -> tuple[Nesting, FieldDescriptor]:
    """Return how many values the field holds, and the field that describes one of them."""
    if not field.is_repeated:
        return Nesting.SINGLE, field
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        if entry["key"].type != FieldDescriptor.TYPE_STRING:
            raise SchemaError(f"{field.full_name}: keys of maps must be strings")
        return Nesting.MAP, entry["value"]
    return Nesting.SET if rules.unordered else Nesting.LIST, field


def _scalar(field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns, *, keyed: bool) -> Scalar:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string(field, rules, patterns, keyed=keyed)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return Scalar(type="bool")
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.type in INTEGERS:
        low, high = INTEGERS[field.type]
        low = rules.minimum if rules.HasField("minimum") else low
        high = rules.maximum if rules.HasField("maximum") else high
        check = _range(low, high)
        return Scalar(type="number", checks=(check,), canonical=_number, to_field=_integer)
    raise SchemaError(f"{field.full_name}: protobuf type {field.type} has no counterpart in Terraform yet")


def _string(field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns, *, keyed: bool) -> Scalar:
    checks: list[Check] = []
    if rules.pattern and not keyed:
        checks.append(_pattern(rules.pattern))
    if rules.max_size and not field.is_repeated and not keyed:
        checks.append(_length(rules.max_size))
    if rules.references:
        if rules.references not in patterns:
            raise SchemaError(f'{field.full_name}: there is no type "{rules.references}" to refer to')
        checks.append(_reference(patterns[rules.references], rules.references))
    form = FORMATS.get(rules.format)
    if form is None:
        return Scalar(type="string", checks=tuple(checks))
    checks.append(formats.checked(form))
    return Scalar(type="string", checks=tuple(checks), canonical=formats.spelling(form))


def _enum(enum: EnumDescriptor) -> Scalar:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    if not all(name.startswith(prefix) for name in enum.values_by_name):
        raise SchemaError(f"{enum.full_name}: its values must begin with {prefix}")
    words = {v.number: v.name.removeprefix(prefix).lower() for v in enum.values if v.number}
    numbers = {word: number for number, word in words.items()}

    def check(text: str) -> str | None:
        return None if text in numbers else f'"{text}" is not one of {", ".join(numbers)}.'

    def word_of(number: int) -> str | None:
        # A newer server may know values that this provider does not; showing them beats failing.
        return words.get(number, f"unknown_{number}") if number else None

    return Scalar(type="string", checks=(check,), to_field=numbers.__getitem__, from_field=word_of)


def _integer(value: int | float | str) -> int | None:
    """Return a number that Terraform sent as an integer; None if it is none. Large ones come as floats or text."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return int(value)
    except ValueError:
        return None


def _number(value: int | float | str) -> int | float | str:
    """Return what a number is compared by."""
    number = _integer(value)
    return value if number is None else number


def _range(low: int, high: int) -> Check:
    def check(value: int | float | str) -> str | None:
        number = _integer(value)
        if number is None:
            return f"{value} is not a whole number."
        return None if low <= number <= high else f"{value} is not between {low} and {high}."

    return check


def _length(most: int) -> Check:
    def check(text: str) -> str | None:
        return None if len(text) <= most else f"{len(text)} characters are too many; at most {most} are allowed."

    return check


def _pattern(pattern: str) -> Check:
    compiled = re.compile(pattern)

    def check(text: str) -> str | None:
        return None if compiled.fullmatch(text) else f'"{text}" does not match {pattern}'

    return check


def _reference(patterns: tuple[NamePattern, ...], referenced: str) -> Check:
    return lambda text: check_form(patterns, f"a headgate_{referenced}", text)
