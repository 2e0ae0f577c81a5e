"""The floor of writing Northbound: rows as Headgate writes them, by JSON-RPC over a blocking socket, one transaction at
a time, and nothing else.

Source: RFC 7047, section 4.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from headgate_common.ovsdb import Op, check_results

DATABASE = "OVN_Northbound"


class RawClient:
    """One connection."""

    def __init__(self, connection: socket.socket, database: str) -> None:
        self._connection = connection
        self._database = database
        self._numbers = count()

    def transact(self, operations: Sequence[Op]) -> list[Any]:
        """Commit operations and return their results.

        Raises:
            OvsdbError: the server refused one.
        """
        request = {"method": "transact", "params": [self._database, *operations], "id": next(self._numbers)}
        self._connection.sendall(orjson.dumps(request))
        results: list[Any] = self._reply()["result"]
        check_results(results)
        return results

    def _reply(self) -> Any:
        received = b""
        while True:
            received += self._connection.recv(1 << 20)
            if received.endswith(b"}"):
                try:
                    return orjson.loads(received)
                except orjson.JSONDecodeError:
                    continue


@contextmanager
def raw_client(remote: str, database: str = DATABASE) -> Iterator[RawClient]:
    """Connect to "unix:PATH" while the block runs."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(remote.removeprefix("unix:"))
        yield RawClient(connection, database)


@dataclass(frozen=True, slots=True)
class Network:
    """Switches made by hand, each with the DHCP options of its ports; both as UUIDs, in order."""

    switches: tuple[str, ...]
    dhcp: tuple[str, ...]


def make_network(client: RawClient, switches: int) -> Network:
    """Write so many switches, and return them."""
    operations = [_insert("Logical_Switch", name=f"s{n}", external_ids=_mark(f"s{n}")) for n in range(switches)]
    operations += [_dhcp(number) for number in range(switches)]
    made = tuple(result["uuid"][1] for result in client.transact(operations))
    return Network(made[:switches], made[switches:])


def _dhcp(number: int) -> Op:
    """Return options as Headgate's have them; of ports whose options lack one of the first three northd makes less."""
    gateway = f"10.{number}.255.254"
    options = {"server_id": gateway, "server_mac": "0a:00:00:01:00:00", "lease_time": "3600", "router": gateway}
    said = ["map", [list(pair) for pair in (options | {"mtu": "1442"}).items()]]
    return _insert("DHCP_Options", cidr=f"10.{number}.0.0/16", options=said, external_ids=_mark(f"d{number}"))


def add_ports(client: RawClient, network: Network, numbers: Sequence[int], *more: Op) -> list[str]:
    """Write the ports of these numbers in one transaction, dealt out to the switches in turn, and `more` with them;
    return their UUIDs.
    """
    operations: list[Op] = list(more)
    held: dict[str, list[Any]] = {}
    for number in numbers:
        place = number % len(network.switches)
        operations.append(_port(number, place, network.dhcp[place]))
        held.setdefault(network.switches[place], []).append(["named-uuid", f"r{number}"])
    for switch, ports in held.items():
        mutation = ["ports", "insert", ["set", ports]]
        where = [["_uuid", "==", ["uuid", switch]]]
        operations.append({"op": "mutate", "table": "Logical_Switch", "where": where, "mutations": [mutation]})
    return [result["uuid"][1] for result in client.transact(operations) if "uuid" in result]


def port_wait(name: str, *, there: bool) -> Op:
    """Return the operation that waits until a switch port of that name is there, or is not, for ten seconds at most."""
    until = {"columns": ["name"], "until": "!=" if there else "==", "rows": []}
    return {"op": "wait", "timeout": 10_000, "table": "Logical_Switch_Port", "where": [["name", "==", name]], **until}


def _port(number: int, place: int, dhcp: str) -> Op:
    name = str(uuid.uuid4())
    third, fourth = divmod(number, 256)
    address = f"0a:00:00:{place:02x}:{third:02x}:{fourth:02x} 10.{place}.{third}.{fourth}"
    row = {"name": name, "addresses": address, "port_security": address, "dhcpv4_options": ["uuid", dhcp]}
    return _insert("Logical_Switch_Port", **row, external_ids=_mark(name)) | {"uuid-name": f"r{number}"}


def _insert(table: str, **row: Any) -> Op:
    return {"op": "insert", "table": table, "row": row}


def _mark(name: str) -> list[Any]:
    """Return a mark as Headgate's rows have one, but not theirs: a controller would look after them."""
    return ["map", [["benchmark-key", name]]]
