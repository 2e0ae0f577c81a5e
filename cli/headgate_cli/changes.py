"""What differs between two states of a resource, field by field, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from headgate.v1 import annotations_pb2
from headgate_cli.fields import (
    HIDDEN,
    bare_word,
    is_hidden,
    is_map,
    is_output,
    is_plain,
    messages_in,
    set_fields,
    value_field,
)
from headgate_cli.kinds import rules_of

IDENTIFIER = annotations_pb2.BEHAVIOR_IDENTIFIER


class Word(NamedTuple):
    """One value: what is compared, and what may be shown of it."""

    bare: str
    shown: str


Words = dict[str, list[Word]]
"""What each field says, by its path; a list has one word for each element."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value of one field that comes, goes, or becomes another."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Return it as a line."""
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        if self.after is None:
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} → {self.after}"


def differences(before: Any, after: Any) -> list[Change]:
    """Return what differs in what users can set; None stands for a resource that is not there."""
    old, new = _words_of(before), _words_of(after)
    return [change for path in dict.fromkeys([*new, *old]) for change in _of(path, old.get(path), new.get(path))]


def _of(path: str, old: list[Word] | None, new: list[Word] | None) -> Iterator[Change]:
    if old == new:
        return
    old, new = old or [], new or []
    if len(old) <= 1 and len(new) <= 1:
        yield Change(path, *(next((word.shown for word in words), None) for words in (old, new)))
    elif sorted(old) == sorted(new):
        yield Change(path, *(", ".join(word.shown for word in words) for words in (old, new)))
    else:
        yield from (Change(path, word.shown, None) for word in old if word not in new)
        yield from (Change(path, None, word.shown) for word in new if word not in old)


def _words_of(message: Any) -> Words:
    return {} if message is None else dict(_flat(message, ""))


def _flat(message: Any, path: str) -> Iterator[tuple[str, list[Word]]]:
    for field in set_fields(message):
        if not is_output(field) and rules_of(field).behavior != IDENTIFIER:
            inner = f"{path}.{field.name}" if path else field.name
            yield from _flat_field(field, getattr(message, field.name), inner)


def _flat_field(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[str, list[Word]]]:
    if is_map(field):
        hidden = is_hidden(field)
        for key in sorted(value):
            yield from _flat_one(value_field(field), value[key], f"{path}[{key}]", hidden=hidden)
    elif field.is_repeated:
        yield path, [_in_a_word(field, element) for element in value]
    else:
        yield from _flat_one(field, value, path)


def _flat_one(
    field: FieldDescriptor, value: Any, path: str, *, hidden: bool = False
) -> Iterator[tuple[str, list[Word]]]:
    if is_plain(field):
        yield path, [_word(field, value, hidden=hidden or is_hidden(field))]
    else:
        yield from list(_flat(value, path)) or [(path, [Word("{}", "{}")])]


def _word(field: FieldDescriptor, value: Any, *, hidden: bool) -> Word:
    bare = bare_word(field, value)
    return Word(bare, HIDDEN if hidden else bare)


def _in_a_word(field: FieldDescriptor, element: Any) -> Word:
    """Return one element of a list; of a message all that it says, on one line."""
    if is_plain(field):
        return _word(field, element, hidden=is_hidden(field))
    inner = list(_flat(element, ""))
    texts = (", ".join(f"{path} {' '.join(w[side] for w in words)}" for path, words in inner) for side in (0, 1))
    return Word(*(text or "{}" for text in texts))


def unseen(message: Any) -> list[Change]:
    """Return what a resource sets of values that are never returned, so that nobody can tell whether they differ."""
    return [Change(path, HIDDEN, HIDDEN) for path in dict.fromkeys(_write_only(message, ""))]


def _write_only(message: Any, path: str) -> Iterator[str]:
    for field in set_fields(message):
        inner = f"{path}.{field.name}" if path else field.name
        if rules_of(field).write_only:
            yield inner
        for one in messages_in(field, getattr(message, field.name)):
            yield from _write_only(one, inner)
