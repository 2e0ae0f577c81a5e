"""The registry: a kind is a module of this package that has a `KIND`, or a module that the configuration names."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from headgate_common.rows import Member, Row
from headgate_controller import kinds
from headgate_controller.errors import UnknownKindError, Violation
from headgate_controller.observed import Observed
from headgate_controller.world import Answers, World

Faults = tuple[Violation, ...]

INFO, WARNING, ERROR = "info", "warning", "error"
"""Severities: good to know; may not work as meant, or not for long; does not work."""


class Condition(NamedTuple):
    """Something that a person may need to act on: a stable reason, and what is wrong and what to do about it."""

    reason: str
    message: str
    severity: str = WARNING


def _keep(noun: Any, before: Any, world: World) -> tuple[Any, Faults]:
    return noun, ()


def _nothing(noun: Any, world: Answers) -> Iterator[Any]:
    yield from ()


def _silent(noun: Any, world: World, observed: Observed) -> Iterator[Condition]:
    yield from ()


@dataclass(frozen=True, slots=True)
class Unseen:
    """The live part of kinds that have none."""


UNSEEN = Unseen()


def _unseen(noun: Any, world: World, observed: Observed) -> Any:
    return UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type of resource, as pure functions of a noun and the World around it.

    `message` is the full name of its protobuf message. `allocate(noun, before, world)` returns the noun with everything
    that the platform chooses, keeping what `before` had, and the faults that prevented it. `validate` yields every
    reason why `world` cannot hold the noun. Both are given the World without the resource itself. `compile` yields its
    rows and members. `conditions` yields what keeps it from working, or is missing, though it is accepted.
    `shared(noun)` says whether every project may refer to it, and so learn that it is there.
    `affects(before, after, world)` names resources whose `allocate` must run again when this one changes.

    What is only shown: `observe(noun, world, observed)` returns the values of the message's `live` fields, as a
    dataclass `live`, which must be hashable; `remarks(noun, world, observed)` yields what people should know of the
    site as it is. Neither is ever stored or compiled.
    """

    message: str
    noun: type[Any]
    allocate: Callable[[Any, Any, World], tuple[Any, Faults]] = _keep
    validate: Callable[[Any, World], Iterator[Violation]] = _nothing
    compile: Callable[[Any, Answers], Iterator[Row | Member]] = _nothing
    conditions: Callable[[Any, World], Iterator[Condition]] = _nothing
    affects: Callable[[Any, Any, World], Iterable[str]] = lambda before, after, world: ()
    shared: Callable[[Any], bool] = lambda noun: False
    live: type[Any] = Unseen
    observe: Callable[[Any, World, Observed], Any] = _unseen
    remarks: Callable[[Any, World, Observed], Iterator[Condition]] = _silent


def load(extra_modules: Iterable[str] = ()) -> Mapping[str, Kind]:
    """Return every kind by its message's full name: those of this package, and those of the modules named.

    Raises:
        UnknownKindError: a module named cannot be imported, defines no kind, or one that is there already.
    """
    names = (f"{kinds.__name__}.{module.name}" for module in pkgutil.iter_modules(kinds.__path__))
    modules = (importlib.import_module(name) for name in names)
    found = {module.KIND.message: module.KIND for module in modules if hasattr(module, "KIND")}
    for name in extra_modules:
        kind = _extra(name)
        if kind.message in found:
            raise UnknownKindError(f"extra_kinds: {name} defines {kind.message}, which is defined already.")
        found[kind.message] = kind
    return found


def _extra(name: str) -> Kind:
    try:
        kind = importlib.import_module(name).KIND
    except (ImportError, AttributeError) as error:
        text = f"extra_kinds: {name} cannot be used: {error}. Name an importable module that has a KIND."
        raise UnknownKindError(text) from error
    assert isinstance(kind, Kind), f"{name}.KIND is no Kind"
    return kind
