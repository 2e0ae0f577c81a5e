"""One value of a file as the field that it is for wants it."""

import base64
import binascii
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from headgate_cli.fields import enum_words

BOOLS = {"true": True, "false": False}
WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
"""Least and greatest whole number of each type."""

FLOATING = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def read_scalar(field: FieldDescriptor, text: str) -> Any:
    """Return the value that a text means in a field.

    Raises:
        ValueError: it means none; its words say what would.
    """
    if field.message_type is not None:
        return _well_known(field, text)
    if field.enum_type is not None:
        return _enum(field, text)
    if field.cpp_type in WHOLE:
        return _whole(text, *WHOLE[field.cpp_type])
    if field.cpp_type in FLOATING:
        return _floating(text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text.lower() not in BOOLS:
            raise ValueError(f"{text!r} is neither true nor false.")
        return BOOLS[text.lower()]
    return _bytes(text) if field.type == FieldDescriptor.TYPE_BYTES else _string(text)


def _string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("It holds half a character (a lone surrogate); write the character itself.") from error
    return text


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("It must be base64.") from error


def _whole(text: str, least: int, greatest: int) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a whole number.") from error
    if not least <= number <= greatest:
        raise ValueError(f"{text} is not between {least} and {greatest}.")
    return number


def _floating(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number.") from error


def _enum(field: FieldDescriptor, text: str) -> int:
    """Return the number of an enum's value, written as the API does (MODE_NAT) or as tables show it (nat)."""
    words = enum_words(field)
    for number, word in words.items():
        if text.lower() == word:
            return number
    assert field.enum_type is not None
    known = field.enum_type.values_by_name.get(text)
    if known is None:
        raise ValueError(f"{text!r} is none of {', '.join(word for number, word in words.items() if number)}.")
    return int(known.number)


def _well_known(field: FieldDescriptor, text: str) -> Any:
    assert field.message_type is not None
    value: Any = GetMessageClass(field.message_type)()
    try:
        value.FromJsonString(text)
    except ValueError as error:
        example = "30s" if field.message_type.name == "Duration" else "2030-01-31T12:00:00Z"
        raise ValueError(f'{text!r} is no {field.message_type.name.lower()}; write one like "{example}".') from error
    return value
