"""The standing invariants, by what OVN and Open vSwitch hold."""

import json
from typing import Any

from headgate_lab import Lab
from headgate_lab.host import LabHost
from headgate_lab.waiting import wait_until

VOLATILE = (
    "bfd_status",
    "cur_cfg",
    "next_cfg",
    "db_version",
    "statistics",
    "status",
    "link_resets",
    "ifindex",
    "mac_in_use",
    "ofport",
    "stats",
)
"""Columns that Open vSwitch counts up or fills in by itself."""

OVN_MEMORY = ("ct-zone-", "ovn-chassis-idx-", "ovn-nb-cfg", "ovn-startup-ts")
"""Keys in which ovn-controller keeps notes of its own, some long after the change that they are about."""


def assert_restarts_write_nothing(lab: Lab) -> None:
    """Restart the controller and every agent, and see that no row changes.

    The restarted controller compiles everything from nothing, so equal rows also show that a full recompute is what
    Northbound holds.
    """
    assert lab.controller is not None
    await_quiet(lab)
    northbound = lab.nb_rows()
    switches = {host.name: ovs_rows(host) for host in lab.hosts.values()}
    lab.controller.daemon.restart()
    for host in lab.hosts.values():
        assert host.agent is not None
        host.agent.restart()
    await_synchronised(lab)
    assert lab.nb_rows() == northbound, "restarting the controller changed Northbound"
    for host in lab.hosts.values():
        for table, rows in ovs_rows(host).items():
            changed = sorted(set(rows) ^ set(switches[host.name][table]))
            assert not changed, f"restarting the agent of {host.name} changed {table}: {changed}"


def await_quiet(lab: Lab) -> None:
    """Return when no host is busy any more with what came before."""
    lab.central.nbctl("--timeout=20", "--wait=hv", "sync")
    settled = "all agents to have seen their switches settle"
    wait_until(lambda: all(host.settled for host in lab.hosts.values()), seconds=30, what=settled)


def await_synchronised(lab: Lab) -> None:
    """Return when the controller has compared all of Northbound since its last start, and all agents are connected."""
    assert lab.controller is not None
    log = lab.controller.daemon.log

    def synchronised() -> bool:
        last = log.read_text().rpartition(" ready ")[2]
        hosts = {f"hosts/{name}" for name in lab.hosts}
        return "northbound synchronised" in last and all(f"host connected host={host}" in last for host in hosts)

    wait_until(synchronised, seconds=20, what="the controller to synchronise and all agents to connect")


def assert_gone(lab: Lab, project: str) -> None:
    """See that no row of a project is left in Northbound, and nothing of it on any host."""

    def left() -> bool:
        # An ovn-controller takes no patch port away in its first 10 s, nor before it has handled 20 updates (OVN 23.03,
        # controller/patch.c), and looks again only when something comes: each synchronisation is an update to it.
        lab.central.nbctl("--timeout=20", "--wait=hv", "sync")
        switches = (json.dumps(ovs_rows(host)) for host in lab.hosts.values())
        texts = [json.dumps(lab.nb_rows()), *switches]
        return any(f"projects/{project}/" in text for text in texts)

    wait_until(lambda: not left(), seconds=30, what=f"no row of {project} to be left", every=0.1)
    plugged = {workload.host: workload for workload in lab.workloads.values()}
    for host in lab.hosts.values():
        interfaces = host.switch.vsctl("--bare", "--columns=name", "find", "Interface", "external_ids:headgate=plug")
        assert host.name in plugged or not interfaces.split(), f"{host.name} still has {interfaces}"


def key_of(row: dict[str, Any]) -> str | None:
    """Return the key that says that a Northbound row is Headgate's; None if it is another's."""
    marks = row.get("external_ids", ["map", []])
    assert isinstance(marks, list)
    return dict(marks[1]).get("headgate-key")


def our_rows(lab: Lab) -> dict[tuple[str, str], str]:
    """Return our rows by key, with references by key too, so that a row made anew compares equal."""
    rows = lab.nb_rows()
    names = {uuid: key_of(row) or uuid for table in rows.values() for uuid, row in table.items()}
    marked = ((table, key_of(row), row) for table, found in rows.items() for row in found.values())
    return {(table, key): _resolved(row, names) for table, key, row in marked if key}


def _resolved(value: object, names: dict[str, str]) -> str:
    match value:
        case ["uuid", str(uuid)]:
            return names.get(uuid, "nothing")
        case ["set", list(members)]:
            return str(sorted(_resolved(member, names) for member in members))
        case dict():
            return str({key: _resolved(one, names) for key, one in sorted(value.items()) if key != "_version"})
        case _:
            return str(value)


def ovs_rows(host: LabHost) -> dict[str, list[str]]:
    """Return what somebody other than the daemons themselves wrote into a host's switch, by table."""
    tables = ("Open_vSwitch", "Bridge", "Port", "Interface", "SSL")
    return {table: _written(host, table) for table in tables}


def _written(host: LabHost, table: str) -> list[str]:
    output = host.switch.vsctl("--format=json", "list", table)
    found = json.loads(output)
    keep = [i for i, heading in enumerate(found["headings"]) if not heading.startswith(VOLATILE)]
    return sorted(json.dumps([_told(row[i]) for i in keep], sort_keys=True) for row in found["data"])


def _told(value: Any) -> Any:
    """Return a value as OVSDB's JSON has it (RFC 7047), a map without the notes of ovn-controller."""
    match value:
        case ["map", list(entries)]:
            return ["map", [entry for entry in entries if not str(entry[0]).startswith(OVN_MEMORY)]]
    return value
