"""Northbound against a real ovsdb-server: every rule of writing it, and repair of what others change."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from northbound_owner import (
    COLUMNS,
    DB,
    DHCP,
    GROUP,
    HAND_EDITS,
    SWITCH,
    Owner,
    audit,
    by_hand,
    nbctl,
    observed,
    owned,
    picture,
    port,
    port_row,
    rows_of,
    run,
    world,
    writing,
)
from ovsdb_server import NB_SCHEMA, OvsdbServer, connected, eventually, running, serving

from headgate_common.ovsdb import Connection
from headgate_common.rows import Delete, Insert, Mutate, Plan, RowKey, Update, Wanted
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable, StaleEpochError


def test_synchronise_writes_everything_and_a_second_one_writes_nothing_at_all(server: OvsdbServer) -> None:
    async def scenario() -> None:
        wanted = world("a", "b")
        async with writing(server) as northbound:
            assert await northbound.synchronise(wanted) == len(wanted) + 1
            async with observed(server) as changes:
                assert await northbound.synchronise(wanted) == 0
                assert await audit(server, wanted) == 0
                assert await northbound.apply(Plan()) is None
        assert changes == []

    run(scenario())


def test_rule_1_children_stay_with_their_parents_through_every_change(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner, connected(server.remote) as reader:
            await owner.become(world("b", "c"))
            assert {r["name"] for r in await rows_of(reader, "Logical_Switch_Port")} == {"b", "c"}
            assert await audit(server, world("b", "c")) == 0
            await owner.become({})
            for table in COLUMNS:
                assert await rows_of(reader, table) == [], table

    run(scenario())


def test_rule_1_a_child_that_no_parent_wants_is_refused_and_named(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            await northbound.apply(Plan((Insert(port("x"), {"name": "x"}), Insert(DHCP, {"cidr": "10.0.0.0/24"}))))
            assert "no parent" in northbound.refused[port("x")]
            assert list(northbound.refused) == [port("x")]

    run(scenario())


def test_rule_2_a_column_the_server_does_not_have_is_left_out(server: OvsdbServer) -> None:
    async def scenario() -> None:
        columns = {
            **COLUMNS,
            "Logical_Switch": ("name", "from_the_future"),
            "Future": ("name",),
            "Static_MAC_Binding": ("ip",),
        }
        wanted = {
            SWITCH: Wanted({"name": "s", "from_the_future": "x"}),
            RowKey("Future", "f"): Wanted({"name": "f"}),
            RowKey("Static_MAC_Binding", "b"): Wanted({"ip": "10.0.0.1"}),
        }
        async with writing(server, columns=columns) as northbound:
            assert await northbound.synchronise(wanted) == 2
            assert await northbound.synchronise(wanted) == 0
            assert (
                await northbound.apply(Plan((Update(SWITCH, {"from_the_future": "y"}), Delete(RowKey("Future", "f")))))
                is None
            )

    run(scenario())


def test_a_column_that_was_not_declared_is_a_mistake_of_the_caller(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            with pytest.raises(ValueError, match=r"Logical_Switch\.qos_rules"):
                await northbound.synchronise({SWITCH: Wanted({"qos_rules": frozenset()})})

    run(scenario())


def test_rule_2_what_breaks_a_constraint_is_refused_alone(server: OvsdbServer) -> None:
    async def scenario() -> None:
        wanted = world("a", "b")
        wanted[port("b")] = port_row("b", name="a")
        async with writing(server) as northbound, connected(server.remote) as reader:
            await northbound.synchronise(wanted)
            assert "constraint" in next(iter(northbound.refused.values()))
            assert len(await rows_of(reader, "Logical_Switch_Port")) == 1
            assert len(await rows_of(reader, "NAT")) == 1

    run(scenario())


def test_rule_3_our_own_changes_are_not_taken_for_others(server: OvsdbServer) -> None:
    async def scenario() -> None:
        chance = random.Random(1)
        async with owned(server, world("a")) as owner:
            for _ in range(60):
                await owner.become(world(*chance.sample("abcdefghij", chance.randrange(8))))
            await owner.become({})
            await owner.become(world("a"))
            await asyncio.sleep(0)
            assert owner.repairs == 0

    run(scenario())


def test_rule_4_a_writer_of_an_older_epoch_writes_nothing(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server, epoch=3) as older, writing(server, epoch=4) as newer:
            await older.synchronise(world("a"))
            await newer.synchronise(world("a"))
            async with observed(server) as changes:
                with pytest.raises(StaleEpochError):
                    await older.apply(Plan((Update(SWITCH, {"name": "mine"}),)), bump=True)
                with pytest.raises(StaleEpochError):
                    await older.synchronise({})
            assert changes == []
            assert await newer.stored_epoch() == 4

    run(scenario())


def test_rule_4_strangers_keys_beside_the_epoch_do_not_matter_and_stay(server: OvsdbServer) -> None:
    async def scenario() -> None:
        nbctl(server, "init")
        await by_hand(
            server, "set", "NB_Global", ".", "external_ids:theirs=1", "options:theirs=2", "options:bfd-min-rx=9"
        )
        async with writing(server) as northbound, connected(server.remote) as reader:
            await northbound.synchronise({})
            await by_hand(server, "set", "NB_Global", ".", "external_ids:more=3")
            await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))
            (row,) = await rows_of(reader, "NB_Global")
        assert dict(row["external_ids"][1]) == {"theirs": "1", "more": "3", "headgate-epoch": "1"}
        assert dict(row["options"][1]) == {"theirs": "2", "bfd-min-rx": "100"}

    run(scenario())


@pytest.mark.parametrize("edit", ["the epoch", "the shared row as a whole"])
def test_rule_4_an_epoch_removed_by_hand_does_not_stop_the_writer(server: OvsdbServer, edit: str) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            await by_hand(server, *HAND_EDITS[edit])
            await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))
            assert northbound.refused == {}
            assert await northbound.stored_epoch() == 1

    run(scenario())


def test_rule_5_a_bump_rides_in_the_last_transaction_of_the_plan(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            async with observed(server) as changes:
                assert await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)), bump=True) == 1
            assert len(changes) == 1
            assert await northbound.apply(Plan(), bump=True) == 2
            assert northbound.nb_cfg == 2
            await by_hand(server, "set", "NB_Global", ".", "sb_cfg=2")
            await eventually(lambda: northbound.sb_cfg == 2)

    run(scenario())


def test_rule_5_a_bump_is_not_lost_when_the_plan_is_refused(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            assert await northbound.apply(Plan((Insert(port("x"), {}),)), bump=True) == 1

    run(scenario())


def test_a_switch_deleted_while_its_ports_change_ends_up_right(server: OvsdbServer) -> None:
    async def scenario() -> None:
        names = [f"p{n}" for n in range(50)]
        async with owned(server, world(*names)) as owner, connected(server.remote) as other:
            for number in range(4):
                gone = asyncio.ensure_future(
                    other.transact(DB, [{"op": "delete", "table": "Logical_Switch", "where": []}])
                )
                await owner.become(world(*names[number % 7 :], "extra"))
                await gone
            await eventually(lambda: whole(other, owner), 20)
        assert await audit(server, owner.wanted) == 0

    async def whole(other: Connection, owner: Owner) -> bool:
        ports = {row["name"] for row in await rows_of(other, "Logical_Switch_Port")}
        return ports == {key.name for key in owner.wanted if key.table == "Logical_Switch_Port"}

    run(scenario())


def test_nothing_is_applied_on_a_new_connection_before_it_was_synchronised(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            with pytest.raises(NorthboundUnavailable):
                await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))

    run(scenario())


def test_it_may_be_started_before_the_server_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        northbound = Northbound(f"unix:{tmp_path / 'db.sock'}", COLUMNS, epoch=1)
        owner = Owner(northbound, world("a"))
        async with running(northbound.run()), running(owner.run()):
            with pytest.raises(NorthboundUnavailable):
                await northbound.synchronise({})
            with serving(tmp_path, NB_SCHEMA):
                await eventually(lambda: owner.synchronised)

    run(scenario())


def test_names_swapped_between_rows_and_taken_over_from_removed_ones_work_in_any_batch(server: OvsdbServer) -> None:
    async def scenario() -> None:
        names = [f"p{n:03}" for n in range(700)]
        first = world(*names)
        second = dict(first)
        for one, other in zip(names[:350], reversed(names[350:]), strict=True):
            second[port(one)], second[port(other)] = port_row(other), port_row(one)
        third = world(*(f"new-{n}" for n in names)) | {port(f"new-{n}"): port_row(n) for n in names}
        async with owned(server, first) as owner:
            await owner.become(third)
            assert owner.northbound.refused == {}
        assert await audit(server, third) == 0

    run(scenario())


@pytest.mark.parametrize("seed", range(6))
def test_any_path_to_a_world_leaves_the_same_rows(server: OvsdbServer, seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        async with owned(server, {}) as owner:
            for _ in range(15):
                wanted = {} if chance.random() < 0.2 else world(*chance.sample("abcdefghij", chance.randrange(6)))
                for key in chance.sample(sorted(wanted), min(len(wanted), 2)):
                    if key.table == "Logical_Switch_Port":
                        wanted[key] = port_row(
                            key.name, addresses=frozenset({f"dynamic {chance.random()}"}), tag_request=frozenset()
                        )
                await owner.become(wanted)
                assert owner.northbound.refused == {}
            await owner.become(world("z"))
            async with connected(server.remote) as reader:
                taken = await picture(reader)
        assert await audit(server, world("z")) == 0
        server.kill()
        server.start(empty=True)
        async with owned(server, world("z")), connected(server.remote) as reader:
            assert await picture(reader) == taken

    run(scenario())


def test_members_are_added_and_taken_one_by_one(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner:
            async with observed(server) as changes:
                await owner.northbound.apply(Plan((Mutate(GROUP, "ports", frozenset(), frozenset({port("a")})),)))
            (change,) = changes
            ((difference,),) = [[update["modify"]] for update in change["Port_Group"].values()]
            assert difference["ports"][0] == "uuid"

    run(scenario())


def test_an_unknown_table_name_in_the_database_of_an_old_server_does_not_matter(tmp_path: Path) -> None:
    """A schema of before a table was invented: the rest is written."""
    import json

    schema = json.loads(NB_SCHEMA.read_text())
    del schema["tables"]["Port_Group"]
    del schema["tables"]["Logical_Switch_Port"]["columns"]["tag_request"]
    path = tmp_path / "old.ovsschema"
    path.write_text(json.dumps(schema))

    async def scenario(server: OvsdbServer) -> None:
        async with writing(server) as northbound:
            assert await northbound.synchronise(world("a")) == len(world("a"))
            assert await northbound.synchronise(world("a")) == 0

    with serving(tmp_path / "server", path) as server:
        run(scenario(server))
