"""From plans to transactions: what must go together does, in an order that works."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from headgate_common.ovsdb_schema import parse_schema
from headgate_common.rows import OWNER_KEY, Change, Delete, Insert, Mutate, Plan, RowKey, Update
from headgate_controller.ovn.transactions import Batch, Link, Request, UnwritableError, batches, guard, request


def ref(table: str, *, weak: bool = False, least: int = 0, most: int | str = "unlimited") -> dict[str, Any]:
    key = {"type": "uuid", "refTable": table, "refType": "weak" if weak else "strong"}
    return {"type": {"key": key, "min": least, "max": most}}


IDS = {"external_ids": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}
SCHEMA = parse_schema(
    {
        "name": "Test",
        "version": "1.0.0",
        "tables": {
            "NB_Global": {"isRoot": True, "columns": {**IDS, "nb_cfg": {"type": "integer"}}},
            "Switch": {"isRoot": True, "columns": {**IDS, "name": {"type": "string"}, "ports": ref("Port")}},
            "Port": {
                "columns": {
                    **IDS,
                    "name": {"type": "string"},
                    "options": ref("Options", weak=True, most=1),
                    "group": ref("Group", most=1),
                    "chassis": ref("Chassis"),
                }
            },
            "Chassis": {"columns": IDS},
            "Options": {"isRoot": True, "columns": IDS},
            "Group": {"isRoot": True, "columns": IDS},
            "Portset": {"isRoot": True, "columns": {**IDS, "ports": ref("Port", weak=True)}},
            "Meter": {"isRoot": True, "columns": {**IDS, "bands": ref("Band", least=1)}},
            "Band": {"columns": IDS},
            "Anonymous": {"isRoot": True, "columns": {"name": {"type": "string"}}},
        },
    }
)

S, P, Q = RowKey("Switch", "s"), RowKey("Port", "p"), RowKey("Port", "q")
OPT, G = RowKey("Options", "o"), RowKey("Group", "g")
SET, METER, BAND = RowKey("Portset", "set"), RowKey("Meter", "m"), RowKey("Band", "b")


def some(*keys: RowKey) -> frozenset[RowKey]:
    return frozenset(keys)


def ops(changes: Iterable[Change], there: Mapping[RowKey, str] | None = None, limit: int = 300) -> list[Request]:
    return [request(batch, SCHEMA, there or {}, 7) for batch in batches(Plan(tuple(changes)), SCHEMA, limit)]


def steps(batch: Batch) -> list[Any]:
    return [step for piece in batch for step in piece]


def flat(plan: list[Change], limit: int = 300) -> list[Any]:
    return [step for batch in batches(Plan(tuple(plan)), SCHEMA, limit) for step in steps(batch)]


def test_an_empty_plan_is_no_transaction() -> None:
    assert batches(Plan(), SCHEMA) == []


def test_every_transaction_begins_with_the_guard_of_the_epoch() -> None:
    made = ops([Insert(RowKey("Group", f"g{n}"), {}) for n in range(10)], limit=3)
    assert len(made) == 4
    assert all(m.operations[0] == guard(7) for m in made)
    assert guard(7)["where"] == [["external_ids", "includes", ["map", [["headgate-epoch", "7"]]]]]
    assert guard(7)["timeout"] == 0


def test_a_child_is_inserted_with_the_link_from_its_parent() -> None:
    (made,) = ops([Insert(P, {"name": "p"}), Mutate(S, "ports", some(P), frozenset())], {S: "u-s"})
    _, insert, link = made.operations
    assert insert["table"] == "Port"
    assert link["where"] == [["_uuid", "==", ["uuid", "u-s"]]]
    assert link["mutations"] == [["ports", "insert", ["named-uuid", insert["uuid-name"]]]]
    assert made.born == {1: P}


def test_links_to_a_new_parent_are_part_of_its_insert() -> None:
    (made,) = ops([Insert(S, {"name": "s", "ports": some(P, Q)}), Insert(P, {}), Insert(Q, {})])
    inserts = {op["table"] + op["row"].get("name", ""): op for op in made.operations[1:]}
    assert {op["op"] for op in made.operations[1:]} == {"insert"}
    assert len(inserts["Switchs"]["row"]["ports"][1]) == 2


def test_a_parent_with_many_children_is_cut_into_batches_that_each_link_their_own() -> None:
    ports = [RowKey("Port", f"p{n:04}") for n in range(1000)]
    made = batches(Plan((Insert(S, {"ports": some(*ports)}), *(Insert(p, {}) for p in ports))), SCHEMA, 300)
    assert len(made) == 4
    for batch in made:
        changes = steps(batch)
        assert {c.key for c in changes if isinstance(c, Insert)} - {S} == {
            c.child for c in changes if isinstance(c, Link)
        }
        assert sum(isinstance(c, Insert) for c in changes) <= 300


def test_uuids_of_earlier_transactions_are_used_in_later_ones() -> None:
    first, second = batches(Plan((Insert(S, {"ports": some(P)}), Insert(P, {}))), SCHEMA, 1)
    assert request(first, SCHEMA, {}, 1).born == {1: S}
    _, insert, link = request(second, SCHEMA, {S: "u-s"}, 1).operations
    assert insert["table"] == "Port"
    assert link["where"] == [["_uuid", "==", ["uuid", "u-s"]]]


def test_a_row_comes_after_what_it_refers_to() -> None:
    order = flat(
        [
            Insert(SET, {"ports": some(P)}),
            Insert(P, {"options": some(OPT), "group": some(G)}),
            Insert(S, {"ports": some(P)}),
            Insert(OPT, {}),
            Insert(G, {}),
        ],
        limit=1,
    )
    at = {step.key: n for n, step in enumerate(order) if isinstance(step, Insert)}
    assert max(at[S], at[OPT], at[G]) < at[P] < at[SET]


def test_grandchildren_come_after_their_parents_whatever_their_names() -> None:
    chassis = RowKey("Chassis", "a")
    order = flat([Insert(chassis, {}), Insert(P, {"chassis": some(chassis)}), Insert(S, {"ports": some(P)})], limit=1)
    assert [step.key for step in order if isinstance(step, Insert)] == [S, P, chassis]


def test_removals_come_last_and_referrers_go_before_what_they_refer_to() -> None:
    order = flat(
        [
            Delete(G),
            Delete(OPT),
            Delete(P),
            Delete(SET),
            Mutate(S, "ports", frozenset(), some(P)),
            Insert(Q, {}),
            Mutate(S, "ports", some(Q), frozenset()),
        ],
        limit=1,
    )
    gone = [step.key for step in order if isinstance(step, Delete)]
    assert order[0] == Insert(Q, {})
    assert gone.index(SET) < gone.index(P) < min(gone.index(OPT), gone.index(G))


def test_a_reference_is_dropped_before_the_row_it_refers_to() -> None:
    plan: list[Change] = [
        Delete(OPT),
        Update(P, {"options": frozenset()}),
        Mutate(SET, "ports", frozenset(), some(Q)),
        Delete(Q),
        Mutate(S, "ports", frozenset(), some(Q)),
    ]
    order = flat(plan, limit=1)
    assert order.index(Update(P, {"options": frozenset()})) < order.index(Delete(OPT))
    assert order.index(Mutate(SET, "ports", frozenset(), some(Q))) < order.index(Delete(Q))


def test_a_child_is_never_deleted_but_unlinked() -> None:
    (made,) = ops([Delete(P), Mutate(S, "ports", frozenset(), some(P))], {S: "u-s", P: "u-p"})
    assert [op["op"] for op in made.operations[1:]] == ["mutate"]
    assert made.operations[1]["mutations"] == [["ports", "delete", ["uuid", "u-p"]]]


def test_children_of_a_deleted_parent_need_no_operation_once_they_are_gone_with_it() -> None:
    parent, children = batches(Plan((Delete(S), Delete(P))), SCHEMA)
    assert [op["op"] for op in request(parent, SCHEMA, {S: "u-s", P: "u-p"}, 1).operations[1:]] == ["delete"]
    assert request(children, SCHEMA, {}, 1).empty


def test_a_child_of_unknown_parent_is_unlinked_wherever_it_hangs() -> None:
    (made,) = ops([Delete(P)], {P: "u-p"})
    assert [(op["op"], op["table"], op["where"]) for op in made.operations[1:]] == [
        ("mutate", "Switch", [["ports", "includes", ["uuid", "u-p"]]])
    ]


def test_a_child_moves_between_parents_in_one_transaction() -> None:
    t = RowKey("Switch", "t")
    made = batches(
        Plan((Mutate(S, "ports", frozenset(), some(P)), Mutate(t, "ports", some(P), frozenset()))), SCHEMA, 1
    )
    assert len(made) == 1


def test_a_parent_that_needs_a_child_at_all_times_goes_with_its_children() -> None:
    assert len(batches(Plan((Insert(BAND, {}), Insert(METER, {"bands": some(BAND)}))), SCHEMA, 1)) == 1
    other = RowKey("Band", "c")
    plan = Plan((Mutate(METER, "bands", some(other), some(BAND)), Insert(other, {}), Delete(BAND)))
    (batch,) = batches(plan, SCHEMA, 1)
    made = request(batch, SCHEMA, {METER: "u-m", BAND: "u-b"}, 1)
    assert [op["op"] for op in made.operations[1:]] == ["insert", "mutate"]


def test_inserted_rows_carry_their_key_beside_what_they_want_there() -> None:
    (made,) = ops([Insert(G, {"external_ids": {"a": "b"}}), Insert(OPT, {})])
    marks = {op["table"]: dict(op["row"]["external_ids"][1]) for op in made.operations[1:]}
    assert marks == {"Group": {"a": "b", OWNER_KEY: "g"}, "Options": {OWNER_KEY: "o"}}


def test_an_update_of_external_ids_keeps_the_key_and_any_other_leaves_them_alone() -> None:
    (made,) = ops([Update(S, {"name": "t"}), Update(P, {"external_ids": {}})], {S: "u-s", P: "u-p"})
    assert made.operations[1]["row"] == {"name": "t"}
    assert made.operations[2]["row"] == {"external_ids": ["map", [[OWNER_KEY, "p"]]]}


def test_a_row_that_is_there_already_is_changed_instead_of_inserted() -> None:
    (made,) = ops([Insert(S, {"name": "s", "ports": some(P)}), Insert(P, {})], {S: "u-s"})
    assert [op["op"] for op in made.operations[1:]] == ["insert", "update", "mutate"]


def test_deleting_what_is_gone_is_nothing() -> None:
    (made,) = ops([Delete(G)])
    assert made.empty


@pytest.mark.parametrize(
    "change",
    [
        pytest.param([Update(S, {"name": "t"})], id="an update of an absent row"),
        pytest.param([Mutate(SET, "ports", frozenset(), some(P))], id="a mutation of an absent row"),
        pytest.param([Insert(P, {})], id="a child without parent"),
        pytest.param([Insert(P, {}), Mutate(S, "ports", some(P), frozenset())], id="a child of an absent parent"),
        pytest.param([Insert(RowKey("Anonymous", "x"), {"name": "x"})], id="a row that cannot say whose it is"),
    ],
)
def test_what_cannot_be_written_is_refused_naming_the_row(change: list[Change]) -> None:
    with pytest.raises(UnwritableError) as caught:
        ops(change, {P: "u-p"} if isinstance(change[0], Mutate) else {})
    assert caught.value.key.name in str(caught.value)


def test_a_single_reference_to_an_absent_row_is_refused() -> None:
    with pytest.raises(UnwritableError, match="Options o"):
        ops([Insert(P, {"options": some(OPT)}), Insert(S, {"ports": some(P)})])


def test_one_absent_element_of_many_is_refused_or_if_tolerated_left_out_and_told() -> None:
    plan = Plan((Insert(SET, {"ports": some(P, Q)}),))
    (batch,) = batches(plan, SCHEMA)
    with pytest.raises(UnwritableError):
        request(batch, SCHEMA, {Q: "u-q"}, 1)
    made = request(batch, SCHEMA, {Q: "u-q"}, 1, lenient=True)
    assert made.operations[1]["row"]["ports"] == ["uuid", "u-q"]
    assert made.short == {SET}


@pytest.mark.parametrize("seed", range(30))
def test_random_plans_keep_children_with_their_links_and_references_behind_their_targets(seed: int) -> None:
    chance = random.Random(seed)
    switches = [RowKey("Switch", f"s{n}") for n in range(4)]
    options = [RowKey("Options", f"o{n}") for n in range(3)]
    ports = {RowKey("Port", f"p{n}"): chance.choice(switches) for n in range(40)}
    plan: list[Change] = [Insert(o, {}) for o in options]
    plan += [Insert(s, {"ports": some(*(p for p, parent in ports.items() if parent == s))}) for s in switches]
    plan += [Insert(p, {"options": some(chance.choice(options))}) for p in ports]
    plan += [Insert(SET, {"ports": some(*chance.sample(list(ports), 10))})]
    chance.shuffle(plan)
    uuids: dict[RowKey, str] = {}
    for batch in batches(Plan(tuple(plan)), SCHEMA, chance.choice([1, 3, 10])):
        made = request(batch, SCHEMA, uuids, 1)
        assert not made.short
        uuids |= {key: f"u-{key.table}-{key.name}" for key in made.born.values()}
    assert set(uuids) == {change.key for change in plan}
