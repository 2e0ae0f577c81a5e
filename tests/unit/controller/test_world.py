"""World, Draft, pools and views."""

from __future__ import annotations

import operator
from functools import reduce

import pytest
import toy
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import Policy, Port, Switch, Vpc

from headgate_controller.world import CHUNK, Answers, Draft, Pool, World, view

IPV6 = 1 << 64


def pool_of(*numbers: int) -> Pool:
    return reduce(Pool.flip, numbers, Pool())


numbers = st.integers(0, 40) | st.integers(CHUNK - 3, CHUNK + 3) | st.integers(IPV6 - 4, IPV6)


@given(st.sets(numbers), st.sets(numbers), numbers, st.integers(0, 60))
def test_a_pool_is_a_set_of_numbers(taken: set[int], freed: set[int], first: int, size: int) -> None:
    pool = reduce(Pool.flip, sorted(taken & freed), pool_of(*taken))
    held, last = taken - freed, first + size
    assert all((number in pool) == (number in held) for number in [*taken, *range(first, last + 1)])
    free = (number for number in range(first, last + 1) if number not in held)
    assert pool.lowest_free(first, last) == next(free, None)


def test_the_lowest_free_number_is_found_across_full_chunks() -> None:
    full = pool_of(*range(2 * CHUNK + 5))
    assert full.lowest_free(0, 3 * CHUNK) == 2 * CHUNK + 5
    assert full.lowest_free(CHUNK + 7, 2 * CHUNK + 4) is None
    assert full.flip(CHUNK).lowest_free(1, 3 * CHUNK) == CHUNK
    assert full.lowest_free(5, 4) is None


def test_a_pool_that_is_emptied_holds_nothing() -> None:
    assert not pool_of(1, IPV6, 1, IPV6)._chunks


def test_a_resource_is_found_by_name_and_kind() -> None:
    assert toy.POPULATED.get(Port, "p0") == Port("p0", "s0", 1, frozenset({"t0"}))
    assert toy.POPULATED.get(Switch, "p0") is None
    assert toy.POPULATED.get(Port, "nobody") is None
    assert {policy.name for policy in toy.POPULATED.of_kind(Policy)} == {"a0", "a1", "a2"}


def test_a_group_holds_the_names_that_declare_its_entry() -> None:
    assert set(toy.POPULATED.group("ports_of", "s0")) == {"p0", "p1"}
    assert not toy.POPULATED.group("ports_of", "nowhere")


def test_a_noun_that_moves_is_found_only_where_it_is_now() -> None:
    world = Draft(toy.POPULATED).put(Port("p0", "s1", 7)).world
    assert set(world.group("ports_of", "s0")) == {"p1"}
    assert set(world.group("ports_of", "s1")) == {"p0", "p2"}
    assert 1 not in world.pool("s0")
    assert 7 in world.pool("s1")


def test_a_draft_changes_neither_its_world_nor_the_draft_before_it() -> None:
    opened = Draft(toy.POPULATED)
    one = opened.put(Port("p0", "s0", 9)).remove("a2")
    two = one.remove("p0").put(Vpc("v9"))
    assert set(opened.touched) == set()
    assert set(one.touched) == {"p0", "a2"}
    assert set(two.touched) == {"p0", "a2", "v9"}
    assert one.world.get(Port, "p0") == Port("p0", "s0", 9)
    assert toy.POPULATED.get(Port, "p0") == Port("p0", "s0", 1, frozenset({"t0"}))
    assert 9 not in toy.POPULATED.pool("s0")


def test_a_commit_only_stamps_the_revision() -> None:
    draft = Draft(toy.POPULATED).put(Vpc("v9"))
    world = draft.commit(7)
    assert world.revision == 7
    assert world == World(7, draft.world.resources, draft.world.index, draft.world.pools)


def test_removing_what_is_not_there_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Draft(World()).remove("nobody")


ports = st.builds(Port, st.sampled_from("abcd"), st.sampled_from(["s0", "s1"]), st.integers(0, 5))


@settings(max_examples=200, deadline=None)
@given(st.lists(ports | st.sampled_from("abcd"), max_size=12))
def test_index_and_pools_are_a_function_of_the_resources(operations: list[Port | str]) -> None:
    draft = Draft(World())
    for operation in operations:
        try:
            if isinstance(operation, Port):
                draft = toy.put(draft, operation)
            elif operation in draft.world.resources:
                draft = draft.remove(operation)
        except toy.RefusedError:
            pass
    world = draft.world
    afresh = toy.world_of(*world.resources.values())
    assert world.index == afresh.index
    assert all(world.pool(s)._chunks == afresh.pool(s)._chunks for s in ("s0", "s1"))
    filled = World().filled(world.resources.values())
    assert (filled.resources, filled.index) == (world.resources, world.index)
    assert all(world.pool(s)._chunks == filled.pool(s)._chunks for s in ("s0", "s1"))


@view
def label_of(world: Answers, name: str) -> str | None:
    """The words of the view."""
    vpc = world.get(Vpc, name)
    return None if vpc is None else vpc.label


@view
def labels_of(world: Answers, *names: str) -> tuple[str | None, ...]:
    return tuple(label_of(world, name) for name in names)


def test_a_world_answers_a_view_by_computing_it() -> None:
    world = toy.world_of(Vpc("v0", "x"))
    assert labels_of(world, "v0", "v1") == ("x", None)
    assert labels_of(Draft(world).put(Vpc("v1", "y")).world, "v0", "v1") == ("x", "y")


def test_a_view_ranks_above_those_defined_before_it_and_keeps_its_words() -> None:
    asked = []

    class Spy:
        get = group = operator.attrgetter("unused")

        def ask(self, view: object, args: object) -> None:
            asked.append(view)

    for each in (label_of, labels_of):
        each(Spy(), "v0")
    assert [one.name for one in asked] == ["label_of", "labels_of"]
    assert asked[0].rank < asked[1].rank
    assert label_of.__doc__ == "The words of the view."


def test_a_view_takes_positional_arguments_only() -> None:
    with pytest.raises(AssertionError, match="positional"):
        label_of(World(), name="v0")
