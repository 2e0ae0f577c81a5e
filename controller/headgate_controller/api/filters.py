"""The filter of List: equalities of top-level fields and labels, joined by AND. Source: AIP-160, of which this is a
part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, Violation

TERM = re.compile(r'\s*([a-z0-9_]+(?:\.[A-Za-z0-9_.-]+)?)\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*')


def parse_filter(codec: KindCodec, text: str) -> Callable[[Any], bool]:
    """Return whether a noun is wanted, as a function.

    Raises:
        InvalidError: the text is no such filter, or names a field that the kind has not.
    """
    terms = [_term(codec, part) for part in re.split(r"\s+AND\s+", text.strip())] if text.strip() else []

    def wanted(noun: Any) -> bool:
        return all(_value(codec, noun, path) == value for path, value in terms)

    return wanted


def _term(codec: KindCodec, part: str) -> tuple[str, str]:
    match = TERM.fullmatch(part)
    if match is None:
        raise _refused(f'{part!r} is not of the form field = "value".')
    path = match[1]
    if path.split(".")[0] not in codec.descriptor.fields_by_name or ("." in path and not path.startswith("labels.")):
        raise _refused(f"{path!r} is no field of {codec.resource.type}; labels are labels.KEY.")
    return path, match[2] if match[2] is not None else match[3]


def _refused(why: str) -> InvalidError:
    return InvalidError(
        "", [Violation("filter", "BAD_FILTER", f'{why} For example: display_name = "web" AND labels.tier = "front".')]
    )


def _value(codec: KindCodec, noun: Any, path: str) -> str:
    if path.startswith("labels."):
        labels: dict[str, str] = dict(noun.meta.labels)
        return labels.get(path.removeprefix("labels."), "")
    return str(getattr(codec.to_message(noun), path))
