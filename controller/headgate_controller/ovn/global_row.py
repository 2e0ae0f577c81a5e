"""The one row of `NB_Global`, which OVN and others write too: we own single keys of it, and its epoch fences writers.

Source: ovn-nb(5), table NB_Global.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate_common.ovsdb import Op
from headgate_common.ovsdb_schema import Wire
from headgate_common.rows import RowKey

from .transactions import EPOCH_KEY, GLOBAL_TABLE

GLOBAL_KEY = RowKey(GLOBAL_TABLE, "")
"""Stands for the row wherever rows are named; it carries no key of ours."""

STORE_KEY = "headgate-store"
"""Names the store whose rows the database holds."""

GLOBAL_COLUMNS = ("nb_cfg", "sb_cfg", "options", "external_ids")

READ: Op = {"op": "select", "table": GLOBAL_TABLE, "where": [], "columns": ["options", "external_ids"]}


LONGEST_WAIT_MS = 60_000
"""How long the server is to wait for something at a time: it forgets whoever has gone no sooner."""


def gone(store: str) -> Op:
    """Return the operation that waits until the row does not name that store."""
    named = ["external_ids", "includes", ["map", [[STORE_KEY, store]]]]
    nobody = {"columns": ["external_ids"], "until": "==", "rows": []}
    return {"op": "wait", "timeout": LONGEST_WAIT_MS, "table": GLOBAL_TABLE, "where": [named], **nobody}


class GlobalRow:
    """What we own of the row, and the progress it shows."""

    def __init__(self, options: Mapping[str, str], store: str = "") -> None:
        self.nb_cfg = 0
        self.sb_cfg = 0
        self.store = store
        self._options = options

    def absorb(self, updates: Mapping[str, Mapping[str, Any]]) -> bool:
        """Take in updates of the row; return True if something of ours may have changed."""
        touched = False
        for update in updates.values():
            if "delete" in update:
                self.nb_cfg = self.sb_cfg = 0
                touched = True
                continue
            changes = update.get("modify") or update.get("insert") or update.get("initial") or {}
            self.nb_cfg = changes.get("nb_cfg", self.nb_cfg)
            self.sb_cfg = changes.get("sb_cfg", self.sb_cfg)
            touched |= "modify" not in update
            touched |= not self._options.keys().isdisjoint(_map(changes.get("options")))
            touched |= not {EPOCH_KEY, STORE_KEY}.isdisjoint(_map(changes.get("external_ids")))
        return touched

    def bump(self, beyond: int) -> list[Op]:
        """Return what asks OVN to tell when it has realised all that the transaction and those before it hold.

        The last result has the number. It is higher than `beyond`, so that a database that was emptied, and counts
        from 0 again, asks for nothing that hosts seem to have confirmed already.
        """
        step = max(1, beyond + 1 - self.nb_cfg)
        raised = {"op": "mutate", "table": GLOBAL_TABLE, "where": [], "mutations": [["nb_cfg", "+=", step]]}
        return [raised, {"op": "select", "table": GLOBAL_TABLE, "where": [], "columns": ["nb_cfg"]}]

    def repairs(self, row: Mapping[str, Wire] | None, epoch: int) -> list[Op]:
        """Return the operations that bring our keys of the row to what they should be; none if they are."""
        held = {"options": _map(row and row["options"]), "external_ids": _map(row and row["external_ids"])}
        named = {STORE_KEY: self.store} if self.store else {}
        owned = {"options": self._options, "external_ids": {EPOCH_KEY: str(epoch), **named}}
        if row is None:
            return [{"op": "insert", "table": GLOBAL_TABLE, "row": {c: _wire(pairs) for c, pairs in owned.items()}}]
        mutations: list[Wire] = []
        for column, pairs in owned.items():
            wrong = {key: value for key, value in pairs.items() if held[column].get(key) != value}
            if wrong:
                # An insert leaves a key that is there as it is. Only what was read is taken away: should another
                # controller have written its epoch meanwhile, that stays, and the guard refuses all of this.
                stale = {key: held[column][key] for key in wrong if key in held[column]}
                mutations += [[column, "delete", _wire(stale)], [column, "insert", _wire(wrong)]]
        return [{"op": "mutate", "table": GLOBAL_TABLE, "where": [], "mutations": mutations}] if mutations else []


def epoch_of(row: Mapping[str, Wire] | None) -> int:
    """Return the epoch that the row holds, 0 if none."""
    held = _map(row and row["external_ids"]).get(EPOCH_KEY, "")
    return int(held) if held.isdecimal() else 0


def store_of(row: Mapping[str, Wire] | None) -> str:
    """Return the name of the store whose rows these are, empty if none has claimed them."""
    return _map(row and row["external_ids"]).get(STORE_KEY, "")


def _map(wire: Wire | None) -> dict[str, str]:
    return dict(wire[1]) if wire else {}


def _wire(pairs: Mapping[str, str]) -> Wire:
    return ["map", [[key, value] for key, value in pairs.items()]]
