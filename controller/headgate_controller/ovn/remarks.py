"""What keeps Northbound from holding all that a resource means, though it takes its rows: words for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headgate_common.rows import RowKey
from headgate_controller.compile import Compiler
from headgate_controller.kinds.registry import Condition

from .northbound import Northbound


def all_well(compiler: Compiler, northbound: Northbound) -> bool:
    """Return whether neither `why_not` nor `remarks` has anything to say of any resource; quick."""
    return not northbound.refused and not northbound.remarkable and compiler.sound


def why_not(name: str, compiler: Compiler, northbound: Northbound) -> str | None:
    """Return why the rows of a resource are not what they should be, None if they are."""
    if name in compiler.failed:
        return f"it cannot be compiled: {compiler.failed[name]}"
    for key in compiler.rows_of(name):
        if key in northbound.refused:
            return f"OVN refuses {key.table} {key.name}: {northbound.refused[key]}"
        if key not in compiler.target:
            return f"{key.table} {key.name} waits for what it refers to"
        if key.table in northbound.absent:
            return f"OVN Northbound, of version {northbound.schema_version}, has no table {key.table}; upgrade OVN"
    return None


def remarks(name: str, compiler: Compiler, northbound: Northbound) -> Iterable[Condition]:
    """Return what people should know of a resource's rows, though they are written."""
    return _remarks(name, compiler, northbound) if northbound.remarkable else ()


def _remarks(name: str, compiler: Compiler, northbound: Northbound) -> Iterator[Condition]:
    contested = northbound.contested
    for key in compiler.rows_of(name):
        if (times := contested.get(key)) is not None:
            text = f"Somebody else has changed {key.table} {key.name} {times} times lately; see headgate doctor."
            yield Condition("OVN_ROW_CONTESTED", text)
        for column in _lacking(key, compiler, northbound):
            text = f"OVN Northbound, of version {northbound.schema_version}, has no {column}, which {key.name} needs."
            yield Condition("OVN_TOO_OLD", f"{text} Upgrade OVN.")


def _lacking(key: RowKey, compiler: Compiler, northbound: Northbound) -> list[str]:
    """Return the columns of a row that say something, and that this Northbound does not have."""
    row = compiler.target.wanted(key)
    said = {} if row is None else {**row.columns, **row.members}
    columns = (f"{key.table}.{column}" for column, value in said.items() if value not in ("", frozenset(), {}))
    return [column for column in columns if column in northbound.absent]
