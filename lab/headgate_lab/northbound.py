"""Snapshots of the Northbound database, to compare before and after."""

import json
from typing import Any

from headgate_lab.central import Central
from headgate_lab.command import run

DERIVED = {
    "NB_Global": {
        "nb_cfg",
        "nb_cfg_timestamp",
        "sb_cfg",
        "sb_cfg_timestamp",
        "hv_cfg",
        "hv_cfg_timestamp",
        "options",
    },
    "Logical_Switch_Port": {"up", "dynamic_addresses"},
    "Logical_Router_Port": {"status"},
    "BFD": {"status"},
    "Connection": {"is_connected", "status"},
}
"""Columns that OVN fills in by itself, and the counter that waiting for realisation moves.  Source: ovn-nb(5)."""

Rows = dict[str, dict[str, dict[str, Any]]]
"""Table, row's uuid, column, value as in RFC 7047 with the members of sets sorted."""


def nb_rows(remote: str) -> Rows:
    """Return every row somebody wrote into the database there; equal snapshots mean that nothing was written since.

    Raises:
        CommandError: the database does not answer.
    """
    text = run(["ovsdb-client", "--format=json", "dump", remote, "OVN_Northbound"])
    tables = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {_name(table): _rows(table) for table in tables}


def nb_cfg(central: Central) -> int:
    """Return the sequence number of the Northbound database: how often somebody asked to be told of realisation.

    Raises:
        CommandError: the database does not answer.
    """
    return int(central.nbctl("get", "NB_Global", ".", "nb_cfg"))


def _name(table: dict[str, Any]) -> str:
    return str(table["caption"]).removesuffix(" table")


def _rows(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    derived = DERIVED.get(_name(table), set())
    rows: dict[str, dict[str, Any]] = {}
    for cells in table["data"]:
        row = dict(zip(table["headings"], cells, strict=True))
        uuid = row.pop("_uuid")[1]
        rows[uuid] = {column: _sorted(value) for column, value in row.items() if column not in derived}
    return rows


def _sorted(value: Any) -> Any:
    """Return a set or map with its members in order; OVSDB promises none."""
    match value:
        case ["set" | "map" as kind, list(members)]:
            return [kind, sorted(members, key=json.dumps)]
        case _:
            return value
