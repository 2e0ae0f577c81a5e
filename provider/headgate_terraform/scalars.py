"""Single values: how each type of field is checked, compared and converted."""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from math import isfinite
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from headgate.v1 import annotations_pb2
from headgate_terraform import formats, moments
from headgate_terraform.attributes import Check, Scalar
from headgate_terraform.names import NamePattern, check_form
from headgate_terraform.values import number_of

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

INT64 = (-(2**63), 2**63 - 1)

INTEGERS: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: INT64,
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}

DURATION, TIMESTAMP = "google.protobuf.Duration", "google.protobuf.Timestamp"

_NEWER_VALUE = re.compile(r"unknown_([1-9][0-9]{0,9})")
"""How a value is shown that a newer server knows and this provider does not."""

Number = int | float | str
"""Terraform sends numbers as any of these."""


class SchemaError(Exception):
    """A proto file says something that Terraform cannot be told; a fault of Headgate, never of the user."""


def is_scalar(field: FieldDescriptor) -> bool:
    """Return whether one value of a field is a scalar in Terraform."""
    return field.message_type is None or field.message_type.full_name in (DURATION, TIMESTAMP)


def scalar_of(field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns, *, keyed: bool) -> Scalar:
    """Return what one value of a field is in Terraform; of a map, `keyed`, `field` is that of the values.

    Raises:
        SchemaError: there is nothing that it could be.
    """
    if field.message_type is not None:
        return _moment(field.message_type.full_name, rules)
    if field.enum_type is not None:
        return _enum(field.enum_type)
    most = rules.max_size if rules.max_size and not field.is_repeated and not keyed else None
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return _string(field, rules, patterns, most=most, keyed=keyed)
        case FieldDescriptor.TYPE_BYTES:
            return _bytes(most)
        case FieldDescriptor.TYPE_BOOL:
            return Scalar(type="bool")
        case FieldDescriptor.TYPE_DOUBLE:
            return Scalar(
                type="number", checks=(_real(*_bounds(rules)),), canonical=float, to_field=float, from_field=_plain
            )
    return _whole(field, rules)


def _whole(field: FieldDescriptor, rules: annotations_pb2.Field) -> Scalar:
    if field.type not in INTEGERS:
        raise SchemaError(f"{field.full_name}: protobuf type {field.type} has no counterpart in Terraform")
    low, high = _bounds(rules)
    least, most = INTEGERS[field.type]
    return integers(least if low is None else low, most if high is None else high)


def integers(least: int, most: int) -> Scalar:
    """Return a whole number within bounds."""
    return Scalar(type="number", checks=(_range(least, most),), canonical=_number, to_field=integer)


def _bounds(rules: annotations_pb2.Field) -> tuple[int | None, int | None]:
    return (
        rules.minimum if rules.HasField("minimum") else None,
        rules.maximum if rules.HasField("maximum") else None,
    )


def _string(
    field: FieldDescriptor, rules: annotations_pb2.Field, patterns: Patterns, *, most: int | None, keyed: bool
) -> Scalar:
    checks: list[Check] = []
    if rules.pattern and not keyed:
        checks.append(pattern_check(rules.pattern, hidden=rules.sensitive or rules.write_only))
    if most is not None:
        checks.append(_length("characters", len, most))
    if rules.references:
        if rules.references not in patterns:
            raise SchemaError(f'{field.full_name}: there is no type "{rules.references}" to refer to')
        checks.append(_reference(patterns[rules.references], rules.references))
    form = FORMATS.get(rules.format)
    if form is None:
        return Scalar(type="string", checks=tuple(checks))
    checks.append(formats.checked(form))
    return Scalar(type="string", checks=tuple(checks), canonical=formats.spelling(form))


def _moment(full_name: str, rules: annotations_pb2.Field) -> Scalar:
    if full_name == TIMESTAMP:
        return Scalar(
            type="string",
            checks=(formats.checked(moments.parse_time),),
            canonical=formats.spelling(moments.parse_time),
            to_field=moments.timestamp,
            from_field=moments.time_text,
        )
    low, high = _bounds(rules)
    return Scalar(
        type="string",
        checks=(formats.checked(partial(_bounded_duration, low or 0, high)),),
        canonical=formats.spelling(moments.parse_duration),
        to_field=moments.duration,
        from_field=moments.duration_text,
    )


