"""The filter of List: equalities of top-level fields and labels, joined by AND. Source: AIP-160, of which this is a
part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from headgate_controller.annotations import rule_of
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, Violation

LONGEST = 2_000
"""Characters of a filter; longer ones cost more to read than any request is worth."""

TERM = re.compile(r'([a-z0-9_]+(?:\.[A-Za-z0-9_.-]+)?)\s*=\s*(?:"([^"]*)"|([^\s"]+))')
AND = re.compile(r"\s+AND\s+")
LABELS = "labels."
DERIVED = frozenset({"reconciling"})
"""Fields of which nothing is stored, so that nothing can be selected by them."""


def parse_filter(codec: KindCodec, text: str) -> Callable[[Any], bool]:
    """Return whether a noun is wanted, as a function.

    Raises:
        InvalidError: the text is no such filter, or names a field that the kind has not.
    """
    terms = _terms(codec, text.strip())
    if not terms:
        return lambda _: True

    def wanted(noun: Any) -> bool:
        return all(_value(codec, noun, path) == value for path, value in terms)

    return wanted


def _terms(codec: KindCodec, text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST:
        raise _refused(f"It has {len(text)} characters, more than {LONGEST}.")
    terms: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        joint = AND.match(text, position) if terms else None
        start = joint.end() if joint else position
        match = TERM.match(text, start)
        if match is None or (terms and not joint):
            raise _refused(f'{text[start:]!r} is not of the form field = "value", or AND is missing before it.')
        terms.append((_path(codec, match[1]), match[2] if match[2] is not None else match[3]))
        position = match.end()
    return terms


def _path(codec: KindCodec, path: str) -> str:
    field = codec.descriptor.fields_by_name.get(path)
    plain = field is not None and not field.is_repeated and field.message_type is None and path not in DERIVED
    readable = field is not None and not rule_of(field).write_only and not rule_of(field).live
    if not (plain and readable) and not path.startswith(LABELS):
        raise _refused(f"{path!r} is no single value of a {codec.resource.type}; labels are labels.KEY.")
    return path


def _refused(why: str) -> InvalidError:
    return InvalidError(
        "", [Violation("filter", "BAD_FILTER", f'{why} For example: display_name = "web" AND labels.tier = "front".')]
    )


def _value(codec: KindCodec, noun: Any, path: str) -> str:
    """Return what a noun holds at a path, as JSON writes it; what is not set is what it is by default."""
    if path.startswith(LABELS):
        labels: dict[str, str] = dict(noun.meta.labels)
        return labels.get(path.removeprefix(LABELS), "")
    field, value = codec.descriptor.fields_by_name[path], codec.value(noun, path)
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    return str(value).lower() if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else str(value)
