"""All hosts come back at once, and hold nothing: 1,000 whole states of 1 MB each (G11)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from headgate_bench.cost import metered, most_resident_mib, resident_mib
from headgate_bench.figure import Figure, Sizes
from headgate_bench.readings import Line, Reading, amount
from headgate_bench.servers import a_directory
from headgate_bench.streams import crowded, site

GROWTH = Line("growth of the server's memory until 1,000 hosts have come and been sent 1 MB each", "MiB", 150)
CPU = Line("CPU of the server for each of them", "ms")


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Have all connect at once, with nothing, to a server that is to send each as much."""
    with a_directory() as directory, asyncio.Runner() as runner:
        agents = site(directory, sizes["hosts"])
        with crowded(runner, directory, agents, "--known-ports", str(sizes["ports"])) as server:
            before = resident_mib(server.pid)
            with metered(server.pid) as took:
                server.gather()
            growth = most_resident_mib(server.pid) - before
    yield amount(GROWTH, [growth])
    yield amount(CPU, [took.cost.cpu * 1e3 / sizes["hosts"]])


FIGURE = Figure(
    lines=(GROWTH, CPU),
    floor="none",
    sizes={"hosts": 1_000, "ports": 3_000},
    tiny={"hosts": 3, "ports": 10},
    measure=measure,
)
