"""Plan sessions: a plan judged while it is made, resource by resource and in any order, by what its end will be.

A session begins with a committed World and never changes it; its own World becomes what the plan's end will be. What
the client manages and has not planned yet may still move: a resource that collides with it has to wait, and if it
cannot, has its place, and the other is told when it is planned. What is chosen for a planned resource (an address of a
pool) only reserves room: it gives way to a resource that is planned with exactly that.

Nothing here may refuse what the plan's end allows: in doubt a fault is passed over, since the real change will meet it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, NamedTuple

from headgate_controller import intent
from headgate_controller.annotations import rule_of
from headgate_controller.errors import Violation
from headgate_controller.planned import Finding, Patience, Planned
from headgate_controller.schema import Schema
from headgate_controller.world import World

BELOW = "/-"
"""Ends the name of "anything below"; see `errors.Violation`."""


class _Candidate(NamedTuple):
    """A noun to be judged, and what it was before the plan."""

    noun: Any
    before: Any
    unknown: frozenset[str] = frozenset()
    incomplete: bool = False
    kept: bool = False


class PlanSession:
    """One plan. Steps may be repeated: a resource that was refused is judged again, by what is known by then."""

    def __init__(self, base: World, schema: Schema) -> None:
        self._base = base
        self.world = base
        """What the plan's end will be, as far as it has been told."""
        self._schema = schema
        self._told: set[str] = set()
        self._planned: set[str] = set()
        self._created: set[str] = set()
        self._incomplete: set[str] = set()
        self._refused: set[str] = set()
        self._chosen: dict[str, _Candidate] = {}

    @property
    def size(self) -> int:
        """How many resources it knows of."""
        return len(self._told)

    def manage(self, name: str) -> None:
        """Take note that the client manages a resource, and will tell what becomes of it."""
        self._told.add(name)

    def remove(self, name: str) -> None:
        """Take note that a resource will be gone, if only to be planned anew."""
        self._told.add(name)
        if name not in self._planned:
            self.world = _without(self.world, name)

    def refuse(self, name: str) -> None:
        """Take note that a planned resource is refused for what the session cannot know."""
        self._forget(name)
        self._refused.add(name)

    def keep(self, name: str) -> list[Finding]:
        """Return what of the plan stands in the way of a resource that stays as it is."""
        noun: Any = self._base.resources.get(name)
        if noun is None or noun.meta.deleting:
            self.remove(name)
            return []
        if name in self._planned:
            return self._twice(name) if name in self._created else []
        self.remove(name)
        return self._judged(_Candidate(noun, noun, kept=True), Patience.ALL)

    def create(self, planned: Planned, patience: Patience = Patience.WAIT) -> list[Finding]:
        """Return what stands against a new resource."""
        there: Any = self.world.resources.get(planned.name)
        # What is on its way out makes room, and what nobody has asked for is taken over (`intent.create`).
        stays = there is not None and not there.meta.deleting
        unheard = stays and there.meta.generation and planned.name not in self._told
        if unheard and patience is not Patience.ALL:
            text = f"{planned.name} exists already; import it, or choose another name."
            return [Finding(Violation("name", "ALREADY_EXISTS", text, holder=planned.name), open=True)]
        faults: list[Violation] = []
        noun = planned.codec.from_client(planned.name, planned.message, faults)
        if noun is not None:
            noun = planned.codec.with_uid(noun, f"plan/{planned.name}")
        taken = there if stays and not there.meta.generation else None
        twice = planned.name in self._planned and not planned.replacement
        found = self._twice(planned.name) if twice else self._examined(planned, noun, taken, faults, patience)
        if planned.name in self._planned and not twice:
            self._created.add(planned.name)
        return found

    def update(self, planned: Planned, patience: Patience = Patience.WAIT) -> list[Finding]:
        """Return what stands against a change of a resource."""
        before: Any = self._base.resources.get(planned.name)
        if before is None or before.meta.deleting:
            self.remove(planned.name)
            return []
        if planned.name in self._created:
            return self._twice(planned.name)
        faults: list[Violation] = []
        noun = planned.codec.merged(before, planned.message, planned.mask, faults)
        return self._examined(planned, noun, before, faults, patience)

    def _twice(self, name: str) -> list[Finding]:
        """Return the fault of a new resource whose name is planned for another as well."""
        text = f"{name} is planned twice; give one of them another name, or take it out of the configuration."
        return [Finding(Violation("name", "ALREADY_EXISTS", text, holder=name), open=False)]

    def _forget(self, name: str) -> None:
        """Begin anew with a resource."""
        for names in (self._planned, self._created, self._incomplete):
            names.discard(name)
        self._chosen.pop(name, None)
        self.remove(name)

    def _examined(
        self, planned: Planned, noun: Any, before: Any, faults: list[Violation], patience: Patience
    ) -> list[Finding]:
        self._forget(planned.name)
        certain = [Finding(fault, open=False) for fault in faults if not planned.passed_over(fault)]
        if noun is None or certain:
            return certain
        own = {field.name for field in fields(noun)}
        chosen = (n for n in planned.unknown & own if rule_of(planned.codec.descriptor.fields_by_name[n]).server_chosen)
        noun = replace(noun, **dict.fromkeys(chosen))
        return self._judged(_Candidate(noun, before, planned.unknown & own, planned.incomplete), patience)

    def _judged(self, candidate: _Candidate, patience: Patience) -> list[Finding]:
        """Return what stands against a candidate; if nothing does, it is part of the session's World from now on."""
        self._refused.add(candidate.noun.name)
        world, moved = self.world, dict[str, Violation]()
        settled, faults = self._settled(candidate, world)
        first = faults
        while moving := self._moving(settled, faults, world):
            for name in moving:
                world = _without(world, name)
            moved |= moving
            settled, faults = self._settled(candidate, world)
        found = [f for f in faults if self._stands(f, candidate, settled, patience)] or self._clashes(settled, world)
        if not found and patience is Patience.WAIT:
            found = [fault for name, fault in moved.items() if name not in self._chosen]
        if not found:
            for name in self._occupants(settled, world):
                world = _without(world, name)
            world, found = self._resettled(world.replace(None, settled), moved)
            if any(fault in moved.values() for fault in found):
                found = [f for f in first if self._stands(f, candidate, settled, patience)] or found
        if found:
            return [Finding(fault, self._is_open(fault)) for fault in dict.fromkeys(found)]
        self._accept(candidate, settled, world)
        return []

    def _moving(self, noun: Any, faults: list[Violation], world: World) -> dict[str, Violation]:
        """Return who may still move out of the way, each with the fault if it does not: what the client manages and
        has not planned yet, and what is planned with something that is only chosen for it. What the noun refers to
        cannot: it is there first, and has chosen by then.
        """
        first = {target for _, target in noun.references()}
        in_the_way = {name: _clash(name) for name in self._occupants(noun, world)}
        for fault in faults:
            in_the_way |= dict.fromkeys(self._named(fault.holder, world), fault)
        return {
            name: fault
            for name, fault in sorted(in_the_way.items())
            if name in world.resources and name not in first
            if name in self._chosen or name in self._told - self._planned
        }

    def _named(self, holder: str, world: World) -> list[str]:
        """Return the holder, or, if it is anything that has part of a pool, whoever of the client's may give it up."""
        if not holder.endswith(BELOW):
            return [holder]
        pool = holder.removesuffix(BELOW)
        there = ((name, world.resources.get(name)) for name in self._told - self._planned)
        return [name for name, noun in there if noun is not None and any(owner == pool for owner, _ in noun.taken())]

    def _settled(self, candidate: _Candidate, world: World) -> tuple[Any, list[Violation]]:
        """Return a candidate with what the platform would choose for it, but for what is only not known yet."""
        noun, before, unknown, _, kept = candidate
        kind = self._schema.kind(noun)
        if kept:
            return noun, list(kind.validate(noun, world))
        settled, faults = intent.examine(world, kind, noun, before)
        if not unknown:
            return settled, faults
        own = {name: getattr(noun, name) for name in unknown}
        return replace(settled, **own), [f for f in faults if f.top not in unknown]

    def _stands(self, fault: Violation, candidate: _Candidate, settled: Any, patience: Patience) -> bool:
        """Return whether a fault is one of the plan's end, as far as the session knows."""
        before = candidate.before
        if patience is Patience.ALL and self._is_open(fault):
            return False
        # A change is not refused for what it leaves as it is; whatever takes the place of that is (`intent.update`).
        untouched = before is not None and getattr(settled, fault.top, None) == getattr(before, fault.top, None)
        if fault.holder:
            if untouched and self._was_there(fault, before):
                return False
            return fault.holder in self._planned or not self._follows(fault.holder, settled.name)
        if untouched or candidate.incomplete or self._is_lost(fault.needs) or self._is_late(fault, candidate):
            return False
        return patience is Patience.WAIT or not self._is_awaited(fault.needs)

    def _is_late(self, fault: Violation, candidate: _Candidate) -> bool:
        """Return whether a fault arises only when another planned change is made, so that it may come too late."""
        name, world = fault.needs.removesuffix(BELOW), self.world
        below = (n for n in self._told if n.startswith(f"{name}/")) if fault.needs.endswith(BELOW) else ()
        for changed in {name, *below} - {candidate.noun.name}:
            before, after = self._base.resources.get(changed), self.world.resources.get(changed)
            if before is not None and before != after:
                world = world.replace(after, before)
        if world is self.world:
            return False
        _, faults = self._settled(candidate, world)
        return (fault.field, fault.reason) not in {(other.field, other.reason) for other in faults}

    def _was_there(self, fault: Violation, noun: Any) -> bool:
        """Return whether a fault was there before the plan."""
        return fault in self._schema.kind(noun).validate(noun, _without(self._base, noun.name))

    def _follows(self, holder: str, name: str) -> bool:
        """Return whether a resource can only be planned after another, since it refers to it."""
        noun: Any = self.world.resources.get(holder)
        targets = [holder, *(target for _, target in noun.references())] if noun else [holder]
        return any(target == name or target.startswith(f"{name}/") for target in targets)

    def _is_lost(self, needs: str) -> bool:
        """Return whether nobody can tell what a resource, or what is below it, will be: something of it is unknown, or
        it has been refused, which has been told.
        """
        return not self._near(needs).isdisjoint(self._refused) or self._touches(needs, self._incomplete)

    def _is_awaited(self, needs: str) -> bool:
        """Return whether what becomes of a resource, or of what is below it, has not been told yet."""
        return self._touches(needs, self._told - self._planned - self._refused)

    def _touches(self, needs: str, names: set[str]) -> bool:
        below = f"{needs.removesuffix(BELOW)}/" if needs.endswith(BELOW) else None
        return not self._near(needs).isdisjoint(names) or (
            below is not None and any(n.startswith(below) for n in names)
        )

    def _near(self, needs: str) -> set[str]:
        """Return a resource and what it refers to."""
        name = needs.removesuffix(BELOW)
        noun: Any = self.world.resources.get(name)
        return {name, *(target for _, target in noun.references())} if noun else {name}

    def _is_open(self, fault: Violation) -> bool:
        unplanned = any(name and name not in self._planned for name in (fault.holder, fault.needs))
        return unplanned or bool(fault.needs and self._is_awaited(fault.needs))

    def _occupants(self, noun: Any, world: World) -> Iterator[str]:
        """Yield who holds numbers that a noun holds too."""
        for owner, number in noun.taken():
            if number not in world.pool(owner):
                continue
            place = owner.partition("#")[0]
            for name in [place, *sorted(world.group("referrers", place))]:
                other = world.resources.get(name)
                if other is not None and (owner, number) in set(other.taken()):
                    yield name

    def _clashes(self, noun: Any, world: World) -> list[Violation]:
        """Return the numbers that another planned resource holds too, where the kind has no rule of its own: usually
        the other one would be refused.
        """
        return [_clash(name) for name in self._occupants(noun, world) if name in self._planned]

    def _resettled(self, world: World, moved: dict[str, Violation]) -> tuple[World, list[Violation]]:
        """Return the World in which planned resources that had to move have something else, or what speaks against
        it: that they cannot move, or that there is nothing left for them.
        """
        for name, fault in moved.items():
            candidate = self._chosen.get(name)
            if candidate is None:
                continue
            other, faults = self._settled(candidate, world)
            if any(fault.holder.endswith(BELOW) for fault in faults):
                text = f"It leaves no address for {name}, which is planned as well; widen the pools, or release some."
                return world, [Violation(fault.field, "POOL_EXHAUSTED", text, holder=name)]
            before = set(candidate.before.taken()) if candidate.before else set()
            firm = before & set(self.world.resources[name].taken())
            stuck = any(one.holder for one in faults) or not firm <= set(other.taken())
            if stuck or any(True for _ in self._occupants(other, world)):
                return world, [fault]
            world = world.replace(None, other)
        return world, []

    def _accept(self, candidate: _Candidate, settled: Any, world: World) -> None:
        name = settled.name
        self.world = world
        self._planned.add(name)
        self._refused.discard(name)
        if candidate.incomplete:
            self._incomplete.add(name)
        if settled != candidate.noun:
            self._chosen[name] = candidate


def _without(world: World, name: str) -> World:
    noun = world.resources.get(name)
    return world if noun is None else world.replace(noun, None)


def _clash(name: str) -> Violation:
    text = f"An address of it is that of {name} as well; give one of them another."
    return Violation("", "ADDRESS_IN_USE", text, holder=name)
