"""The compiler by random histories: however it comes to a World, it stands where a compile from nothing would."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import toy
from compiler_site import Site, rows_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import Policy, Port, Route, Switch, Vpc

from headgate_common.rows import Member, Row, RowKey
from headgate_controller import compile as compile_module
from headgate_controller import target as target_module
from headgate_controller.compile import Memory
from headgate_controller.target import Target
from headgate_controller.world import Draft, Noun, World

# --- random histories -------------------------------------------------------------------------------------------------

rarely = st.sampled_from([False] * 11 + [True])
switch_names = st.sampled_from(["s0", "s1", "s2"])
vpc_names = st.sampled_from(["v0", "v1"])
tags = st.sampled_from(["t0", "t1"])

nouns = st.one_of(
    st.builds(Vpc, vpc_names, label=st.sampled_from(["", "x"]), broken=rarely),
    st.builds(
        Switch,
        switch_names,
        vpc_names,
        st.sampled_from([100, 100, 200, 200, toy.POISON]),
        st.sampled_from([None, 30, 60]),
        st.sampled_from(["", "note"]),
        rarely,
    ),
    st.builds(
        Port,
        st.sampled_from(["p0", "p1", "p2", "p3", "p4", "odd"]),
        switch_names,
        st.integers(1, 3),
        st.frozensets(tags),
        rarely,
    ),
    st.builds(
        Policy,
        st.sampled_from(["a0", "a1", "a2", "odd"]),
        tags,
        st.sampled_from(["allow", "drop"]),
        st.sampled_from(["", "", "", "", "other"]),
        rarely,
    ),
    st.builds(Route, st.sampled_from(["r0", "r1"]), vpc_names, switch_names, rarely),
)
names = st.sampled_from([*toy.POPULATED.resources.keys(), "odd"])
operations = st.one_of(nouns, names)
"""A noun to put, or a name to remove."""

fates = st.sampled_from(["commit", "commit", "commit", "lag", "undo"])
revisions = st.tuples(st.lists(operations, min_size=1, max_size=5), fates)
histories = st.tuples(st.sampled_from([World(), toy.POPULATED]), st.lists(revisions, min_size=2, max_size=8))
History = tuple[World, list[tuple[list[Noun | str], str]]]


def apply_operations(draft: Draft, operations: list[Noun | str]) -> Draft:
    for operation in operations:
        try:
            if not isinstance(operation, str):
                draft = toy.put(draft, operation)
            elif operation in draft.world.resources:
                draft = draft.remove(operation)
        except toy.RefusedError:
            pass
    return draft


def live_through(history: History) -> None:
    """Follow a history with one compiler, now and then lagging, and check everything after each of its steps."""
    world, steps = history
    site, touched = Site(world), set()
    for operations, fate in steps:
        draft = apply_operations(Draft(world), operations)
        if fate == "undo":
            continue
        world = draft.commit(world.revision + 1)
        touched |= set(draft.touched)
        if fate == "commit":
            site.advance(world, sorted(touched))
            site.check()
            touched = set()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_every_history_ends_where_a_compile_from_nothing_does(history: History) -> None:
    live_through(history)


# --- the test of that test: each of these bugs must not survive it ----------------------------------------------------


def _absence_is_not_recorded(patch: pytest.MonkeyPatch) -> None:
    record = Memory._read
    patch.setattr(
        Memory, "_read", lambda m, q: record(m, q) if q in m.world.resources or isinstance(q, tuple) else None
    )


def _emptiness_is_not_recorded(patch: pytest.MonkeyPatch) -> None:
    record = Memory._read
    patch.setattr(Memory, "_read", lambda m, q: record(m, q) if isinstance(q, str) or q in m.world.index else None)


def _index_entries_are_not_followed(patch: pytest.MonkeyPatch) -> None:
    readers = Memory.readers
    patch.setattr(Memory, "readers", lambda m, q: readers(m, q) if isinstance(q, str) else ())


def _views_never_differ(patch: pytest.MonkeyPatch) -> None:
    refresh = Memory.refresh
    patch.setattr(Memory, "refresh", lambda m, answer: refresh(m, answer) and False)


def _who_raises_forgets_what_it_read(patch: pytest.MonkeyPatch) -> None:
    evaluate = Memory.evaluate

    def forgetful(memory: Memory, answer: object, compute: object, args: object) -> object:
        value = evaluate(memory, answer, compute, args)  # type: ignore[arg-type]
        if isinstance(value, compile_module._Raised):
            memory.exchange(answer, {})  # type: ignore[arg-type]
        return value

    patch.setattr(Memory, "evaluate", forgetful)


def _nothing_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "sweep", lambda m: None)


def _members_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    drop = target_module._Members.drop

    def drop_all(members: target_module._Members, member: Member) -> bool:
        members._repeats.pop(member, None)
        return member in members and drop(members, member)

    patch.setattr(target_module._Members, "drop", drop_all)


def _additions_come_before_removals(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Target, "_drop", Target._take)
    patch.setattr(Target, "_take", Target._drop)
    only_in = target_module._only_in
    patch.setattr(target_module, "_only_in", lambda some, others: only_in(others, some))


def _what_waits_for_a_row_is_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Target, "_stir", lambda target, step, key: None)


def _parents_are_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    named = target_module._named
    patch.setattr(target_module, "_named", lambda row: named(replace(row, parent=None)))


def _columns_are_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(target_module, "_named", lambda row: (row.parent,) if row.parent else ())


def _a_referrer_outlives_its_referent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Target, "_can_hold", lambda target, value: True)


def _the_last_row_yielded_wins(patch: pytest.MonkeyPatch) -> None:
    agreed = target_module._Claims.agreed

    def last(claims: target_module._Claims, key: RowKey) -> Row | None:
        units = claims._units.get(key)
        return next(reversed(units.values())) if units else agreed(claims, key)

    patch.setattr(target_module._Claims, "agreed", last)


BUGS: list[Callable[[pytest.MonkeyPatch], None]] = [
    _absence_is_not_recorded,
    _emptiness_is_not_recorded,
    _index_entries_are_not_followed,
    _views_never_differ,
    _who_raises_forgets_what_it_read,
    _nothing_is_forgotten,
    _members_are_not_counted,
    _additions_come_before_removals,
    _what_waits_for_a_row_is_not_told,
    _parents_are_not_waited_for,
    _columns_are_not_waited_for,
    _a_referrer_outlives_its_referent,
    _the_last_row_yielded_wins,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_seeded_bug_does_not_survive_the_random_histories(bug, monkeypatch) -> None:
    hunt = settings(
        max_examples=500,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )(given(histories)(live_through))
    bug(monkeypatch)
    with pytest.raises((AssertionError, KeyError, AttributeError)):
        hunt()


# --- any path to a world ----------------------------------------------------------------------------------------------

TWO_SWITCHES = toy.world_of(
    Vpc("v0"), Switch("s0", lease=30), Switch("s1", base=200), Port("p0"), Route("r0", via="s1")
)
NO_REFERENT = toy.world_of(Vpc("v0"), Switch("s0", note="x"), Port("p0"), Port("p1", "s1"), Route("r0", via="s1"))
OTHER_OWNERS = toy.world_of(Vpc("v0"), Policy("a1"), Policy("a2"), Switch("s0"), Port("p0", tags=frozenset({"t0"})))
BROKEN = toy.world_of(Vpc("v0"), Switch("s0", broken=True), Port("p0", "s0"), Policy("a0", label="x"), Policy("a1"))
WORLDS = [toy.ONE_VPC, TWO_SWITCHES, NO_REFERENT, toy.POPULATED, OTHER_OWNERS, BROKEN]


def _with_gaps(worlds: Sequence[World]) -> list[World]:
    return [world for one in worlds for world in (one, World())][:-1]


@pytest.mark.parametrize("last", range(len(WORLDS)))
@pytest.mark.parametrize(
    "expand",
    [
        lambda before, last: [*before, last],
        lambda before, last: [*reversed(before), last],
        lambda before, last: _with_gaps([*before, last]),
        lambda before, last: [last, *before, last],
        lambda before, last: [last],
    ],
    ids=["forwards", "backwards", "with gaps", "there and back", "squashed"],
)
def test_any_path_to_a_world_leaves_the_same_rows(expand, last: int) -> None:
    history = expand([world for world in WORLDS if world is not WORLDS[last]], WORLDS[last])
    site = Site()
    for before, after in pairwise([World(), *history]):
        site.advance(after, {*before.resources, *after.resources})
        site.check()
    assert site.database.rows == rows_of(WORLDS[last])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_names_touched_does_not_matter(seed: int) -> None:
    site = Site()
    shuffled = random.Random(seed).sample(sorted(toy.POPULATED.resources), len(toy.POPULATED.resources))
    site.advance(toy.POPULATED, shuffled)
    assert site.database.rows == rows_of(toy.POPULATED)


def test_plans_do_not_depend_on_the_hash_seed() -> None:
    program = "import toy; from headgate_controller.compile import Compiler; c = Compiler(toy.UNITS)\n"
    program += "w = toy.POPULATED; ps = c.advance(w, w.resources), c.advance(toy.world_of(), w.resources)\n"
    program += "print([[(type(x).__name__, x.key, getattr(x, 'column', '')) for x in p.changes] for p in ps])"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(printed) == 1
