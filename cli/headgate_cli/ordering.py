"""In which order resources can be made: what others lie in or refer to comes first."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from headgate_cli.fields import is_map, messages_in, set_fields
from headgate_cli.kinds import rules_of

T = TypeVar("T")


def needed_by(message: Any) -> Iterator[str]:
    """Yield the names that a resource cannot be without: those that it lies in, and those that it refers to."""
    segments = message.name.split("/")
    yield from ("/".join(segments[:end]) for end in range(2, len(segments), 2))
    yield from _references(message)


def _references(message: Any) -> Iterator[str]:
    for field in set_fields(message):
        value = getattr(message, field.name)
        if rules_of(field).references:
            named = value.values() if is_map(field) else value if field.is_repeated else [value]
            yield from (str(name) for name in named)
        for inner in messages_in(field, value):
            yield from _references(inner)


def in_order(resources: Sequence[Any]) -> list[Any]:
    """Return the resources so that each comes after those it needs, and otherwise as they came."""
    waiting = {resource.name: resource for resource in resources}
    ordered: list[Any] = []

    def place(resource: Any) -> None:
        if waiting.pop(resource.name, None) is not None:
            for name in needed_by(resource):
                if name in waiting:
                    place(waiting[name])
            ordered.append(resource)

    for resource in resources:
        place(resource)
    return ordered
