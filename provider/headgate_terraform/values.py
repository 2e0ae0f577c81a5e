"""Terraform's values as Python values, and their encodings on the wire and in state.

null is None; unknown is `UNKNOWN`; lists and sets are lists; maps and objects are dicts.
"""

import json
from typing import Any, Final, TypeAlias

import msgpack

from headgate_terraform.attributes import Nesting, Object

Value: TypeAlias = Any
"""One value of Terraform's type system; which one is known only from the schema."""


class Unknown:
    """The type of the one value that stands for "known after apply"."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
"""Known only after apply. Equal to nothing but itself."""


class MalformedValueError(ValueError):
    """What was sent is no value: it is damaged, or too deep."""


def decode(encoded_msgpack: bytes, encoded_json: bytes = b"") -> Value:
    """Return the value of a DynamicValue; both parts empty mean null (a resource that is gone).

    Refinements of unknown values are dropped, which the protocol allows.

    Raises:
        MalformedValueError: it is none.
    """
    try:
        if encoded_msgpack:
            return msgpack.unpackb(encoded_msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False)
        return json.loads(encoded_json, parse_float=number_of) if encoded_json else None
    except (ValueError, TypeError, RecursionError, ArithmeticError, msgpack.UnpackException) as error:
        reason = f"{type(error).__name__}: {error}"
        raise MalformedValueError(f"What Terraform sent is no value ({reason}); its state may be damaged.") from error


def number_of(text: str) -> float | str:
    """Return a number that is not whole as Terraform itself sends it: text where a float would not be exact."""
    # Few configurations have such numbers; the others do without the import.
    from decimal import Decimal

    number = float(text)
    return number if Decimal(number) == Decimal(text) else text


def encode(value: Value) -> bytes:
    """Return the MessagePack form of `value`; numbers beyond 64 bits travel as text, as Terraform itself sends them."""
    encoded: bytes = msgpack.packb(value, default=_encode_special)
    return encoded


def _encode_special(value: Value) -> Value:
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\0")
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a value of Terraform")


def wholly_known(value: Value) -> bool:
    """Whether nothing unknown is in `value`, at any depth."""
    if isinstance(value, dict):
        return all(map(wholly_known, value.values()))
    if isinstance(value, list):
        return all(map(wholly_known, value))
    return value is not UNKNOWN


def conform(value: Value, shape: Object) -> Value:
    """Return an object of an older schema in the present shape: missing attributes null, unknown ones dropped."""
    if not isinstance(value, dict):
        return None
    return {a.name: _conform_attribute(value.get(a.name), a.nesting, a.element) for a in shape.attributes}


def _conform_attribute(value: Value, nesting: Nesting, element: object) -> Value:
    if value is None or not isinstance(element, Object):
        return value
    if nesting is Nesting.SINGLE:
        return conform(value, element)
    if nesting is Nesting.MAP:
        return {key: conform(entry, element) for key, entry in value.items()}
    return [conform(entry, element) for entry in value]
