"""Mutations of intent: what create, update and delete mean, whatever the kind. Pure: a Draft in, a Draft out.

Every refusal names all faults at once. A step that raises leaves nothing behind: the caller goes on with the Draft it
had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate_controller.errors import (
    AlreadyExistsError,
    InUseError,
    InvalidError,
    NotFoundError,
    ProtectedError,
    StaleEtagError,
    Violation,
)
from headgate_controller.kinds.registry import Kind
from headgate_controller.world import Draft, World


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a mutation cannot know by itself: its revision, and the time in nanoseconds since the epoch."""

    revision: int
    time: int


KindOf = Callable[[Any], Kind]
"""Returns the kind of a noun."""


def create(draft: Draft, kind_of: KindOf, noun: Any, stamp: Stamp) -> Draft:
    """Return the Draft with a new resource, whose noun carries a fresh uid.

    A resource on its way out makes room for a new one of its name, if those that still refer to it can go on with
    that: whoever replaces a resource deletes it first and updates its referrers last. One that nobody has asked for
    (generation 0: it registered itself) is taken over, and stays what it is otherwise.

    Raises:
        AlreadyExistsError: the name is taken.
        InvalidError: it breaks rules, by itself or with others.
    """
    there: Any = draft.world.resources.get(noun.name)
    if there is not None and not there.meta.deleting:
        if there.meta.generation:
            raise AlreadyExistsError(noun.name)
        return _taken_over(draft, kind_of(noun), noun, there, stamp)
    free = draft.world if there is None else draft.world.replace(there, None)
    meta = replace(noun.meta, generation=1, revision=stamp.revision, create_time=stamp.time, update_time=stamp.time)
    _, world = _settled(free, kind_of(noun), replace(noun, meta=meta), None)
    made = _adopted(Draft(world, draft.touched.set(noun.name, None)), kind_of, noun.name, stamp)
    return made if there is None else _swept(made, there)


def _taken_over(draft: Draft, kind: Kind, noun: Any, there: Any, stamp: Stamp) -> Draft:
    kept = {"uid": there.meta.uid, "create_time": there.meta.create_time}
    meta = replace(noun.meta, **kept, generation=1, revision=stamp.revision, update_time=stamp.time)
    _, world = _settled(draft.world, kind, replace(noun, meta=meta), there)
    return Draft(world, draft.touched.set(noun.name, None))


def _adopted(draft: Draft, kind_of: KindOf, name: str, stamp: Stamp) -> Draft:
    """Return the Draft in which those that refer to a resource have come to terms with it.

    Raises:
        AlreadyExistsError: some cannot.
    """
    unfit = []
    for referrer in sorted(draft.world.group("referrers", name)):
        kind = kind_of(draft.world.resources[referrer])
        draft, missing = _reallocated(draft, kind, referrer, stamp)
        noun: Any = draft.world.resources[referrer]
        if missing or any(kind.validate(noun, draft.world.replace(noun, None))):
            unfit.append(referrer)
    if unfit:
        raise AlreadyExistsError(name, deleting_because_of=unfit)
    return draft


def update(draft: Draft, kind: Kind, noun: Any, stamp: Stamp, etag: str = "") -> Draft:
    """Return the Draft with a resource's new intent; the same Draft if nothing differs.

    `noun` carries the intent; everything that the platform keeps is taken from the resource itself. That no immutable
    field differs is checked where fields have names (`codec.py`).

    Raises:
        NotFoundError: there is none of that name. StaleEtagError: it is not what the caller saw. InvalidError: it
        breaks rules, by itself or with others.
    """
    before = existing(draft.world, noun.name, etag)
    kept = before.meta
    meta = replace(
        kept,
        display_name=noun.meta.display_name,
        description=noun.meta.description,
        labels=noun.meta.labels,
        deletion_protection=noun.meta.deletion_protection,
    )
    settled, _ = _settled(draft.world, kind, replace(noun, meta=meta), before)
    if settled == before:
        return draft
    changed = replace(meta, generation=kept.generation + 1, revision=stamp.revision, update_time=stamp.time)
    return draft.put(replace(settled, meta=changed))


def reallocate(draft: Draft, kind: Kind, name: str, stamp: Stamp) -> Draft:
    """Return the Draft in which the platform has chosen anew for a resource, whose intent stays; the same Draft if
    nothing differs.
    """
    return _reallocated(draft, kind, name, stamp)[0] if name in draft.world.resources else draft


