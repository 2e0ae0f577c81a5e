"""OVN Northbound as the compiler wants it: written, watched, and repaired when others change what is ours."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from headgate_common.ovsdb import Connection, ConnectionLostError
from headgate_common.rows import Change, Plan, RowKey, Update, Wanted, diff

from .dial import Address, stay_connected
from .global_row import GLOBAL_KEY, GlobalRow
from .inventory import Contents, Inventory, unmarked
from .suspects import EDITED_LONGEST_SECONDS, FORGIVEN_SECONDS, REFUSED_LONGEST_SECONDS, Suspects
from .writer import DATABASE, ForeignStoreError, StaleEpochError, Writer, Written

__all__ = ["ForeignStoreError", "Northbound", "NorthboundUnavailable", "StaleEpochError"]

log = logging.getLogger(__name__)

SLOW_SECONDS = 2.0
"""How long Northbound may take for an answer before people are told so."""


class NorthboundUnavailable(Exception):  # noqa: N818 (a state of the world, not a fault of the caller)
    """Nothing can be written now: wait for `ready`, then synchronise."""


class Northbound:
    """The leader's hand on OVN Northbound; it keeps itself connected while `run` runs.

    `columns` are, by table, all columns that desired rows may name. `options` are the keys of `NB_Global.options` that
    are ours. `store` names whose rows these are: those of another are left alone, and `foreign` says so (None: it is
    not known yet; empty: they are ours). `confirmed` tells the highest `nb_cfg` that any host has come to. `epoch` may
    be set until `synchronise` claims it; if it is a `new` one, Northbound must be at a lower one until then. Each new
    connection must be synchronised before anything else is written; from then on `absent` are the tables ("T") and
    columns ("T.c") that the server does not have.
    """

    def __init__(
        self,
        remote: str,
        columns: Mapping[str, Iterable[str]],
        *,
        epoch: int = 0,
        new: bool = False,
        options: Mapping[str, str] | None = None,
        store: str = "",
        pki_dir: Path = Path(),
    ) -> None:
        self.epoch = epoch
        self.claimed = False
        self._new = new
        self.foreign: str | None = None
        self._address = Address(remote, pki_dir)
        self._columns = columns
        self._options = dict(options or {})
        self._store = store
        self.confirmed: Callable[[], int] = lambda: 0
        self.absent: Set[str] = frozenset()
        self.schema_version = ""
        self._asked = 0
        self._tell_contested = 0.0
        self.on_written: Callable[[Mapping[str, int]], None] = lambda _: None
        self.on_repaired: Callable[[int], None] = lambda _: None
        self._on_lost: Callable[[], None] = lambda: None
        self._on_attention: Callable[[], None] = lambda: None
        self._ready = asyncio.Event()
        self._writer: Writer | None = None
        self._in_sync = False
        self._busy = asyncio.Lock()
        self._suspects = Suspects()
        self._refused: dict[RowKey, str] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def nb_cfg(self) -> int:
        """The number that stands for what was asked of OVN last; 0 unless synchronised."""
        return self._writer.shared.nb_cfg if self._writer else 0

    @property
    def sb_cfg(self) -> int:
        """The number up to which northd has translated; 0 unless synchronised."""
        return self._writer.shared.sb_cfg if self._writer else 0

    @property
    def why_unready(self) -> str:
        """Why Northbound is not as it should be; empty if it is, but for rows that are refused."""
        if self._writer is None:
            return f"{self._address.remote} is not connected"
        if self.foreign:
            return self.foreign
        if (seconds := self._writer.overdue_seconds) > SLOW_SECONDS:
            return f"{self._address.remote} has not answered for {seconds:.0f} s"
        return "" if self._in_sync else "it is being compared with what it should be"

    @property
    def refused(self) -> Mapping[RowKey, str]:
        """Rows that the server did not take, each with its reason; they are tried again by `repair`."""
        return MappingProxyType(self._refused)

    @property
    def remarkable(self) -> bool:
        """Whether any row may be contested or anything absent; quick, because everybody asks."""
        return bool(self._suspects) or bool(self.absent)

    @property
    def contested(self) -> Mapping[RowKey, int]:
        """Rows that others change again and again, however often they are repaired, and how often they did lately."""
        found = self._suspects.contested(asyncio.get_running_loop().time())
        return {key: times for key, times in found.items() if key not in self._refused}

    def row_named(self, beginning: str) -> str | None:
        """Return the name in the key of our row whose UUID begins so; None if there is none, or while not connected.

        O(rows), for people who ask.
        """
        return self._writer.inventory.row_named(beginning) if self._writer else None

    def listen(self, *, lost: Callable[[], None], attention: Callable[[], None]) -> None:
        """Have `lost` called when a connection ends.

        `attention` is called when there is a new one, rows wait for `repair`, or northd has come further.
        """
        self._on_lost, self._on_attention = lost, attention

    async def ready(self) -> None:
        """Wait until there is a connection that can be written on."""
        # A connection is given up a moment before it is told lost; who came back at once would never let that happen.
        while self._writer is None or self._writer.lost:
            self._ready.clear()
            await self._ready.wait()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await stay_connected(self._address, self._connected, self._disconnected)

    async def stored_epoch(self) -> int:
        """Return the epoch that Northbound is at, 0 if none: a new one must be higher.

        Raises: NorthboundUnavailable.
        """
        with _available():
            return await self._connected_writer().epoch_held()

    async def synchronise(self, wanted: Mapping[RowKey, Wanted]) -> int:
        """Read everything back, write what differs, and return how many changes that took; 0 means nothing was written.

        Raises: NorthboundUnavailable; StaleEpochError; ForeignStoreError; ValueError: a row names a column that was not
        declared.
        """
        async with self._busy:
            writer = self._connected_writer()
            self._in_sync = False
            self._suspects.clear()
            self._refused.clear()
            writer.epoch = self.epoch
            with _available():
                await self._check_store(writer)
                actual = await writer.snapshot()
                claimed = await writer.claim(new=self._new and not self.claimed)
                self.claimed = True
                plan = diff(writer.inventory.fit(wanted), actual)
                written = await self._write(writer, plan)
            self._in_sync = self._writer is writer
            self.absent, self.schema_version = writer.inventory.absent, writer.inventory.schema.version
            if self.absent:
                log.warning("columns unknown to the server left out", extra={"columns": sorted(self.absent)})
        return claimed + _count(plan, written)

    async def outlast(self, store: str) -> None:
        """Wait until Northbound is no longer that other store's, as the server tells.

        Raises: NorthboundUnavailable.
        """
        with _available():
            await self._connected_writer().outlast(store)

    async def _check_store(self, writer: Writer) -> None:
        try:
            await writer.check_store()
        except ForeignStoreError as error:
            self.foreign = str(error)
            raise
        self.foreign = ""

    async def apply(self, plan: Plan, bump: bool = False) -> int | None:
        """Write a plan; with `bump`, raise `nb_cfg` in its last transaction and return the new number.

        Rows that the server refuses are listed in `refused`; the rest is written all the same.

        Raises: NorthboundUnavailable: how much was written is unknown. StaleEpochError. ValueError: as `synchronise`.
        """
        async with self._busy:
            writer = self._synchronised()
            with _available():
                return (await self._write(writer, writer.inventory.fit_plan(plan), bump=bump)).nb_cfg

    async def repair(self, wanted_of: Callable[[RowKey], Wanted | None]) -> int:
        """Read the rows that others may have changed, write what differs, and return how many changes that took.

        Rows that keep changing, or that the server refuses, are looked at less and less often.

        Raises: as `synchronise`.
        """
        async with self._busy:
            writer = self._synchronised()
            keys = self._suspects.take(asyncio.get_running_loop().time())
            self._rearm()
            if not keys:
                return 0
            with _available(), self._marked_if_interrupted(keys):
                claimed = GLOBAL_KEY in keys and await writer.claim()
                keys.discard(GLOBAL_KEY)
                wanted = {key: row for key in sorted(keys) if (row := wanted_of(key)) is not None}
                plan = await self._repairs(writer, keys, writer.inventory.fit(wanted))
                written = await self._write(writer, plan)
                self._clear_refusals(keys - written.refused.keys())
        if not plan.empty:
            self.on_repaired(_count(plan, written))
            self._tell_repaired(plan, written)
        return claimed + _count(plan, written)

    def _tell_repaired(self, plan: Plan, written: Written) -> None:
        """Log a repair; of rows that others change again and again only that they do, once a minute."""
        if new := {change.key for change in plan.changes} - self.contested.keys() - self._refused.keys():
            log.warning("foreign changes repaired", extra={"rows": len(new), "refused": len(written.refused)})
        now = asyncio.get_running_loop().time()
        if (contested := self.contested) and now >= self._tell_contested:
            self._tell_contested = now + FORGIVEN_SECONDS
            key, times = max(contested.items(), key=lambda item: item[1])
            which = {"table": key.table, "row": key.name}
            log.warning("rows contested", extra={"rows": len(contested), **which, "times": times})

    async def _repairs(self, writer: Writer, keys: set[RowKey], wanted: Mapping[RowKey, Wanted]) -> Plan:
        """Return the plan that makes the rows of `keys` what they should be."""
        inventory = writer.inventory
        actual: Contents = {}
        marks: list[Change] = []
        for key, row in (await writer.read(keys)).items():
            contents = inventory.contents(key.table, row)
            if not unmarked(key, row):
                actual[key] = contents
            elif key in wanted:
                actual[key] = contents
                marks.append(Update(key, {"external_ids": contents["external_ids"]}))
            else:
                inventory.forget(key)
        plan = diff(wanted, actual)
        marked = {c.key for c in plan.changes if isinstance(c, Update) and "external_ids" in c.columns}
        return Plan((*(mark for mark in marks if mark.key not in marked), *plan.changes))

    async def _write(self, writer: Writer, plan: Plan, *, bump: bool = False) -> Written:
        rows = {change.key for change in plan.changes}
        with self._marked_if_interrupted(rows):
            written = await writer.write(plan, beyond=max(self._asked, self.confirmed()) if bump else None)
        self._asked = max(self._asked, written.nb_cfg or 0)
        self.on_written(Counter(type(c).__name__.lower() for c in plan.changes if c.key not in written.refused))
        self._clear_refusals(rows - written.refused.keys())
        for key, reason in written.refused.items():
            if self._refused.get(key) != reason:
                log.error("row refused", extra={"table": key.table, "row": key.name, "reason": reason})
        self._refused.update(written.refused)
        self._suspect(written.refused.keys() | written.short, longest=REFUSED_LONGEST_SECONDS)
        return written

    def _clear_refusals(self, rows: set[RowKey]) -> None:
        for key in self._refused.keys() & rows:
            del self._refused[key]

    @contextmanager
    def _marked_if_interrupted(self, rows: set[RowKey]) -> Iterator[None]:
        """Have rows looked at again if what was to be done with them was not finished."""
        keys = frozenset(rows)
        try:
            yield
        except BaseException:
            self._suspect(keys)
            raise

    def _connected_writer(self) -> Writer:
        if self._writer is None:
            raise NorthboundUnavailable("not connected")
        return self._writer

    def _synchronised(self) -> Writer:
        writer = self._connected_writer()
        if not self._in_sync:
            raise NorthboundUnavailable("not synchronised since it was connected")
        return writer

    async def _connected(self, connection: Connection) -> None:
        schema = await connection.get_schema(DATABASE)
        inventory = Inventory(schema, self._columns)
        shared = GlobalRow(self._options, self._store)
        self._writer = Writer(connection, inventory, shared, self._suspect, self._on_attention)
        self._ready.set()
        self._on_attention()

    def _disconnected(self) -> None:
        self._writer = None
        self._in_sync = False
        self._suspects.clear()
        self._rearm()
        self._ready.clear()
        self._on_lost()

    def _suspect(self, keys: Iterable[RowKey], longest: float = EDITED_LONGEST_SECONDS) -> None:
        self._suspects.mark(keys, asyncio.get_running_loop().time(), longest)
        self._rearm()

    def _rearm(self) -> None:
        """Call for attention when the first suspect is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self._suspects.next_due()
        if due is not None:
            self._alarm = asyncio.get_running_loop().call_at(due, self._on_attention)


@contextmanager
def _available() -> Iterator[None]:
    """Tell of a lost connection in the terms of this module."""
    try:
        yield
    except ConnectionLostError as error:
        raise NorthboundUnavailable(str(error)) from error


def _count(plan: Plan, written: Written) -> int:
    return sum(change.key not in written.refused for change in plan.changes)
