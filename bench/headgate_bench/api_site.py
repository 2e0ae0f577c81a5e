"""A controller that is called from here, and beside it the floor of what it does: an echo, a commit, a transaction."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, NamedTuple

import grpc
import uvloop

from headgate.v1 import intent_pb2, port_pb2
from headgate_bench.cost import cpu_seconds, metered
from headgate_bench.echo_server import BATCH, CREATE, LIST, SERVICE
from headgate_bench.population import VPC, fill, port_creations, port_name
from headgate_bench.raw_ovsdb import Network, RawClient, add_ports, make_network, raw_client
from headgate_bench.raw_store import RawStore, raw_store
from headgate_bench.readings import Cost
from headgate_bench.servers import Server, a_controller, a_directory, a_northbound, a_southbound, an_echo
from headgate_sdk import Client

OPTIONS = [("grpc.max_receive_message_length", -1)]
PARENT = f"{VPC}/subnets/s0"
STORED = port_pb2.Port(
    name=f"{PARENT}/ports/p1000", uid="0" * 36, generation=1, etag="1000", ip="10.0.0.10", mac="0a:00:00:00:00:01"
).SerializeToString()
QUIET_SECONDS = 0.05
IDLE = 0.04
"""Part of a processor that a controller takes which has nothing left to do."""


class Call(NamedTuple):
    """A method as a channel calls it; without a way to write and to read, of bytes."""

    path: str
    write: Callable[[Any], bytes] | None = None
    read: Callable[[bytes], Any] | None = None


class Controlled:
    """A controller with one subnet; costs are those of its process, from the first call until it is done with all."""

    def __init__(self, run: Callable[[Any], Any], server: Server) -> None:
        self._run = run
        self._pid = server.pid
        self._address = server.address
        self._numbers = count()

    def create(self, times: int, callers: int) -> Cost:
        """Create ports, one by one."""
        requests = [_creation(next(self._numbers)) for _ in range(times)]
        return self._spent("PortService/CreatePort", port_pb2.Port, requests, callers).per(times)

    def create_together(self, batches: int, size: int) -> Cost:
        """Create ports in batches; return the cost of one port."""
        requests = [_batch([next(self._numbers) for _ in range(size)]) for _ in range(batches)]
        return self._spent("IntentService/Batch", intent_pb2.BatchResponse, requests, 1).per(batches * size)

    def list_all(self, ports: int) -> Cost:
        """List ports, in one page."""
        request = port_pb2.ListPortsRequest(parent=PARENT, page_size=ports)
        return self._spent("PortService/ListPorts", port_pb2.ListPortsResponse, [request], 1)

    def _spent(self, method: str, answer: Any, requests: list[Any], callers: int) -> Cost:
        call = Call(f"/headgate.v1.{method}", type(requests[0]).SerializeToString, answer.FromString)
        with metered(self._pid) as meter:
            wall = self._run(_called(self._address, call, requests, callers))
            self._run(_quiet(self._pid))
        return Cost(wall, meter.cost.cpu)


class Floor:
    """The same requests echoed by gRPC alone, the same resources in SQLite and in Northbound; nothing else."""

    def __init__(
        self, run: Callable[[Any], Any], echo: Server, store: RawStore, northbound: RawClient, network: Network
    ) -> None:
        self._run = run
        self._echo = echo
        self._store = store
        self._northbound = northbound
        self._network = network
        self._numbers = count()

    def create(self, times: int, callers: int) -> Cost:
        """Do what creating ports one by one cannot do without."""
        numbers = [next(self._numbers) for _ in range(times)]
        sent = self._echoed(CREATE, port_pb2.Port, [_creation(number) for number in numbers], callers)
        return _sum(sent, *(self._stored([number]) for number in numbers)).per(times)

    def create_together(self, batches: int, size: int) -> Cost:
        """Do what creating ports in batches cannot do without; return the cost of one port."""
        groups = [[next(self._numbers) for _ in range(size)] for _ in range(batches)]
        sent = self._echoed(BATCH, intent_pb2.BatchResponse, [_batch(group) for group in groups], 1)
        return _sum(sent, *map(self._stored, groups)).per(batches * size)

    def list_all(self, ports: int) -> Cost:
        """Send as many bytes as that many ports are."""
        return self._echoed(LIST, None, [str(ports * len(STORED)).encode()], 1)

    def _echoed(self, method: str, answer: Any, requests: list[Any], callers: int) -> Cost:
        path, raw = f"/{SERVICE}/{method}", answer is None
        call = Call(path) if raw else Call(path, type(requests[0]).SerializeToString, answer.FromString)
        with metered(self._echo.pid) as meter:
            wall = self._run(_called(self._echo.address, call, requests, callers))
        return Cost(wall, meter.cost.cpu)

    def _stored(self, numbers: list[int]) -> Cost:
        with metered(os.getpid()) as meter:
            self._store.commit([port_name(number, 1) for number in numbers], STORED)
            add_ports(self._northbound, self._network, numbers)
        return meter.cost


@contextmanager
def a_controller_and_its_floor(*, ports: int) -> Iterator[tuple[Controlled, Floor]]:
    """Run both while the block runs; the controller has that many ports."""
    with ExitStack() as stack:
        directory = stack.enter_context(a_directory())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        stack.enter_context(a_northbound(directory / "own"))
        southbound = stack.enter_context(a_southbound(directory / "own"))
        server = stack.enter_context(a_controller(directory / "own", southbound=southbound.address))
        with Client([server.address]) as client:
            fill(client, ports=ports, subnets=1)
        echo = stack.enter_context(an_echo(directory))
        store = stack.enter_context(raw_store(directory / "raw.db"))
        northbound = stack.enter_context(raw_client(stack.enter_context(a_northbound(directory / "raw")).address))
        floor = Floor(runner.run, echo, store, northbound, make_network(northbound, 1))
        controlled = Controlled(runner.run, server)
        runner.run(_quiet(server.pid))
        yield controlled, floor


def _creation(number: int) -> port_pb2.CreatePortRequest:
    return port_pb2.CreatePortRequest(parent=PARENT, port_id=f"c{number}", port=port_pb2.Port())


def _batch(numbers: list[int]) -> intent_pb2.BatchRequest:
    return intent_pb2.BatchRequest(mutations=port_creations([number + 1_000_000 for number in numbers], 1))


async def _called(address: str, called: Call, requests: Iterable[Any], callers: int) -> float:
    """Send requests, so many at a time; return the seconds until all are answered."""
    left = iter(requests)
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        await channel.channel_ready()
        method, loop = channel.unary_unary(*called), asyncio.get_running_loop()

        async def call() -> None:
            for request in left:
                await method(request)

        began = loop.time()
        await asyncio.gather(*(call() for _ in range(callers)))
        return loop.time() - began


async def _quiet(pid: int) -> None:
    """Return once a process has nothing left to do."""
    before = cpu_seconds(pid)
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        now = cpu_seconds(pid)
        if now - before < IDLE * QUIET_SECONDS:
            return
        before = now


def _sum(*costs: Cost) -> Cost:
    return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))
