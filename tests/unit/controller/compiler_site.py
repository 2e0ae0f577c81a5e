"""How tests drive a compiler: its plans go to a strict database, and every invariant is looked at after every step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import toy
from strict_rows import StrictRows
from toy import EVALUATED, UNITS

from headgate_common.rows import Plan, RowKey, diff
from headgate_controller.compile import Compiler
from headgate_controller.world import Draft, Noun, World


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
