"""The compiler: who is recompiled when something changes, and what becomes of units that fail."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
import toy
from compiler_site import Site, units_evaluated
from toy import EVALUATED, Policy, Port, Switch, Unrealised, Vpc

from headgate_common.rows import EMPTY, Delete, Insert, Member, Mutate, Row, RowKey, Update
from headgate_controller.compile import Compiler
from headgate_controller.world import Answers, Draft, World, view

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
    assert compiler.advance(toy.ONE_VPC, ["v0"]).empty
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
    plans = [compiler.advance(toy.ONE_VPC, ["v0"]), compiler.advance(toy.world_of(Vpc("v0", "x")), ["v0"])]
    assert words in compiler.failed["v0"]
    assert all(plan.empty for plan in plans)


def test_a_piece_yielded_twice_by_one_unit_counts_once() -> None:
    def unit(vpc: Vpc, world: Answers) -> Iterator[Row | Member]:
        for _ in range(2):
            yield Row(ROUTER, {}, ("ports",))
            yield Member(ROUTER, "ports", vpc.label)

    compiler = Compiler({Vpc: unit})
    compiler.advance(toy.ONE_VPC, ["v0"])
    plan = compiler.advance(toy.world_of(Vpc("v0", "x")), ["v0"])
    assert plan.changes == (Mutate(ROUTER, "ports", frozenset({"x"}), frozenset({""})),)
    assert compiler.advance(World(), ["v0"]).changes == (Delete(ROUTER),)
