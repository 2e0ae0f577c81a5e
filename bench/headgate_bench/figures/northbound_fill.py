"""The whole of a site compiled and written into an empty Northbound (G5): what a lost Northbound costs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import uvloop

from headgate_bench.core import a_site, running
from headgate_bench.cost import metered
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill
from headgate_bench.raw_ovsdb import add_ports, make_network, raw_client
from headgate_bench.readings import Cost, Line, Reading, ratio
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_sdk import Client

BATCH = 100

CPU = Line("CPU: compile 10,000 ports and write them into an empty Northbound / raw transact of 100 rows each", "x", 4)
WALL = Line("wall of the same", "x")


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Fill an empty Northbound by Headgate and raw, in turn; the CPU of the server counts on both sides."""
    with a_directory() as directory:
        with a_northbound(directory), a_controller(directory) as controller, Client([controller.address]) as client:
            fill(client, ports=sizes["ports"], subnets=sizes["subnets"])
        pairs = interleaved(
            lambda: by_headgate(directory), lambda: raw(directory, sizes["ports"], sizes["subnets"]), sizes["pairs"]
        )
    yield ratio(CPU, pairs, "cpu")
    yield ratio(WALL, pairs, "wall")


def by_headgate(directory: Path) -> Cost:
    """Return what it takes from a World to a Northbound that is in step with it."""
    with a_northbound(directory) as server:
        return uvloop.run(_converged(directory, server.pid))


async def _converged(directory: Path, server: int) -> Cost:
    written = asyncio.Event()
    async with a_site(directory) as site:
        site.northbound.on_written = lambda _: written.set()
        with metered(os.getpid(), server) as took:
            async with running(site.convergence.run()):
                await written.wait()
        assert not site.northbound.why_unready, site.northbound.why_unready
    return took.cost


def raw(directory: Path, ports: int, switches: int) -> Cost:
    """Return what it takes to write as many rows by hand."""
    with a_northbound(directory) as server, raw_client(server.address) as client:
        with metered(os.getpid(), server.pid) as took:
            network = make_network(client, switches)
            for start in range(0, ports, BATCH):
                add_ports(client, network, range(start, min(start + BATCH, ports)))
        return took.cost


FIGURE = Figure(
    lines=(CPU, WALL),
    floor="the same rows, by a blocking socket and orjson, 100 in a transaction",
    sizes={"ports": 10_000, "subnets": 10, "pairs": 5},
    tiny={"ports": 30, "subnets": 2, "pairs": 1},
    measure=measure,
)