def _reallocated(draft: Draft, kind: Kind, name: str, stamp: Stamp) -> tuple[Draft, tuple[Violation, ...]]:
    before: Any = draft.world.resources[name]
    after, missing = kind.allocate(before, before, draft.world.replace(before, None))
    if after == before:
        return draft, missing
    return draft.put(replace(after, meta=replace(before.meta, revision=stamp.revision))), missing


def delete(draft: Draft, name: str, stamp: Stamp, *, etag: str = "", when_unreferenced: bool = False) -> Draft:
    """Return the Draft without a resource, or, while others refer to it, with the resource on its way out.

    What was on its way out only because of this one goes too.

    Raises:
        NotFoundError: there is none of that name.
        StaleEtagError: it is not what the caller saw.
        ProtectedError: it is protected, and not on its way out already.
        InUseError: others refer to it, and the caller did not say `when_unreferenced`.
    """
    before = existing(draft.world, name, etag)
    referrers = draft.world.group("referrers", name)
    if before.meta.deletion_protection and not before.meta.deleting:
        raise ProtectedError(name, referrers)
    if not referrers:
        return _swept(draft.remove(name), before)
    if not when_unreferenced:
        raise InUseError(name, referrers)
    if before.meta.deleting:
        return draft
    return draft.put(replace(before, meta=replace(before.meta, deleting=True, revision=stamp.revision)))


def sweep(draft: Draft, before: Any) -> Draft:
    """Return the Draft without the resources on their way out that only `before`, changed or gone by now, referred
    to.
    """
    return _swept(draft, before)


def _swept(draft: Draft, gone: Any) -> Draft:
    for _, target in gone.references():
        candidate: Any = draft.world.resources.get(target)
        if candidate is not None and candidate.meta.deleting and not draft.world.group("referrers", target):
            draft = _swept(draft.remove(target), candidate)
    return draft


def existing(world: World, name: str, etag: str = "") -> Any:
    """Return the resource of that name.

    Raises:
        NotFoundError: there is none.
        StaleEtagError: `etag` is not empty and differs.
    """
    noun: Any = world.resources.get(name)
    if noun is None:
        raise NotFoundError(name)
    if etag and etag != str(noun.meta.revision):
        raise StaleEtagError(name)
    return noun


def _settled(world: World, kind: Kind, noun: Any, before: Any) -> tuple[Any, World]:
    """Return the noun with everything chosen, after every check, and the World with it.

    Its rows are compiled once as well, so that a fault of the compiler is met here and not after the commit.
    """
    alone = world if before is None else world.replace(before, None)
    settled, faults = examine(alone, kind, noun, before)
    if faults and before is not None:
        faults = _brought(faults, settled, before, examine(alone, kind, before, before)[1])
    if faults:
        raise InvalidError(noun.name, faults)
    after = world.replace(before, settled)
    list(kind.compile(settled, after))
    return settled, after


def examine(alone: World, kind: Kind, noun: Any, before: Any) -> tuple[Any, list[Violation]]:
    """Return the noun with everything chosen, and every fault of it in `alone`, a World without the resource itself."""
    faults = list(_dangling(noun, before, alone))
    settled, missing = kind.allocate(noun, before, alone)
    return settled, [*faults, *missing, *kind.validate(settled, alone)]


def _brought(faults: list[Violation], after: Any, before: Any, standing: list[Violation]) -> list[Violation]:
    """Return the faults that an update brings: not those that were there before, of fields that it leaves as they are.

    What others did since made these; whoever edits a label need not undo that, nor can, and it is shown as a condition.
    """

    def touches(field: str) -> bool:
        return bool(getattr(after, field, None) != getattr(before, field, None))

    return [fault for fault in faults if fault not in standing or touches(fault.top)]


def _dangling(noun: Any, before: Any, world: World) -> Iterator[Violation]:
    """Yield the references that lead nowhere; a reference that was there before may go on to something on its way
    out.
    """
    old = {target for _, target in before.references()} if before else set()
    for field, target in noun.references():
        found: Any = world.resources.get(target)
        if found is None:
            text = f"There is no {target}; create it first, or name another."
            yield Violation(field, "REFERENCE_NOT_FOUND", text, passing=field != "parent", needs=target)
        elif found.meta.deleting and target not in old:
            text = f"{target} is being deleted; name another, or create it again once it is gone."
            yield Violation(field, "REFERENCE_DELETING", text, passing=True, needs=target)