def _bounded_duration(low: int, high: int | None, text: str) -> int:
    nanoseconds = moments.parse_duration(text)
    if nanoseconds < low * moments.SECOND:
        raise ValueError(f'"{text}" is shorter than {low} s')
    if nanoseconds > (315_576_000_000 if high is None else high) * moments.SECOND:
        raise ValueError(f'"{text}" is longer than {"10,000 years" if high is None else f"{high} s"}')
    return nanoseconds


def _bytes(most: int | None) -> Scalar:
    checks: list[Check] = [formats.checked(_decoded)]
    if most is not None:
        checks.append(_length("bytes", lambda text: len(formats.spelling(_decoded)(text)), most))  # type: ignore[arg-type]
    return Scalar(
        type="string",
        checks=tuple(checks),
        canonical=formats.spelling(_decoded),
        to_field=_decoded,
        from_field=lambda content: b2a_base64(content, newline=False).decode(),
    )


def _decoded(text: str) -> bytes:
    try:
        return a2b_base64(text.encode(), strict_mode=True)
    except ValueError:
        raise ValueError('It is not base64; write for example base64encode("…") or filebase64("…")') from None


def _enum(enum: EnumDescriptor) -> Scalar:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    if not all(name.startswith(prefix) for name in enum.values_by_name):
        raise SchemaError(f"{enum.full_name}: its values must begin with {prefix}")
    words = {v.number: v.name.removeprefix(prefix).lower() for v in enum.values if v.number}
    numbers = {word: number for number, word in words.items()}

    def number_of(text: str) -> int | None:
        newer = _NEWER_VALUE.fullmatch(text)
        return numbers.get(text, int(newer[1]) if newer and int(newer[1]) not in words else None)

    def check(text: str) -> str | None:
        return None if number_of(text) is not None else f'"{text}" is not one of {", ".join(numbers)}.'

    def word_of(number: int) -> str | None:
        # A newer server may know values that this provider does not; showing them beats failing.
        return words.get(number, f"unknown_{number}") if number else None

    return Scalar(type="string", checks=(check,), to_field=number_of, from_field=word_of)


def integer(value: Number) -> int | None:
    """Return a number that Terraform sent as an integer; None if it is none. Large ones come as floats or text."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return int(value)
    except ValueError:
        return None


def _number(value: Number) -> Number:
    """Return what a number is compared by."""
    number = integer(value)
    return value if number is None else number


def _plain(value: float) -> Number:
    """Return a number as Terraform reads it without loss."""
    return int(value) if value.is_integer() else number_of(repr(value))


def _real(low: int | None, high: int | None) -> Check:
    def check(value: Number) -> str | None:
        number = float(value)
        if not isfinite(number):
            return f"{value} is too large for a number of 64 bits."
        if low is not None and number < low:
            return f"{value} is less than {low}."
        return f"{value} is more than {high}." if high is not None and number > high else None

    return check


def _range(low: int, high: int) -> Check:
    def check(value: Number) -> str | None:
        number = integer(value)
        if number is None:
            return f"{value} is not a whole number."
        return None if low <= number <= high else f"{value} is not between {low} and {high}."

    return check


def _length(what: str, measure: Callable[[Any], int], most: int) -> Check:
    def check(text: str) -> str | None:
        size = measure(text)
        return None if size <= most else f"{size} {what} are too many; at most {most} are allowed."

    return check


def pattern_check(pattern: str, *, hidden: bool = False) -> Check:
    """Return a check that a whole text matches; what it says of a `hidden` text does not quote it."""
    compiled = re.compile(pattern)

    def check(text: str) -> str | None:
        shown = "The value, which is not shown," if hidden else f'"{text}"'
        return None if compiled.fullmatch(text) else f"{shown} does not match {pattern}"

    return check


def _reference(patterns: tuple[NamePattern, ...], referenced: str) -> Check:
    return lambda text: check_form(patterns, f"a headgate_{referenced}", text)


def default_of(scalar: Scalar, rules: annotations_pb2.Field) -> Hashable:
    """Return the annotated default as a value of Terraform; None if there is none."""
    if not rules.HasField("default_value"):
        return None
    match scalar.type:
        case "bool":
            return rules.default_value == "true"
        case "number":
            return _number(rules.default_value)
        case _:
            return rules.default_value
