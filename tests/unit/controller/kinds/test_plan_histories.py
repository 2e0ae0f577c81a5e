"""Random plans: what an apply carries out in an order that Terraform allows, a plan session never refuses."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kind_site import Site
from plan_site import Planner
from test_kind_histories import NAMES, fields_of, kind_of, missing, play, populated

from headgate_controller.errors import HeadgateError
from headgate_controller.names import parent_of
from headgate_controller.planned import Patience
from headgate_controller.world import World

START = populated().world


@dataclass
class Item:
    """What becomes of one resource, and what Terraform knows it to depend on."""

    name: str
    action: str
    fields: dict[str, Any]
    after: set[str]


def drawn(world: World, chance: Random) -> dict[str, Item]:
    """Return a plan: of what a client's state holds some is kept, updated, removed or replaced, and some is new."""
    there = sorted(world.resources)
    state = {name for name in there if chance.random() < chance.choice([0.7, 0.95])}
    calm = chance.choice([0, 1, 5, 10])
    items: dict[str, Item] = {}
    for name in NAMES:
        if name in state:
            action = chance.choice(["update", "remove", "replace", *["keep"] * (2 + 2 * calm)])
        elif chance.random() < (0.3 if name in missing(world) else 0.05) / (1 + calm / 5):
            action = "create"
        else:
            continue
        fields = fields_of(name, chance)
        if action == "update":
            fields = {} if kind_of(name) in ("subnet", "floating_ip") else fields
            fields = fields or {"description": chance.choice("abc")}
        items[name] = Item(name, action, fields, set())
    for item in items.values():
        wanted = {parent_of(item.name), *references(item.fields)} if item.action != "keep" else {parent_of(item.name)}
        # Only what is of another kind is referred to, and never in a circle.
        item.after = {n for n in sorted(wanted) if n in items and items[n].action != "remove" and chance.random() < 0.8}
    for name in sorted(items, key=lambda name: name.count("/")):
        item = items[name]
        if item.action in ("keep", "update") and items.get(parent_of(name), item).action == "replace":
            item.action, item.fields = "replace", fields_of(name, chance)
            item.after |= {parent_of(name)}
    return items


def references(fields: Any) -> set[str]:
    """Return the names in fields."""
    if isinstance(fields, dict):
        return set().union(*(references(value) for value in fields.values()))
    if isinstance(fields, list):
        return set().union(*(references(value) for value in fields))
    return {fields} if isinstance(fields, str) and fields.count("/") > 0 else set()


def refused(planner: Planner, items: dict[str, Item], chance: Random) -> list[Any]:
    """Return what a session refuses, as a client tells it: in any order that the dependencies allow, some answers held
    until nothing else can be told, some let go before.
    """
    left, held, errors = dict(items), list[Item](), []
    managed = [i.name for i in items.values() if i.action != "create"]
    while left or held:
        for name in [name for name in managed if chance.random() < 0.2]:
            planner.manage(name)
        held = [one for one in held if chance.random() < 0.5 or not settled(planner, one, Patience.WAIT, errors)]
        waiting = {*left, *(one.name for one in held)}
        ready = [item for name, item in left.items() if item.after.isdisjoint(waiting - {name})]
        if held and not ready:
            planner.manage(*managed)
            for one in held:
                settled(planner, one, chance.choice([Patience.MANAGED, Patience.MANAGED, Patience.ALL]), errors)
            held = []
        if not ready:
            continue
        item = chance.choice(ready)
        del left[item.name]
        if item.action != "create":
            planner.manage(item.name)
        if not settled(planner, item, Patience.WAIT, errors):
            held.append(item)
    return errors


def settled(planner: Planner, item: Item, patience: Patience, errors: list[Any]) -> bool:
    """Tell one step; return False if its answer is open."""
    match item.action:
        case "keep":
            found = planner.keep(item.name)
        case "remove":
            planner.remove(item.name)
            found = []
        case "update":
            found = planner.update(item.name, patience=patience, **item.fields)
        case "replace":
            planner.remove(item.name)
            found = planner.recreate(item.name, patience=patience, **item.fields)
        case _:
            found = planner.create(item.name, patience=patience, **item.fields)
    if patience is Patience.WAIT and any(is_open for *_, is_open in found):
        return False
    errors += [(item.action, item.name, fault) for fault in found]
    return True


Step = tuple[str, str]


def ordered(before: World, items: dict[str, Item]) -> dict[Step, set[Step]]:
    """Return the steps of an apply, each with those that come before it."""
    steps: dict[Step, set[Step]] = {}
    for item in items.values():
        if item.action in ("remove", "replace"):
            steps["delete", item.name] = set()
        if item.action in ("create", "replace", "update"):
            steps["make", item.name] = {("make", name) for name in item.after} | {("delete", item.name)}
    for name in [name for verb, name in steps if verb == "delete"]:
        noun: Any = before.resources[name]
        for _, target in noun.references():
            if ("delete", target) in steps:
                steps["delete", target].add(("delete", name))
    return {step: needed & steps.keys() for step, needed in steps.items()}


def carried_out(site: Site, items: dict[str, Item], chance: Random) -> bool:
    """Apply a plan as Terraform would, with refusals that pass tried again; return whether all of it was accepted."""
    before = site.world
    steps = ordered(before, items)
    left = dict(steps)
    while left:
        ready = [step for step, needed in left.items() if needed.isdisjoint(left)]
        chance.shuffle(ready)
        step = next((step for step in ready if accepted(site, items[step[1]], step[0])), None)
        if step is None:
            return False
        del left[step]
    return True


def accepted(site: Site, item: Item, verb: str) -> bool:
    """Try one step; return False if it is refused for now.

    Raises:
        Hopeless: it is refused for good.
    """
    try:
        act(site, item, verb)
    except HeadgateError as error:
        if error.metadata.get("retriable") != "true":
            raise Hopeless from error
        return False
    return True


class Hopeless(Exception):
    """An apply ends with an error."""


def act(site: Site, item: Item, verb: str) -> None:
    if verb == "delete":
        if item.name in site.world.resources:
            site.delete(item.name, when_unreferenced=True)
    elif item.action == "update":
        site.update(item.name, list(item.fields), **item.fields)
    else:
        site.create(item.name, **item.fields)


def assert_sound(world: World) -> None:
    """See that no number has two holders, which would corrupt the pools, and that all of them are taken."""
    held = [number for noun in world.resources.values() for number in noun.taken()]
    assert len(held) == len(set(held))
    assert all(number in world.pool(owner) for owner, number in held)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 1 << 20), max_size=8), st.integers(0, 1 << 30), st.integers(0, 1 << 30))
def test_a_plan_that_can_be_carried_out_is_never_refused(history: list[int], told: int, order: int) -> None:
    site = Site(START)
    for seed in history:
        play(site, seed)
    items = drawn(site.world, Random(told))
    planner = Planner(site)
    errors = refused(planner, items, Random(order))
    assert_sound(planner.world)
    if errors:
        with suppress(Hopeless):
            assert not carried_out(site, items, Random(order)), errors
