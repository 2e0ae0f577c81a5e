"""From commit to row (G4): how long after a port is on disk Northbound has it, beside a transaction made by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import event

from headgate.v1.port_pb2 import Port
from headgate_bench.core import a_site, creations, running
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill, port_name
from headgate_bench.raw_ovsdb import add_ports, make_network, raw_client
from headgate_bench.readings import Cost, Line, Reading, excess
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_sdk import Client

WALL = Line("wall from the commit of a port to the reply of Northbound, over that of a raw transaction", "ms", 1)


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Create ports one by one, in turn by the controller's core and by hand, each in a Northbound of its own."""
    beside, ports = sizes["beside"], sizes["ports"]
    with (
        a_directory() as directory,
        _core(directory / "core", beside) as core,
        _hand(directory / "hand", beside) as hand,
    ):
        pairs = interleaved(lambda: _middle(core, ports), lambda: _middle(hand, ports), sizes["pairs"])
    yield excess(WALL, pairs, "wall")


def _middle(latency: Callable[[], float], times: int) -> Cost:
    return Cost(median(latency() for _ in range(times)), 0.0)


@contextmanager
def _core(directory: Path, beside: int) -> Iterator[Callable[[], float]]:
    """Lend what creates one more port, and returns the seconds from its commit to its row."""
    with a_northbound(directory):
        with a_controller(directory) as controller, Client([controller.address]) as client:
            fill(client, ports=beside, subnets=1)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            clocked = _clocked(directory, beside)
            create = runner.run(clocked.__aenter__())
            yield lambda: runner.run(create())
            runner.run(clocked.__aexit__(None, None, None))


@asynccontextmanager
async def _clocked(directory: Path, beside: int) -> AsyncIterator[Callable[[], Coroutine[Any, Any, float]]]:
    """Lend the same, with a clock that starts as a commit of the store ends and stops at the reply of Northbound."""
    numbers, began, written = count(beside), [0.0], asyncio.Event()

    async def create() -> float:
        written.clear()
        await site.writer.submit(creations(site, [Port(name=port_name(next(numbers), 1))]))
        await written.wait()
        return time.perf_counter() - began[0]

    async with a_site(directory) as site:
        # A step that has nothing to write says so, too.
        site.northbound.on_written = lambda counts: written.set() if counts or not began[0] else None
        # A connection goes back to its pool as soon as its transaction has ended.
        event.listen(site.database.engine, "checkin", lambda *_: began.__setitem__(0, time.perf_counter()))
        async with running(site.convergence.run()):
            await written.wait()
            yield create


@contextmanager
def _hand(directory: Path, beside: int) -> Iterator[Callable[[], float]]:
    """Lend what writes one more port by hand, and returns the seconds that took."""
    numbers = count(beside)
    with a_northbound(directory) as server, raw_client(server.address) as client:
        network = make_network(client, 1)
        for start in range(0, beside, 100):
            add_ports(client, network, range(start, min(start + 100, beside)))

        def add() -> float:
            began = time.perf_counter()
            add_ports(client, network, [next(numbers)])
            return time.perf_counter() - began

        yield add


FIGURE = Figure(
    lines=(WALL,),
    floor="the same row, by a blocking socket and orjson",
    sizes={"beside": 1_000, "ports": 50, "pairs": 15},
    tiny={"beside": 2, "ports": 2, "pairs": 1},
    measure=measure,
)
