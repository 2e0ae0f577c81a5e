"""The compiler: by whatever path it comes to a World, it stands where a compile from nothing would."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pytest
import toy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strict_rows import StrictRows
from toy import EVALUATED, UNITS, Policy, Port, Route, Switch, Unrealised, Vpc

from headgate_common.rows import EMPTY, Delete, Insert, Member, Mutate, Plan, Row, RowKey, Update, diff
from headgate_controller import compile as compile_module
from headgate_controller import target as target_module
from headgate_controller.compile import Compiler, Memory
from headgate_controller.target import Target
from headgate_controller.world import Answers, Draft, Noun, World, view

# --- how the tests drive a compiler -----------------------------------------------------------------------------------


class Site:
    """A compiler with the database that its plans are applied to; checks every invariant after every step."""

    def __init__(self, world: World | None = None) -> None:
        self.compiler = Compiler(UNITS)
        self.database = StrictRows(toy.HOLDERS)
        if world is not None:
            self.advance(world, world.resources)

    def advance(self, world: World, touched: Iterable[str]) -> Plan:
        EVALUATED.clear()
        plan = self.compiler.advance(world, touched)
        assert len(EVALUATED) == len(set(EVALUATED)), "a question was evaluated twice in one pass"
        self.database.apply(plan)
        return plan

    def put(self, *nouns: Noun) -> Plan:
        draft = reduce(toy.put, nouns, Draft(self.compiler.world))
        return self.advance(draft.world, draft.touched)

    def remove(self, *names: str) -> Plan:
        draft = reduce(Draft.remove, names, Draft(self.compiler.world))
        return self.advance(draft.world, draft.touched)

    def check(self) -> None:
        world, target = self.compiler.world, self.compiler.target
        assert self.compiler.advance(world, world.resources).empty, "the second step is not empty"
        audit_memory(self.compiler)
        fresh, rows = Compiler(UNITS), StrictRows(toy.HOLDERS)
        rows.apply(fresh.advance(world, world.resources))
        assert self.database.rows == rows.rows, "incremental is not full"
        assert self.compiler.failed == fresh.failed
        wanted = target.all_wanted()
        assert {key: one.all_columns() for key, one in wanted.items()} == rows.rows
        assert all(target.wanted(key) == one and key in target for key, one in wanted.items())
        assert diff(wanted, self.database.rows).empty


def audit_memory(compiler: Compiler) -> None:
    """Assert that `readers` is the inverse of `reads`, and that just what units read, however far away, is kept."""
    answers, units = compiler._memory._answers, compiler._units
    everything = [*answers.values(), *units.values()]
    reads = {(id(reader), id(read)) for reader in everything for read in reader.reads}
    assert reads == {(id(reader), id(read)) for read in everything for reader in read.readers}
    reached, ahead = set(), list(units.values())
    while ahead:
        for read in ahead.pop().reads:
            if read.question not in reached:
                reached.add(read.question)
                ahead.append(read)
    assert reached == set(answers), "what is kept is not what units read"
    assert not compiler._memory._unread


def units_evaluated() -> set[object]:
    return {question[0] for question in EVALUATED if len(question) == 1}


def rows_of(world: World) -> dict[RowKey, dict[str, object]]:
    return dict(Site(world).database.rows)


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

ONE_VPC = toy.world_of(Vpc("v0"))
TWO_SWITCHES = toy.world_of(
    Vpc("v0"), Switch("s0", lease=30), Switch("s1", base=200), Port("p0"), Route("r0", via="s1")
)
NO_REFERENT = toy.world_of(Vpc("v0"), Switch("s0", note="x"), Port("p0"), Port("p1", "s1"), Route("r0", via="s1"))
OTHER_OWNERS = toy.world_of(Vpc("v0"), Policy("a1"), Policy("a2"), Switch("s0"), Port("p0", tags=frozenset({"t0"})))
BROKEN = toy.world_of(Vpc("v0"), Switch("s0", broken=True), Port("p0", "s0"), Policy("a0", label="x"), Policy("a1"))
WORLDS = [ONE_VPC, TWO_SWITCHES, NO_REFERENT, toy.POPULATED, OTHER_OWNERS, BROKEN]


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


# --- who is recompiled ------------------------------------------------------------------------------------------------


def test_what_no_reader_uses_recompiles_only_its_own_unit_and_writes_nothing() -> None:
    site = Site(toy.POPULATED)
    assert site.put(Switch("s0", "v0", 100, 60, note="new")).empty
    assert units_evaluated() == {"s0"}


def test_an_equal_answer_ends_the_propagation() -> None:
    site = Site(toy.POPULATED)
    plan = site.put(Switch("s0", "v0", 100, 120))
    assert plan.changes == (Update(RowKey("Dhcp", "s0"), {"lease": 120}),)
    assert ("switch_facts", "s0") in EVALUATED
    assert units_evaluated() == {"s0"}


def test_another_policy_on_a_used_tag_recompiles_no_port() -> None:
    site = Site(toy.POPULATED)
    site.put(Policy("a3", "t0"))
    assert units_evaluated() == {"a3"}


def test_the_first_policy_on_a_tag_recompiles_the_ports_that_have_it() -> None:
    site = Site(toy.POPULATED)
    site.remove("a2")
    assert units_evaluated() == {"p1", "p2"}
    assert RowKey("Group", "t1") not in site.database.rows
    site.put(Policy("a2", "t1"))
    assert units_evaluated() == {"a2", "p1", "p2"}
    assert site.database.rows[RowKey("Group", "t1")]["ports"] == {RowKey("Port", "p1"), RowKey("Port", "p2")}


def test_a_referent_that_comes_late_is_noticed() -> None:
    site = Site(toy.world_of(Port("p0", "s9")))
    assert not site.database.rows
    site.put(Vpc("v0"), Switch("s9"))
    assert RowKey("Port", "p0") in site.database.rows[RowKey("Switch", "s9")]["ports"]


def test_a_referrer_that_outlives_its_referent_leaves_nothing_dangling() -> None:
    site = Site(toy.POPULATED)
    site.remove("s0")
    site.check()
    assert RowKey("Port", "p0") not in site.database.rows
    assert RowKey("Route", "r1") not in site.database.rows


def test_an_added_port_is_one_row_and_its_members() -> None:
    site = Site(toy.POPULATED)
    plan = site.put(Port("p5", "s0", 9, frozenset({"t1"})))
    assert units_evaluated() == {"p5"}
    port, dhcp = RowKey("Port", "p5"), frozenset({RowKey("Dhcp", "s0")})
    assert plan.changes == (
        Mutate(RowKey("AddressSet", "t1"), "addresses", frozenset({"109"}), frozenset()),
        Mutate(RowKey("Group", "t1"), "ports", frozenset({port}), frozenset()),
        Insert(port, {"addresses": frozenset({"109"}), "dhcp": dhcp, "peer": EMPTY}),
        Mutate(RowKey("Switch", "s0"), "ports", frozenset({port}), frozenset()),
    )


def test_a_view_that_one_unit_drops_and_another_picks_up_is_computed_once() -> None:
    site = Site(toy.POPULATED)
    draft = Draft(site.compiler.world).put(Switch("s1", "v0", 300)).put(Port("p2", "s0", 7)).put(Port("p4", "s1", 2))
    site.advance(draft.world, ["s1", "p2", "p4"])
    assert ("switch_facts", "s1") in EVALUATED
    site.check()


def test_several_revisions_are_one_step() -> None:
    site = Site(toy.POPULATED)
    draft = Draft(site.compiler.world)
    first = draft.put(Port("p5", "s0", 9)).put(Policy("a3", "t0")).remove("s1")
    second = Draft(first.commit(2)).remove("p5").put(Switch("s1", "v1", 300))
    site.advance(second.commit(3), {*first.touched, *second.touched})
    site.check()


def test_names_that_did_not_change_cost_nothing() -> None:
    site = Site(toy.POPULATED)
    assert site.advance(site.compiler.world, [*toy.POPULATED.resources, "nobody"]).empty
    assert site.put(Port("p0", "s0", 1, frozenset({"t0"}))).empty
    assert not EVALUATED


def test_a_name_may_change_its_kind() -> None:
    site = Site(toy.POPULATED)
    site.put(Policy("p0", "t0"))
    site.check()
    assert site.compiler.rows_of("p0") == (RowKey("Group", "t0"), RowKey("AddressSet", "t0"), RowKey("Acl", "p0"))
    site.put(Unrealised("p0"))
    site.check()
    assert site.compiler.rows_of("p0") == ()


def test_a_noun_without_a_unit_has_no_rows_but_is_seen_by_others() -> None:
    site = Site(toy.world_of(Unrealised("v0"), Switch("s0")))
    assert not site.database.rows
    site.put(Vpc("v0"))
    assert RowKey("Switch", "s0") in site.database.rows


def test_nothing_is_kept_of_what_is_gone() -> None:
    site = Site(toy.POPULATED)
    site.put(Policy("a3", "t0", label="other"), Vpc("v1", broken=True))
    site.remove(*site.compiler.world.resources)
    memory, target = site.compiler._memory, site.compiler.target
    assert not site.database.rows
    assert not memory._answers
    assert not site.compiler._units
    assert not site.compiler.failed
    parts = {**vars(target), **vars(target._claims), **vars(target._members)}
    assert not [name for name, kept in parts.items() if name not in ("_claims", "_members") and kept]


def test_what_is_forgotten_leaves_no_cycles_to_collect() -> None:
    site = Site(toy.POPULATED)
    full = site.compiler.world
    worlds = [full, Draft(full).remove("s0").remove("a2").put(Vpc("v1", broken=True)).world]
    gc.collect()
    gc.disable()
    try:
        for world in worlds * 20:
            site.compiler.advance(world, ["s0", "a2", "v1"])
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- units and views that fail ----------------------------------------------------------------------------------------


def test_a_unit_that_raises_yields_nothing_and_is_named() -> None:
    site = Site(toy.POPULATED)
    site.put(Port("p0", "s0", 1, frozenset({"t0"}), broken=True))
    site.check()
    assert site.compiler.failed == {"p0": "ValueError: p0 is broken"}
    assert RowKey("Port", "p0") not in site.database.rows
    assert site.compiler.rows_of("p0") == ()


def test_children_of_a_unit_that_raises_wait_for_it() -> None:
    site = Site(toy.POPULATED)
    before = site.database.rows
    site.put(Vpc("v0", broken=True))
    site.check()
    assert not {RowKey("Router", "v0"), RowKey("RouterPort", "s0"), RowKey("Route", "r0")} & site.database.rows.keys()
    assert RowKey("RouterPort", "s0") in site.compiler.rows_of("s0")
    assert RowKey("RouterPort", "s0") not in site.compiler.target
    site.put(Vpc("v0"))
    assert site.database.rows == before


def test_a_unit_that_raises_is_tried_again_when_something_it_read_changes() -> None:
    site = Site(toy.POPULATED)
    site.put(Port("p0", "s0", 1, broken=True))
    site.put(Switch("s1", "v0", 300))
    assert "p0" not in units_evaluated()
    site.put(Switch("s0", "v0", 300))
    assert "p0" in units_evaluated()
    assert set(site.compiler.failed) == {"p0"}
    site.put(Port("p0", "s0", 1))
    assert not site.compiler.failed


def test_a_view_that_raises_fails_all_who_ask_it_once() -> None:
    site = Site(toy.POPULATED)
    site.put(Switch("s0", "v0", toy.POISON))
    assert site.compiler.failed == dict.fromkeys(["p0", "p1"], "ViewError: switch_facts: ValueError: poisoned")
    site.check()
    site.put(Port("p7", "s0", 9))
    assert ("switch_facts", "s0") not in EVALUATED
    assert "p7" in site.compiler.failed
    site.put(Switch("s0", "v0", 100, 60))
    assert not site.compiler.failed
    site.check()


def test_units_that_yield_different_rows_for_one_key_both_fail_and_nobody_s_row_is_written() -> None:
    site = Site(toy.POPULATED)
    site.put(Policy("a1", "t0", "drop", label="other"))
    site.check()
    words = "Group t0 is yielded differently by a0, a1"
    assert site.compiler.failed == {"a0": words, "a1": words}
    assert not {RowKey("Group", "t0"), RowKey("Acl", "a0")} & site.database.rows.keys()
    assert RowKey("AddressSet", "t0") in site.database.rows
    site.put(Policy("a0", "t0", label="other"))
    site.check()
    assert not site.compiler.failed
    assert site.database.rows[RowKey("Group", "t0")]["label"] == "other"


@view
def early(world: Answers, name: str) -> object:
    return late(world, name)


@view
def late(world: Answers, name: str) -> object:
    return world.get(Vpc, name) and late(world, name)


@view
def latest(world: Answers, name: str) -> object:
    return world.get(Vpc, name) and early(world, name)


@pytest.mark.parametrize("ask", [early, late, latest])
def test_a_view_may_ask_only_views_defined_before_it(ask: Callable[[Answers, str], object]) -> None:
    def unit(noun: Vpc, world: Answers) -> Iterator[Row | Member]:
        ask(world, noun.name)
        yield Row(RowKey("Router", noun.name), {"label": ""})

    compiler = Compiler({Vpc: unit})
    assert compiler.advance(ONE_VPC, ["v0"]).empty
    assert "RankError: " in compiler.failed["v0"]


ROUTER = RowKey("Router", "v")
OTHER = RowKey("Router", "w")
PORT = RowKey("Port", "p")


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([Row(ROUTER, {}), Row(OTHER, {"label": ""})], "names other columns"),
        ([Row(ROUTER, {}, ("ports",)), Row(OTHER, {})], "names other columns"),
        ([Row(ROUTER, {"label": ["x"]})], "label is a list"),  # type: ignore[dict-item]
        ([Row(ROUTER, {"ports": EMPTY}, ("ports",))], "that members feed"),
        ([Row(ROUTER, {"label": "x"}), Row(ROUTER, {"label": "y"})], "yielded twice"),
        ([Row(PORT, {}, parent=ROUTER)], "no member of its parent"),
        ([Row(PORT, {}, parent=ROUTER), Member(OTHER, "ports", PORT)], "no member of its parent"),
        ([Row(ROUTER, {}, ("ports",)), Member(ROUTER, "port", PORT)], "no member column"),
        ([Member(ROUTER, "ports", [])], "unhashable"),
        (["Router"], "AttributeError"),
    ],
)
def test_what_no_database_could_hold_fails_its_unit(pieces: list[Row | Member], words: str) -> None:
    compiler = Compiler({Vpc: lambda vpc, world: iter(pieces)})
    plans = [compiler.advance(ONE_VPC, ["v0"]), compiler.advance(toy.world_of(Vpc("v0", "x")), ["v0"])]
    assert words in compiler.failed["v0"]
    assert all(plan.empty for plan in plans)


def test_a_piece_yielded_twice_by_one_unit_counts_once() -> None:
    def unit(vpc: Vpc, world: Answers) -> Iterator[Row | Member]:
        for _ in range(2):
            yield Row(ROUTER, {}, ("ports",))
            yield Member(ROUTER, "ports", vpc.label)

    compiler = Compiler({Vpc: unit})
    compiler.advance(ONE_VPC, ["v0"])
    plan = compiler.advance(toy.world_of(Vpc("v0", "x")), ["v0"])
    assert plan.changes == (Mutate(ROUTER, "ports", frozenset({"x"}), frozenset({""})),)
    assert compiler.advance(World(), ["v0"]).changes == (Delete(ROUTER),)
