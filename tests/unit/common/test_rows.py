"""Rows and the diff between what should be and what is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_common.rows import (
    EMPTY,
    Delete,
    Insert,
    Mutate,
    Plan,
    RowKey,
    Update,
    Value,
    Wanted,
    diff,
    row_changes,
)

KEY = RowKey("Logical_Switch", "s")
OTHER = RowKey("Logical_Switch", "t")
PORT = RowKey("Logical_Switch_Port", "p")
QUEUE = RowKey("Logical_Switch_Port", "q")


def test_a_row_that_is_not_there_is_inserted_with_all_its_columns() -> None:
    wanted = Wanted({"name": "s"}, {"ports": frozenset({PORT})})
    assert diff({KEY: wanted}, {}).changes == (Insert(KEY, {"name": "s", "ports": frozenset({PORT})}),)


def test_a_row_that_is_not_wanted_is_deleted() -> None:
    assert diff({}, {KEY: {"name": "s"}}).changes == (Delete(KEY),)


def test_only_differing_columns_are_updated() -> None:
    wanted = Wanted({"name": "s", "options": {"a": "1"}})
    assert diff({KEY: wanted}, {KEY: {"name": "s", "options": {"a": "2"}}}).changes == (
        Update(KEY, {"options": {"a": "1"}}),
    )


def test_columns_that_the_row_does_not_name_are_nobody_s_business() -> None:
    assert diff({KEY: Wanted({"name": "s"})}, {KEY: {"name": "s", "up": True}}).empty


def test_set_columns_that_members_feed_are_mutated() -> None:
    wanted = Wanted({}, {"ports": frozenset({PORT})})
    both = Wanted({}, {"ports": frozenset({PORT, OTHER})})
    assert diff({KEY: both}, {KEY: {"ports": frozenset({QUEUE, OTHER})}}).changes == (
        Mutate(KEY, "ports", add=frozenset({PORT}), remove=frozenset({QUEUE})),
    )
    assert diff({KEY: wanted}, {KEY: {}}).changes == (Mutate(KEY, "ports", add=frozenset({PORT}), remove=EMPTY),)
    assert diff({KEY: wanted}, {KEY: {"ports": PORT}}).empty


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (EMPTY, None),
        ({}, None),
        ({}, EMPTY),
        (frozenset({"x"}), "x"),
        ("x", frozenset({"x"})),
        (frozenset({PORT}), PORT),
        ({"a": "1"}, {"a": "1"}),
    ],
)
def test_one_value_in_two_spellings_is_no_difference(wanted: Value, there: Value | None) -> None:
    actual = {} if there is None else {"column": there}
    assert not list(row_changes(KEY, Wanted({"column": wanted}), actual))


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (EMPTY, "x"),
        ("x", EMPTY),
        ("", EMPTY),
        (0, EMPTY),
        ({}, {"a": "1"}),
        ({"a": "1"}, EMPTY),
        (frozenset({"x", "y"}), "x"),
        (frozenset({PORT}), frozenset({QUEUE})),
    ],
)
def test_a_stale_value_is_replaced_even_by_nothing(wanted: Value, there: Value) -> None:
    changes = list(row_changes(KEY, Wanted({"column": wanted}), {"column": there}))
    assert changes == [Update(KEY, {"column": wanted})]


def test_a_plan_is_sorted_by_key() -> None:
    plan = diff({OTHER: Wanted({}), PORT: Wanted({})}, {KEY: {}, QUEUE: {}})
    assert [change.key for change in plan.changes] == [KEY, OTHER, PORT, QUEUE]


def test_an_empty_plan_says_so() -> None:
    assert Plan().empty
    assert not Plan((Delete(KEY),)).empty


atoms = st.sampled_from(["x", "y", PORT, QUEUE])
values = atoms | st.frozensets(atoms) | st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))
wanteds = st.builds(
    Wanted,
    st.fixed_dictionaries({"one": values, "two": values}),
    st.fixed_dictionaries({"fed": st.frozensets(atoms)}),
)
actuals = st.fixed_dictionaries({}, optional={"one": values, "two": values, "fed": st.frozensets(atoms), "up": values})
some_keys = st.sampled_from([KEY, OTHER, PORT])


@given(st.dictionaries(some_keys, wanteds), st.dictionaries(some_keys, actuals))
def test_what_the_diff_says_makes_what_is_what_should_be(
    desired: dict[RowKey, Wanted], actual: dict[RowKey, dict[str, Value]]
) -> None:
    rows = {key: dict(columns) for key, columns in actual.items()}
    for change in diff(desired, actual).changes:
        if isinstance(change, Delete):
            del rows[change.key]
        elif isinstance(change, Insert):
            assert change.key not in rows
            rows[change.key] = dict(change.columns)
        elif isinstance(change, Update):
            rows[change.key].update(change.columns)
        else:
            held = rows[change.key].get(change.column, EMPTY)
            assert isinstance(held, frozenset)
            rows[change.key][change.column] = (held - change.remove) | change.add
    assert rows.keys() == desired.keys()
    assert diff(desired, rows).empty
    assert all(rows[key].get("up") == actual.get(key, {}).get("up") for key in rows)


def test_a_wanted_row_is_its_columns_and_its_members() -> None:
    wanted = Wanted({"name": "s"}, {"ports": EMPTY})
    assert wanted.all_columns() == {"name": "s", "ports": EMPTY}
    assert replace(wanted, members={}).all_columns() == {"name": "s"}
