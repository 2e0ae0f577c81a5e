"""Writing Northbound over one connection: snapshot, plans, and which changes were not ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headgate_common.ovsdb import Connection, Op, OvsdbError, Snapshot, TableUpdates, check_results
from headgate_common.ovsdb_schema import Wire
from headgate_common.rows import Delete, Plan, RowKey

from .global_row import GLOBAL_COLUMNS, GLOBAL_KEY, READ, GlobalRow, epoch_of, gone, store_of
from .inventory import Contents, Echo, Inventory, echo_of
from .transactions import GLOBAL_TABLE, Batch, Link, Piece, Request, UnwritableError, batches, guard, request

log = logging.getLogger(__name__)

DATABASE = "OVN_Northbound"
_MONITOR = "headgate"
_CLAIM_ATTEMPTS = 5


class StaleEpochError(Exception):
    """Another controller of a later epoch has taken over: this one must not write any more."""

    def __init__(self, ours: int, held: int) -> None:
        super().__init__(f"epoch {ours} is over: Northbound is at {held}")
        self.held = held


class ForeignStoreError(Exception):
    """Northbound holds what another store wrote, which ours knows nothing of and would remove."""

    def __init__(self, held: str, ours: str) -> None:
        super().__init__(
            f"Northbound holds the network of another store, {held}; this one is {ours}, and writes nothing there. "
            "Restore a backup of the other (headgate restore), or give its network up: "
            "ovn-nbctl remove NB_Global . external_ids headgate-store"
        )
        self.held = held


@dataclass(slots=True)
class Written:
    """What came of a plan.

    `refused` has the rows that could not be written, each with the server's reason; `short` those that lack an element.
    """

    nb_cfg: int | None = None
    refused: dict[RowKey, str] = field(default_factory=dict)
    short: set[RowKey] = field(default_factory=set)


class Writer:
    """One connection to Northbound on which we write, under `epoch`. One call at a time.

    `on_suspects` is told of rows of ours that somebody else may have changed, as soon as that is known;
    `on_progress` is told when northd has come further.
    """

    def __init__(
        self,
        connection: Connection,
        inventory: Inventory,
        shared: GlobalRow,
        on_suspects: Callable[[set[RowKey]], None],
        on_progress: Callable[[], None],
    ) -> None:
        self.epoch = 0
        self.inventory = inventory
        self.shared = shared
        self._connection = connection
        self._on_suspects = on_suspects
        self._on_progress = on_progress
        self._held_back: list[TableUpdates] | None = None
        self._going: frozenset[RowKey] = frozenset()
        self._watching = False

    @property
    def lost(self) -> bool:
        """True if nothing can be written any more."""
        return self._connection.lost

    @property
    def overdue_seconds(self) -> float:
        """How long the server has owed an answer."""
        return self._connection.overdue_seconds

    async def snapshot(self) -> Contents:
        """Return our rows as they are now, and watch them from now on."""
        contents: Contents = {}
        if self._watching:
            self._watching = False
            await self._connection.cancel_monitor(_MONITOR)
        columns = {table: list(names) for table, names in self.inventory.columns.items()}

        def started(snapshot: Snapshot) -> None:
            rows = dict(snapshot.rows)
            self.shared.absorb(rows.pop(GLOBAL_TABLE, {}))
            contents.update(self.inventory.load(rows))

        watched = {**columns, GLOBAL_TABLE: GLOBAL_COLUMNS}
        await self._connection.monitor(DATABASE, _MONITOR, watched, self._updated, on_start=started)
        self._watching = True
        return contents

    async def read(self, keys: Iterable[RowKey]) -> dict[RowKey, dict[str, Wire]]:
        """Return the rows of those keys that are there, as the server has them."""
        known = [(key, uuid) for key in keys if (uuid := self.inventory.uuids.get(key)) is not None]
        found: dict[RowKey, dict[str, Wire]] = {}
        for start in range(0, len(known), 300):
            chunk = known[start : start + 300]
            results = await self._connection.transact(DATABASE, [self._select(key, uuid) for key, uuid in chunk])
            found.update(
                {key: result["rows"][0] for (key, _), result in zip(chunk, results, strict=True) if result["rows"]}
            )
        return found

    async def epoch_held(self) -> int:
        """Return the epoch that Northbound is at, 0 if none."""
        return epoch_of(await self._global_row())

    async def check_store(self) -> None:
        """See that Northbound holds nothing of another store.

        Raises: ForeignStoreError.
        """
        held, ours = store_of(await self._global_row()), self.shared.store
        if held and ours and held != ours:
            raise ForeignStoreError(held, ours)

    async def outlast(self, store: str) -> None:
        """Return once Northbound is no longer that store's; the server tells, and is asked again every minute only."""
        while True:
            try:
                await self._connection.transact(DATABASE, [gone(store)])
            except OvsdbError as error:
                if error.error != "timed out":
                    raise
            else:
                return

    async def claim(self, *, new: bool = False) -> bool:
        """Make our epoch and our keys of the shared row hold; return whether anything had to be written.

        Raises: StaleEpochError: a higher epoch is there; or ours, if it is `new`, so that nobody else can have it.
        """
        for _ in range(_CLAIM_ATTEMPTS):
            repairs = await self._shared_repairs(new=new)
            if not repairs:
                return False
            try:
                await self._transact([*repairs, guard(self.epoch)])
            except OvsdbError as error:
                log.info("shared row changed meanwhile", extra={"reason": str(error)})
            else:
                return True
        raise OvsdbError("claim failed", "NB_Global changes faster than it can be read")

    async def _shared_repairs(self, *, new: bool = False) -> list[Op]:
        row = await self._global_row()
        if (held := epoch_of(row)) >= self.epoch + (not new):
            raise StaleEpochError(self.epoch, held)
        return self.shared.repairs(row, self.epoch)

    async def write(self, plan: Plan, *, beyond: int | None = None) -> Written:
        """Write a plan, as much of it as the server takes, and unless None raise `nb_cfg` beyond that with the last.

        What is refused does not keep the rest from being written. It is tried once more after everything else, since
        what stood in its way may be among what was to be removed.

        Raises: StaleEpochError: nothing further is written.
        """
        written = Written()
        late: list[Piece] = []
        todo = batches(plan, self.inventory.schema)
        self._going = frozenset(change.key for change in plan.changes if isinstance(change, Delete))
        try:
            for number, batch in enumerate(todo, start=1):
                last = number == len(todo)
                late += [piece for piece, _ in await self._attempt(batch, written, beyond=beyond if last else None)]
            for piece, reason in await self._attempt(tuple(late), written, lenient=True):
                written.refused.update(dict.fromkeys(_rows(piece), reason))
            if beyond is not None and written.nb_cfg is None:
                await self._commit((), written, beyond=beyond)
        finally:
            self._going = frozenset()
        return written

    async def _attempt(
        self, batch: Batch, written: Written, *, beyond: int | None = None, lenient: bool = False
    ) -> list[tuple[Piece, str]]:
        """Write a batch, or failing that each of its pieces by itself; return those refused, with reasons."""
        if not batch:
            return []
        try:
            await self._commit(batch, written, beyond=beyond, lenient=lenient)
        except (OvsdbError, UnwritableError) as error:
            if len(batch) == 1:
                return [(batch[0], str(error))]
        else:
            return []
        alone = [await self._attempt((piece,), written, lenient=lenient) for piece in batch]
        return [refused for result in alone for refused in result]

    async def _commit(
        self, batch: Batch, written: Written, *, beyond: int | None = None, lenient: bool = False
    ) -> None:
        made = request(batch, self.inventory.schema, self.inventory.uuids, self.epoch, lenient=lenient)
        bump = [] if beyond is None else self.shared.bump(beyond)
        if bump or not made.empty:
            operations = [*made.operations, *bump]
            try:
                results = await self._transact(operations, made)
            except OvsdbError as error:
                if error.index != 0:
                    raise
                # Our epoch is not there: another's is, or somebody tampered with it.
                results = await self._claim_and_transact(operations, made)
            if bump:
                written.nb_cfg = results[-1]["rows"][0]["nb_cfg"]
        written.short |= made.short

    async def _claim_and_transact(self, operations: Sequence[Op], made: Request) -> list[Any]:
        """Commit, with our epoch put back in the same transaction: somebody may take it away all the time."""
        for _ in range(_CLAIM_ATTEMPTS):
            repairs = await self._shared_repairs()
            ahead = len(repairs)
            shifted = replace(made, born={index + ahead: key for index, key in made.born.items()})
            try:
                return await self._transact([*repairs, *operations], shifted)
            except OvsdbError as error:
                if error.index != ahead:
                    raise
        raise OvsdbError("claim failed", "NB_Global changes faster than it can be read")

    async def _transact(self, operations: Sequence[Op], made: Request | None = None) -> list[Any]:
        """Commit; the updates that come before the reply are held back until the reply tells which are ours."""
        held_back: list[TableUpdates] = []

        def settle(results: Sequence[Any] | None) -> None:
            if self._held_back is not held_back:
                return
            self._held_back = None
            echo = self._settled(operations, results, made) if results is not None else None
            for updates in held_back:
                self._absorb(updates, echo)

        self._held_back = held_back
        try:
            return await self._connection.transact(DATABASE, operations, settle)
        finally:
            settle(None)

    def _settled(self, operations: Sequence[Op], results: Sequence[Any], made: Request | None) -> Echo | None:
        try:
            check_results(results)
        except OvsdbError:
            return None
        for index, key in made.born.items() if made else ():
            self.inventory.born(key, results[index]["uuid"][1])
        return echo_of(operations, results) if made else Echo(shared=True)

    def _updated(self, updates: TableUpdates) -> None:
        if self._held_back is None:
            self._absorb(updates, None)
        else:
            self._held_back.append(updates)

    def _absorb(self, updates: TableUpdates, echo: Echo | None) -> None:
        updates = dict(updates)
        suspects: set[RowKey] = set()
        before = self.shared.sb_cfg
        if self.shared.absorb(updates.pop(GLOBAL_TABLE, {})) and not (echo and echo.shared):
            suspects.add(GLOBAL_KEY)
        suspects |= self.inventory.absorb(updates, echo, self._going)
        if suspects:
            self._on_suspects(suspects)
        if self.shared.sb_cfg != before:
            self._on_progress()

    async def _global_row(self) -> dict[str, Wire] | None:
        (result,) = await self._connection.transact(DATABASE, [READ])
        return next(iter(result["rows"]), None)

    def _select(self, key: RowKey, uuid: str) -> Op:
        where = [["_uuid", "==", ["uuid", uuid]]]
        return {"op": "select", "table": key.table, "where": where, "columns": list(self.inventory.columns[key.table])}


def _rows(piece: Piece) -> set[RowKey]:
    """Return the rows of a piece; a child that is refused is made good only together with its parent."""
    return {key for step in piece for key in ((step.parent, step.child) if isinstance(step, Link) else (step.key,))}
