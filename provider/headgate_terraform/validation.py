"""What can be said of a configuration without asking anybody, every fault at once and each at its attribute."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from headgate_terraform.attributes import Attribute, Check, Choice, Nesting, Object, canonical_element
from headgate_terraform.paths import ROOT, Path, Problem
from headgate_terraform.values import UNKNOWN, Value, wholly_known


def validate(shape: Object, config: dict[str, Value], path: Path = ROOT) -> Iterator[Problem]:
    """Yield what is wrong with a configuration. Values not known yet are passed over, at any depth."""
    for choice in shape.choices:
        yield from _choice(choice, config, path)
    for attribute in shape.attributes:
        value = config[attribute.name]
        if attribute.configurable and value is not None and value is not UNKNOWN:
            yield from _attribute(attribute, value, path.child(attribute.name))


def _choice(choice: Choice, config: dict[str, Value], path: Path) -> Iterator[Problem]:
    names = ", ".join(choice.names)
    known = [n for n in choice.names if config[n] is not None and config[n] is not UNKNOWN]
    if len(known) > 1:
        yield Problem("Only one may be set", f"Only one of {names} may be set.", path.child(known[1]))
    if choice.required and all(config[n] is None for n in choice.names):
        yield Problem("One must be set", f"One of {names} must be set.", path)


def _attribute(attribute: Attribute, value: Value, path: Path) -> Iterator[Problem]:
    if attribute.nesting is Nesting.SINGLE:
        yield from _element(attribute, value, path)
        return
    yield from _size(attribute, len(value), path)
    entries = value.items() if attribute.nesting is Nesting.MAP else enumerate(value)
    for step, element in entries:
        place = path.element(attribute.nesting, step)
        if isinstance(step, str):
            yield from _checked(attribute.key_checks, step, "Invalid key", place)
        if element is None:
            yield Problem("Null value", "Null values are not allowed here; leave the element out.", place)
        elif element is not UNKNOWN:
            yield from _element(attribute, element, place)
    if attribute.nesting is Nesting.SET:
        yield from _duplicates(attribute, value, path)


def _size(attribute: Attribute, size: int, path: Path) -> Iterator[Problem]:
    fewest, most = attribute.size
    if size < fewest:
        yield Problem("Too few elements", f"{attribute.name} needs at least {fewest}.", path)
    if most is not None and size > most:
        yield Problem("Too many elements", f"{attribute.name} has {size}; at most {most} are allowed.", path)


def _duplicates(attribute: Attribute, values: list[Value], path: Path) -> Iterator[Problem]:
    counts = Counter(canonical_element(attribute.element, v) for v in values if wholly_known(v))
    if any(n > 1 for n in counts.values()):
        yield Problem("Duplicate element", f"{attribute.name} names the same element twice, spelled differently.", path)


def _element(attribute: Attribute, value: Value, path: Path) -> Iterator[Problem]:
    if isinstance(attribute.element, Object):
        yield from validate(attribute.element, value, path)
    else:
        yield from _checked(attribute.element.checks, value, f"Invalid {attribute.name}", path)


def _checked(checks: tuple[Check, ...], value: Any, summary: str, path: Path) -> Iterator[Problem]:
    for check in checks:
        if words := check(value):
            yield Problem(summary, words, path)
