"""The target: what pieces add up to, and the plans that changes of them make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strict_rows import StrictRows, references

from headgate_common.rows import EMPTY, Delete, Insert, Member, Mutate, Plan, Row, RowKey, Update, Wanted
from headgate_controller.target import Piece, Target, Yield

SWITCH = RowKey("Switch", "s")
PORT = RowKey("Port", "p")
DHCP = RowKey("Dhcp", "d")
GROUP = RowKey("Group", "g")

switch = Row(SWITCH, {"base": 1}, ("ports",))
port = Row(PORT, {"dhcp": EMPTY}, parent=SWITCH)
port_of_switch = Member(SWITCH, "ports", PORT)
port_of_group = Member(GROUP, "ports", PORT)
group = Row(GROUP, {}, ("ports",))


class Units:
    """A target with what its units yield now; each plan is applied to a strict database, and compared with it."""

    def __init__(self) -> None:
        self.target = Target()
        self.database = StrictRows({"Port": frozenset({("Switch", "ports")})})
        self.pieces: dict[str, tuple[Piece, ...]] = {}

    def change(self, **units: Iterable[Piece]) -> Plan:
        changes = [Yield(unit, self.pieces.get(unit, ()), tuple(pieces)) for unit, pieces in units.items()]
        self.pieces |= {change.unit: change.after for change in changes}
        plan = self.target.apply(changes)
        self.database.apply(plan)
        wanted = self.target.all_wanted()
        assert {key: one.all_columns() for key, one in wanted.items()} == self.database.rows
        return plan


@pytest.fixture
def units() -> Units:
    return Units()


def test_an_inserted_row_carries_all_its_members(units: Units) -> None:
    plan = units.change(a=[switch], b=[port, port_of_switch])
    assert plan.changes == (Insert(PORT, {"dhcp": EMPTY}), Insert(SWITCH, {"base": 1, "ports": frozenset({PORT})}))


def test_members_of_a_deleted_row_are_not_mutated(units: Units) -> None:
    units.change(a=[group], b=[switch, port, port_of_switch, port_of_group])
    assert units.change(a=[], b=[switch]).changes == (
        Delete(GROUP),
        Delete(PORT),
        Mutate(SWITCH, "ports", frozenset(), frozenset({PORT})),
    )


def test_a_member_waits_for_its_row(units: Units) -> None:
    assert units.change(a=[Member(GROUP, "ports", "x")]).empty
    assert units.change(b=[group]).changes == (Insert(GROUP, {"ports": frozenset({"x"})}),)


def test_a_member_waits_for_the_row_that_is_its_value(units: Units) -> None:
    units.change(a=[group, port_of_group])
    assert units.target.wanted(GROUP) == Wanted({}, {"ports": EMPTY})
    plan = units.change(b=[switch, port, port_of_switch])
    assert Mutate(GROUP, "ports", frozenset({PORT}), frozenset()) in plan.changes
    plan = units.change(b=[switch])
    assert Mutate(GROUP, "ports", frozenset(), frozenset({PORT})) in plan.changes


def test_a_member_of_a_column_that_its_row_does_not_declare_is_not_written(units: Units) -> None:
    units.change(a=[group])
    assert units.change(b=[Member(GROUP, "acls", "x")]).empty
    assert units.target.wanted(GROUP) == Wanted({}, {"ports": EMPTY})


def test_a_row_waits_for_the_row_that_a_column_names(units: Units) -> None:
    scalar, optional = Row(RowKey("Route", "r"), {"via": DHCP}), Row(RowKey("Nat", "n"), {"via": frozenset({DHCP})})
    assert units.change(a=[scalar, optional]).empty
    assert scalar.key not in units.target
    assert units.target.wanted(scalar.key) is None
    plan = units.change(b=[Row(DHCP, {})])
    assert [change.key for change in plan.changes] == [DHCP, optional.key, scalar.key]
    assert units.change(b=[]).changes == (Delete(DHCP), Delete(optional.key), Delete(scalar.key))


def test_a_chain_of_rows_waits_for_its_end(units: Units) -> None:
    keys = [RowKey("Link", str(number)) for number in range(50)]
    links = [Row(key, {"next": after}) for key, after in zip(keys, [*keys[1:], DHCP], strict=True)]
    assert units.change(a=links).empty
    assert len(units.change(b=[Row(DHCP, {})]).changes) == 51
    assert len(units.change(b=[]).changes) == 51


def test_a_child_waits_for_its_parent(units: Units) -> None:
    assert units.change(a=[port, port_of_switch]).empty
    units.change(b=[switch])
    assert units.change(b=[]).changes == (Delete(PORT), Delete(SWITCH))


@pytest.mark.parametrize("one_by_one", [True, False])
def test_rows_that_name_each_other_in_a_circle_are_never_written(units: Units, one_by_one: bool) -> None:
    one, two = RowKey("Link", "1"), RowKey("Link", "2")
    if one_by_one:
        units.change(a=[Row(one, {"next": EMPTY})])
        units.change(b=[Row(two, {"next": frozenset({one})})])
        assert two in units.target
    units.change(a=[Row(one, {"next": frozenset({two})})], b=[Row(two, {"next": frozenset({one})})])
    assert not units.target.all_wanted()


def test_a_row_that_several_units_yield_stays_until_the_last_drops_it(units: Units) -> None:
    units.change(a=[group], b=[group])
    assert units.change(a=[]).empty
    assert units.change(b=[]).changes == (Delete(GROUP),)


def test_a_member_that_several_units_yield_stays_until_the_last_drops_it(units: Units) -> None:
    member = Member(GROUP, "ports", "x")
    units.change(a=[group], b=[member], c=[member], d=[member])
    assert units.change(b=[]).empty
    assert units.change(d=[]).empty
    assert units.change(c=[]).changes == (Mutate(GROUP, "ports", frozenset(), frozenset({"x"})),)


def test_pieces_that_move_from_unit_to_unit_are_not_written(units: Units) -> None:
    pieces = [switch, port, port_of_switch, group, port_of_group]
    units.change(a=pieces)
    assert units.change(b=pieces, a=[]).empty


def test_a_changed_row_is_updated_in_its_differing_columns_only(units: Units) -> None:
    units.change(a=[Row(DHCP, {"lease": 1, "router": "x"})])
    assert units.change(a=[Row(DHCP, {"lease": 2, "router": "x"})]).changes == (Update(DHCP, {"lease": 2}),)


def test_a_row_that_names_another_row_instead_is_updated_in_place(units: Units) -> None:
    units.change(a=[switch, port, port_of_switch, Row(DHCP, {}), group, port_of_group])
    new = Row(PORT, {"dhcp": frozenset({DHCP})}, parent=SWITCH)
    plan = units.change(a=[switch, new, port_of_switch, Row(DHCP, {}), group, port_of_group])
    assert plan.changes == (Update(PORT, {"dhcp": frozenset({DHCP})}),)


def test_a_child_moves_to_another_parent_in_one_plan(units: Units) -> None:
    other = Row(RowKey("Switch", "t"), {"base": 2}, ("ports",))
    units.change(a=[switch, other], b=[port, port_of_switch])
    plan = units.change(b=[Row(PORT, {"dhcp": EMPTY}, parent=other.key), Member(other.key, "ports", PORT)])
    assert plan.changes == (
        Mutate(SWITCH, "ports", frozenset(), frozenset({PORT})),
        Mutate(other.key, "ports", frozenset({PORT}), frozenset()),
    )


def test_a_disputed_row_is_not_written_until_its_units_agree(units: Units) -> None:
    units.change(a=[Row(DHCP, {"lease": 1})], b=[Row(DHCP, {"lease": 1})])
    assert units.change(b=[Row(DHCP, {"lease": 2})]).changes == (Delete(DHCP),)
    assert units.target.disputes() == dict.fromkeys("ab", "Dhcp d is yielded differently by a, b")
    assert units.change(a=[Row(DHCP, {"lease": 2})]).changes == (Insert(DHCP, {"lease": 2}),)
    assert units.target.disputes() == {}


def test_a_dispute_ends_when_one_side_drops_the_row(units: Units) -> None:
    units.change(a=[Row(DHCP, {"lease": 1})], b=[Row(DHCP, {"lease": 1})], c=[Row(DHCP, {"lease": 2})])
    assert DHCP not in units.target
    assert units.change(c=[]).changes == (Insert(DHCP, {"lease": 1}),)


# --- against an oracle that has no history ----------------------------------------------------------------------------

keys = st.sampled_from([RowKey("Link", str(number)) for number in range(4)])
rows = st.builds(
    lambda key, other, parent: Row(key, {"next": other}, ("fed",), parent),
    keys,
    st.sampled_from(["x", "y"]) | keys | st.frozensets(keys, max_size=2),
    st.none() | st.none() | keys,
)
members = st.builds(Member, keys, st.just("fed"), st.sampled_from(["x", "y"]) | keys)
yields = st.lists(rows, max_size=2, unique_by=lambda row: row.key).flatmap(
    lambda some: st.lists(members, max_size=4, unique=True).map(lambda more: [*some, *more])
)
steps = st.dictionaries(st.sampled_from("abcd"), yields, min_size=1, max_size=3)


def oracle(units: Mapping[str, Iterable[Piece]]) -> dict[RowKey, dict[str, object]]:
    """What the pieces add up to, by the words of the module: begin with nothing, and write whatever waits no more."""
    pieces = [piece for unit in units.values() for piece in unit]
    claims: dict[RowKey, list[Row]] = {}
    for piece in pieces:
        if isinstance(piece, Row):
            claims.setdefault(piece.key, []).append(piece)
    agreed = {key: some[0] for key, some in claims.items() if all(row == some[0] for row in some)}
    written: dict[RowKey, Row] = {}
    while True:
        ready = {
            key: row
            for key, row in agreed.items()
            if all(r in written for value in (row.parent or "", *row.columns.values()) for r in references(value))
        }
        if ready == written:
            break
        written = ready
    return {
        key: {
            **row.columns,
            "fed": frozenset(
                piece.value
                for piece in pieces
                if isinstance(piece, Member) and piece.row == key and all(r in written for r in references(piece.value))
            ),
        }
        for key, row in written.items()
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, min_size=1, max_size=6))
def test_every_history_adds_up_to_what_its_last_pieces_do(history: list[dict[str, list[Piece]]]) -> None:
    units = Units()
    for step in history:
        units.change(**step)
        assert units.database.rows == oracle(units.pieces)
