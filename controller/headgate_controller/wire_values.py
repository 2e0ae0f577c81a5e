"""Single values of the API ↔ values of nouns: text, numbers, enums, addresses and references, each by the rules its
field is annotated with.

Source: proto/headgate/v1/annotations.proto.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from headgate.v1 import annotations_pb2
from headgate_controller.addresses import V4, V6, Address, Prefix, parse_address, parse_prefix, text
from headgate_controller.errors import Violation
from headgate_controller.moments import DURATION, SECOND, duration, nanoseconds, parse_duration, timestamp

Faults = list[Violation]
Read = Callable[[Any, str, Faults], Any]
"""Returns a noun's value for a message's, given the path of the field; adds what is wrong with it to the faults."""

PatternsOf = Callable[[str], tuple[re.Pattern[str], ...]]
"""The forms of resource names of a type."""

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
LONGEST_ELEMENT = 255
"""Characters of one string of a list or map: there, `max_size` bounds the list or map."""


class Converter(NamedTuple):
    """How one value is read, and how it is written."""

    read: Read
    write: Callable[[Any], Any]


def _family(version: int, value: str) -> int:
    address = parse_address(value)
    if address.version != version:
        raise ValueError(f"it is not an IPv{version} address")
    return address.value


def _prefix_family(version: int, value: str) -> Prefix:
    prefix = parse_prefix(value)
    if prefix.version != version:
        raise ValueError(f"it is not an IPv{version} prefix")
    return prefix


def _mac(value: str) -> str:
    lower = value.lower().replace("-", ":")
    if not MAC.fullmatch(lower):
        raise ValueError("six pairs of hexadecimal digits are needed, as in 0a:00:00:00:00:01")
    if int(lower[:2], 16) & 1 or lower == "00:00:00:00:00:00":
        raise ValueError("it is not the address of one interface (multicast, or all zero)")
    return lower


FORMATS: dict[int, tuple[str, Callable[[str], Any], Callable[[Any], str]]] = {
    annotations_pb2.FORMAT_IPV4: ("an IPv4 address", partial(_family, V4), partial(text, V4)),
    annotations_pb2.FORMAT_IPV6: ("an IPv6 address", partial(_family, V6), partial(text, V6)),
    annotations_pb2.FORMAT_IP: ("an IP address", parse_address, Address.__str__),
    annotations_pb2.FORMAT_IPV4_PREFIX: ("an IPv4 prefix", partial(_prefix_family, V4), Prefix.__str__),
    annotations_pb2.FORMAT_IPV6_PREFIX: ("an IPv6 prefix", partial(_prefix_family, V6), Prefix.__str__),
    annotations_pb2.FORMAT_PREFIX: ("a prefix", parse_prefix, Prefix.__str__),
    annotations_pb2.FORMAT_MAC: ("an Ethernet address", _mac, str),
}


def converter(
    field: FieldDescriptor, element: FieldDescriptor, rule: annotations_pb2.Field, patterns: PatternsOf
) -> Converter:
    """Return how the values of a field that is no message are converted; `element` is what it repeats or maps to, the
    field itself if it does neither.
    """
    if element.message_type is not None:
        return _moment(element, rule)
    if element.enum_type is not None:
        return _enum(element)
    if rule.format:
        what, parse, write = FORMATS[rule.format]
        return Converter(partial(_read_format, what, parse), write)
    if rule.references:
        return Converter(partial(_read_reference, rule.references, patterns(rule.references)), _same)
    single = element is field and not field.is_repeated
    if element.type == FieldDescriptor.TYPE_BYTES:
        return Converter(partial(_read_bytes, rule.max_size if single else LONGEST_ELEMENT), _same)
    if element.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        pattern = re.compile(rule.pattern) if rule.pattern and element is field else None
        shown = _unshown if rule.sensitive or rule.write_only else repr
        return Converter(partial(_read_text, pattern, rule.max_size if single else LONGEST_ELEMENT, shown), _same)
    if element.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return Converter(lambda value, path, faults: value, _same)
    return Converter(partial(_read_number, *_bounds(rule)), _same)


def default_of(field: FieldDescriptor, rule: annotations_pb2.Field) -> Any:
    """Return what a noun holds for a field that is left out: its default; without one None, or "" for an output of
    plain text.
    """
    if not rule.HasField("default_value"):
        plain = field.cpp_type == FieldDescriptor.CPPTYPE_STRING and not rule.format
        if not plain or field.has_presence:
            return None
        return b"" if field.type == FieldDescriptor.TYPE_BYTES else ""
    return _parsed(field, rule, rule.default_value)


def _parsed(field: FieldDescriptor, rule: annotations_pb2.Field, written: str) -> Any:
    """Return the noun's value for a default as it is written down."""
    if field.message_type is not None:
        return parse_duration(written)
    if rule.format:
        return FORMATS[rule.format][1](written)
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING | FieldDescriptor.CPPTYPE_ENUM:
            return written
        case FieldDescriptor.CPPTYPE_BOOL:
            return written == "true"
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return float(written)
    return int(written)


