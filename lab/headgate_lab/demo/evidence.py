"""What the databases of a site hold, to compare before and after."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgate_lab.command import run
from headgate_lab.host import LabHost
from headgate_lab.lab import Lab

SWITCH = "Open_vSwitch"

Rows = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Table, row's uuid, column, value."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every Northbound row, and every row of each host's switch, without what the daemons measure."""

    northbound: Rows
    switches: Mapping[str, Rows]

    def changes_since(self, before: "Evidence") -> list[str]:
        """Return, in words, the tables in which a row differs."""
        places = {"Northbound": (before.northbound, self.northbound)}
        places |= {name: (before.switches[name], rows) for name, rows in self.switches.items()}
        return [
            f"{place}: table {table}"
            for place, (old, new) in places.items()
            for table in sorted({*old, *new})
            if old.get(table) != new.get(table)
        ]


def gather(lab: Lab) -> Evidence:
    """Return what is there now.

    Raises:
        CommandError: a database does not answer.
    """
    return Evidence(lab.nb_rows(), {name: _switch_rows(host) for name, host in lab.hosts.items()})


def ports(evidence: Evidence) -> dict[str, set[str]]:
    """Return the names of the ports of each host's switch."""
    return {
        host: {str(row["name"]) for row in rows.get("Port", {}).values()} for host, rows in evidence.switches.items()
    }


def intent_rows(evidence: Evidence) -> Rows:
    """Return the rows of Northbound less the one that every Northbound has."""
    return {table: rows for table, rows in evidence.northbound.items() if table != "NB_Global" and rows}


def _switch_rows(host: LabHost) -> Rows:
    """Return the rows of a switch, of which only what is kept on disk: the rest are measurements."""
    remote = f"unix:{host.run_dir}/db.sock"
    schema = json.loads(run(["ovsdb-client", "get-schema", remote, SWITCH]))["tables"]
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for line in run(["ovsdb-client", "--format=json", "dump", remote, SWITCH]).splitlines():
        if line.strip():
            table = json.loads(line)
            name = str(table["caption"]).removesuffix(" table")
            rows[name] = _kept(table, schema[name]["columns"])
    return rows


def _kept(table: dict[str, Any], schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    cells = (dict(zip(table["headings"], row, strict=True)) for row in table["data"])
    return {
        row["_uuid"][1]: {c: v for c, v in row.items() if c in schema and not schema[c].get("ephemeral")}
        for row in cells
    }
