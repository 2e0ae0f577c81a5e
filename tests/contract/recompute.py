"""What must hold of a store and of Northbound whatever happened before: seen from outside, on the databases alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ovsdb_server import connected
from random_load import SCHEMA
from sqlalchemy import Connection, create_engine, select

from headgate_common.rows import diff
from headgate_controller.addresses import LINK_NETWORKS, SERVICE_NETWORK, reserved_ranges
from headgate_controller.compile import Compiler
from headgate_controller.northbound_rows import COLUMNS
from headgate_controller.ovn.inventory import Inventory
from headgate_controller.ovn.writer import DATABASE
from headgate_controller.store import tables
from headgate_controller.store.database import load_world
from headgate_controller.world import World

EMPTY = World(reserved=reserved_ranges(SERVICE_NETWORK, LINK_NETWORKS))


class Log:
    """The log of a store as far as it was read, and what it adds up to."""

    def __init__(self) -> None:
        self.revision = 0
        self.messages: dict[str, bytes] = {}
        self.names: dict[int, set[str]] = {}
        """What each revision changed."""

    def read(self, connection: Connection) -> set[int]:
        """Take in what is new, and return its revisions: they follow each other, and each change what was before."""
        columns = tables.revision.c
        query = select(tables.revision).where(columns.revision > self.revision)
        fresh: set[int] = set()
        for row in connection.execute(query.order_by(columns.revision, columns.position)):
            assert row.revision in (self.revision, self.revision + 1), f"a gap before revision {row.revision}"
            assert row.position == (len(self.names[row.revision]) if row.revision in self.names else 0)
            assert row.before == self.messages.pop(row.name, None), f"{row.name} was something else before"
            if row.after is not None:
                self.messages[row.name] = row.after
            self.revision = row.revision
            self.names.setdefault(row.revision, set()).add(row.name)
            fresh.add(row.revision)
        return fresh


@contextmanager
def reading(database: Path) -> Iterator[Connection]:
    """Read a database as of one moment while the block runs; nothing of it stays open."""
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def assert_store_consistent(connection: Connection, log: Log) -> World:
    """See that intent is what the log adds up to, references and allocations what intent means; return the World."""
    intent = {row.name: row.message for row in connection.execute(select(tables.intent))}
    assert intent == log.messages, "intent is not what the log adds up to"
    same: Any = SimpleNamespace(connect=lambda: nullcontext(connection))
    world = load_world(same, SCHEMA, EMPTY)
    nouns: list[Any] = list(world.resources.values())
    references = {(noun.name, target) for noun in nouns for _, target in noun.references()}
    assert references == {(row.source, row.target) for row in connection.execute(select(tables.reference))}
    taken = {(pool, str(number), noun.name) for noun in nouns for pool, number in noun.taken()}
    assert taken == {tuple(row) for row in connection.execute(select(tables.allocation))}
    dangling = {target for _, target in references} - intent.keys()
    assert all(target.startswith("hosts/") for target in dangling), dangling
    return world


async def assert_northbound_is_a_recompute(remote: str, world: World) -> int:
    """See that Northbound holds what a compile from nothing gives, and no row besides; return how many."""
    compiler = Compiler({codec.kind.noun: codec.kind.compile for codec in SCHEMA.codecs.values()})
    compiler.advance(world, world.resources)
    assert not compiler.failed
    async with connected(remote) as connection:
        inventory = Inventory(await connection.get_schema(DATABASE), COLUMNS)
        columns = {table: list(names) for table, names in inventory.columns.items()}
        held = inventory.load((await connection.monitor(DATABASE, "check", columns, lambda _: None)).rows)
        plan = diff(inventory.fit(compiler.target.all_wanted()), held)
        assert plan.empty, plan.changes
        everything = [{"op": "select", "table": table, "where": [], "columns": ["_uuid"]} for table in COLUMNS]
        rows = sum(len(result["rows"]) for result in await connection.transact(DATABASE, everything))
        assert rows == len(held), f"{rows - len(held)} rows are nobody's"
    return rows