def _bounds(rule: annotations_pb2.Field) -> tuple[int | None, int | None]:
    return (
        rule.minimum if rule.HasField("minimum") else None,
        rule.maximum if rule.HasField("maximum") else None,
    )


def _unshown(_value: str) -> str:
    return "The value, which is not shown,"


def _same(value: Any) -> Any:
    return value


def _enum(field: FieldDescriptor) -> Converter:
    """Return the converter of an enum; nouns hold its names in lower case, without what all of them begin with."""
    assert field.enum_type is not None
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", field.enum_type.name).upper() + "_"
    names = {v.number: v.name.removeprefix(prefix).lower() for v in field.enum_type.values if v.number}
    numbers = {name: number for number, name in names.items()}
    return Converter(partial(_read_enum, names), numbers.__getitem__)


def _read_enum(names: dict[int, str], value: int, path: str, faults: Faults) -> str | None:
    if value not in names:
        faults.append(Violation(path, "UNKNOWN_VALUE", f"{value} is none of {', '.join(names.values())}."))
    return names.get(value)


def _read_format(what: str, parse: Callable[[str], Any], value: str, path: str, faults: Faults) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        faults.append(Violation(path, "BAD_FORMAT", f"{value!r} is not {what}: {error}."))
        return None


def _read_reference(type_: str, patterns: tuple[re.Pattern[str], ...], value: str, path: str, faults: Faults) -> str:
    if not any(pattern.fullmatch(value) for pattern in patterns):
        faults.append(Violation(path, "BAD_REFERENCE", f"{value!r} is not the name of a {type_}."))
    return value


def _moment(element: FieldDescriptor, rule: annotations_pb2.Field) -> Converter:
    assert element.message_type is not None
    if element.message_type.full_name == DURATION:
        least, most = _bounds(rule)
        return Converter(partial(_read_duration, least or 0, most), duration)
    return Converter(_read_moment, timestamp)


def _read_moment(value: Any, path: str, faults: Faults) -> int | None:
    try:
        return nanoseconds(value)
    except ValueError as error:
        faults.append(Violation(path, "BAD_FORMAT", f"It is no valid {value.DESCRIPTOR.name}: {error}"))
        return None


def _read_duration(least: int, most: int | None, value: Any, path: str, faults: Faults) -> int | None:
    read = _read_moment(value, path, faults)
    if read is not None and read < least * SECOND:
        faults.append(Violation(path, "OUT_OF_RANGE", f"It is shorter than {least} s, the shortest allowed."))
    if read is not None and most is not None and read > most * SECOND:
        faults.append(Violation(path, "OUT_OF_RANGE", f"It is longer than {most} s, the longest allowed."))
    return read


def _read_bytes(most: int, value: bytes, path: str, faults: Faults) -> bytes:
    if most and len(value) > most:
        faults.append(Violation(path, "TOO_LONG", f"It has {len(value)} bytes, more than {most}; shorten it."))
    return value


def _read_text(
    pattern: re.Pattern[str] | None, most: int, shown: Callable[[str], str], value: str, path: str, faults: Faults
) -> str:
    if most and len(value) > most:
        faults.append(Violation(path, "TOO_LONG", f"It has {len(value)} characters, more than {most}; shorten it."))
    elif pattern and not pattern.fullmatch(value):
        faults.append(Violation(path, "BAD_FORMAT", f"{shown(value)} does not match {pattern.pattern}."))
    elif any(ord(character) < 32 and character not in "\n\t" for character in value):
        faults.append(Violation(path, "BAD_FORMAT", "It contains control characters; leave them out."))
    return value


def _read_number(least: int | None, most: int | None, value: float, path: str, faults: Faults) -> float:
    if not math.isfinite(value):
        faults.append(Violation(path, "BAD_FORMAT", f"{value} is not a number that can be kept; give a finite one."))
    elif least is not None and value < least:
        faults.append(Violation(path, "OUT_OF_RANGE", f"{value} is less than {least}, the smallest allowed."))
    if most is not None and value > most:
        faults.append(Violation(path, "OUT_OF_RANGE", f"{value} is more than {most}, the largest allowed."))
    return value
