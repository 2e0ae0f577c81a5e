"""A controller started on 10,000 ports (G13), and the memory it needs for them: freshly started, and grown to them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from headgate_bench.cost import cpu_seconds, resident_mib
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill
from headgate_bench.readings import Cost, Line, Reading, alone, amount
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_lab.waiting import wait_until
from headgate_sdk import Client

WALL = Line("wall of a controller's start on 10,000 ports, until it serves and is in step with Northbound", "s", 3)
ROWS = Line("most rows that any such start writes", "rows", 0)
FRESH = Line("memory of the controller with 10,000 ports, just started", "MiB", 150)
GROWN = Line("memory of the controller with 10,000 ports that it has created", "MiB", 150)

IN_STEP = re.compile(r"northbound synchronised .*changes=(\d+)")
SECONDS = 60.0


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Grow a site, then start its controller again and again, in turn with one that has nothing."""
    with a_directory() as directory:
        full, empty = Site(directory / "full"), Site(directory / "empty")
        with a_northbound(full.directory), a_northbound(empty.directory):
            with a_controller(full.directory) as server, Client([server.address]) as client:
                fill(client, ports=sizes["ports"], subnets=sizes["subnets"])
                grown = resident_mib(server.pid)
            pairs = interleaved(full.start, empty.start, sizes["pairs"])
    yield alone(WALL, pairs, "wall")
    yield amount(ROWS, [max(full.written[1:])])  # the first, to warm up, writes what the end of growing left
    yield amount(FRESH, full.memory)
    yield amount(GROWN, [grown])


class Site:
    """A directory with all that a controller has, and what its starts took besides time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written: list[int] = []
        self.memory: list[float] = []

    def start(self) -> Cost:
        """Start the controller, and end it once it serves and is in step."""
        log = self.directory / "controller.log"
        silent = log.stat().st_size if log.exists() else 0

        def in_step() -> re.Match[str] | None:
            return IN_STEP.search(log.read_text()[silent:])

        began = time.perf_counter()
        with a_controller(self.directory) as server:
            wait_until(lambda: in_step() is not None, seconds=SECONDS, what="the controller is in step")
            cost = Cost(time.perf_counter() - began, cpu_seconds(server.pid))
            self.memory.append(resident_mib(server.pid))
        changes = in_step()
        assert changes is not None
        self.written.append(int(changes[1]))
        return cost


FIGURE = Figure(
    lines=(WALL, ROWS, FRESH, GROWN),
    floor="the start of a controller that has nothing",
    sizes={"ports": 10_000, "subnets": 10, "pairs": 4},
    tiny={"ports": 30, "subnets": 2, "pairs": 1},
    measure=measure,
)
