"""What one more port costs the controller beside 10,000 and beside 100 (G6): O(what changes), or O(what there is).

Both controllers are real programs, asked through the API; from draft to the reply of Northbound all of it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headgate.v1.port_pb2 import Port
from headgate_bench.cost import metered
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill, port_creations, port_name
from headgate_bench.raw_ovsdb import RawClient, port_wait, raw_client
from headgate_bench.readings import Cost, Line, Reading, ratio
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_sdk import Client, deletion

SINGLY = Line("controller's CPU per port created alone, beside 10,000 ports / beside 100", "x", 1.2)
BATCHED = Line("the same in Batches of 100", "x", 1.2)


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Add ports to a large and a small site in turn, one by one and in Batches."""
    with a_directory() as directory, ExitStack() as stack:
        large, small = (
            stack.enter_context(_grown(directory / size, sizes[size], sizes["subnets"])) for size in ("large", "small")
        )
        for line, way in ((SINGLY, Site.singly), (BATCHED, Site.batched)):
            subject, floor = (partial(way, site, sizes["ports"]) for site in (large, small))
            yield ratio(line, interleaved(subject, floor, sizes["pairs"]), "cpu")


@dataclass(frozen=True)
class Site:
    """A controller with so many ports, and its Northbound."""

    client: Client
    northbound: RawClient
    pid: int
    ports: int
    subnets: int

    def singly(self, number: int) -> Cost:
        """Create ports one by one; return what each cost the controller until Northbound had it."""
        with metered(self.pid) as took:
            made = [self.client.create(Port(name=port_name(port, self.subnets))) for port in self._next(number)]
            self._await(made, there=True)
        self._remove(made)
        return took.cost.per(number)

    def batched(self, number: int) -> Cost:
        """Create ports in one Batch; return what each cost the controller until Northbound had it."""
        with metered(self.pid) as took:
            made = self.client.batch(*port_creations(self._next(number), self.subnets))
            self._await(made, there=True)
        self._remove(made)
        return took.cost.per(number)

    def _next(self, number: int) -> range:
        return range(self.ports, self.ports + number)

    def _remove(self, made: Sequence[Port]) -> None:
        """Remove the ports again, so that the site stays as large as it was."""
        self.client.batch(*(deletion(port.name) for port in made))
        self._await(made, there=False)

    def _await(self, made: Sequence[Port], *, there: bool) -> None:
        """Return once Northbound has the last of the ports, or not any more."""
        self.northbound.transact([port_wait(made[-1].uid, there=there)])


@contextmanager
def _grown(directory: Path, ports: int, subnets: int) -> Iterator[Site]:
    with (
        a_northbound(directory) as northbound,
        a_controller(directory) as server,
        Client([server.address]) as client,
        raw_client(northbound.address) as raw,
    ):
        fill(client, ports=ports, subnets=subnets)
        yield Site(client, raw, server.pid, ports, subnets)


FIGURE = Figure(
    lines=(SINGLY, BATCHED),
    floor="the same at a site of 100 ports",
    sizes={"large": 10_000, "small": 100, "subnets": 10, "ports": 100, "pairs": 12},
    tiny={"large": 20, "small": 2, "subnets": 2, "ports": 2, "pairs": 1},
    measure=measure,
)
