"""The floor of realisation: a network like that of a VPC, made by hand in a lab, and a wait for its hosts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Self

from headgate_bench.raw_ovsdb import RawClient, add_ports, make_network, raw_client
from headgate_common.ovsdb import Op
from headgate_lab import Lab

BATCH = 100
WAIT_MS = 60_000


class RawSite:
    """Switches on one router, with ports of which the first have names that are known."""

    def __init__(self, northbound: RawClient, southbound: RawClient, switches: int) -> None:
        self._northbound, self._southbound = northbound, southbound
        self._network = make_network(northbound, switches)
        self._numbers = count(switches)
        self.names = [str(uuid.uuid4()) for _ in range(switches)]
        for place, switch in enumerate(self._network.switches):
            northbound.transact(_on_router(switch, place, self.names[place], self.mac(place)))

    @classmethod
    @contextmanager
    def made(cls, lab: Lab, *, ports: int, switches: int) -> Iterator[Self]:
        """Make one with so many ports in a lab."""
        with ExitStack() as stack:
            northbound = stack.enter_context(raw_client(lab.central.northbound))
            southbound = stack.enter_context(raw_client(lab.central.southbound, "OVN_Southbound"))
            northbound.transact([{"op": "insert", "table": "Logical_Router", "row": {"name": "raw"}}])
            site = cls(northbound, southbound, switches)
            for _ in range(0, ports, BATCH):
                site.add(min(BATCH, ports))
            yield site

    def add(self, many: int) -> list[str]:
        """Write so many ports in one transaction, and return their UUIDs when every host has confirmed."""
        made = add_ports(self._northbound, self._network, [next(self._numbers) for _ in range(many)], *BUMP)
        self._await_hosts()
        return made

    def remove(self, ports: Sequence[str]) -> None:
        """Take ports away, and return when every host has confirmed that, and all that others have changed till now."""
        named = [["uuid", port] for port in ports]
        mutation = ["ports", "delete", ["set", named]]
        self._northbound.transact(
            [{"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [mutation]}, *BUMP]
        )
        self._await_hosts()

    def _await_hosts(self) -> None:
        rows = self._northbound.transact([{"op": "select", "table": "NB_Global", "where": [], "columns": ["nb_cfg"]}])
        behind = [["nb_cfg", "<", rows[0]["rows"][0]["nb_cfg"]]]
        wait = {"op": "wait", "table": "Chassis_Private", "timeout": WAIT_MS, "where": behind, "columns": ["name"]}
        self._southbound.transact([wait | {"until": "==", "rows": []}])

    @staticmethod
    def mac(place: int) -> str:
        """Return the Ethernet address of the port whose name is known."""
        return f"0a:00:00:00:ff:{place:02x}"


BUMP: tuple[Op, ...] = ({"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]},)


def _on_router(switch: str, place: int, name: str, mac: str) -> list[Op]:
    """Connect a switch to the router, and give it a port for a workload."""
    address = f"0a:00:00:01:00:{place:02x}"
    router_port = {"name": f"raw{place}", "mac": address, "networks": f"10.{place}.255.254/16"}
    switch_port = {"name": f"raw-to{place}", "type": "router", "addresses": "router"}
    options = ["map", [["router-port", f"raw{place}"]]]
    workload = {"name": name, "addresses": f"{mac} 10.{place}.200.1"}
    ports = [["named-uuid", "out"], ["named-uuid", "workload"]]
    return [
        _insert("Logical_Router_Port", "in", router_port),
        _insert("Logical_Switch_Port", "out", switch_port | {"options": options}),
        _insert("Logical_Switch_Port", "workload", workload),
        _insertion("Logical_Router", [["name", "==", "raw"]], [["named-uuid", "in"]]),
        _insertion("Logical_Switch", [["_uuid", "==", ["uuid", switch]]], ports),
    ]


def _insert(table: str, name: str, row: dict[str, Any]) -> Op:
    return {"op": "insert", "table": table, "row": row, "uuid-name": name}


def _insertion(table: str, where: list[Any], ports: list[Any]) -> Op:
    return {"op": "mutate", "table": table, "where": where, "mutations": [["ports", "insert", ["set", ports]]]}
