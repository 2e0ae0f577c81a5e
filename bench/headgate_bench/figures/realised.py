"""From a create to the confirmation of every host (G7), and a burst of them (G9), on three hosts with OVN itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count

from headgate.v1.port_pb2 import Port
from headgate_bench.cost import metered
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill, port_creations, port_name
from headgate_bench.raw_network import RawSite
from headgate_bench.readings import Cost, Line, Reading, ratio
from headgate_lab import Lab
from headgate_lab.topology import site_of
from headgate_sdk import Client

ONE = Line("create of a port until all three hosts confirm, beside 1,000 / raw transaction until they do", "x", 1.15)
WAITERS = Line("100 calls that wait for the ports of one Batch / 1 call", "x", 1.5)
BURST = Line(
    "200 creates, ten at a time, until all hosts confirm / one raw transaction of as many until they do", "x", 1.2
)
TOGETHER = Line("100 creates at once, each of which waits / one", "x")


CALLERS = 10


class Site:
    """A lab in which either network has a workload on each host, so that all of them follow every change."""

    def __init__(self, lab: Lab, client: Client, raw: RawSite, sizes: Sizes) -> None:
        self._client = client
        self._raw = raw
        self._subnets = sizes["subnets"]
        self._numbers = count(sizes["ports"])
        self._pool, self._callers = ThreadPoolExecutor(sizes["waiters"]), ThreadPoolExecutor(CALLERS)
        self._pid = lab.controller.daemon.pid or 0 if lab.controller else 0

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()
        self._callers.shutdown()

    def create(self) -> Cost:
        """Create a port and wait."""
        with metered(self._pid) as took:
            self._create_and_wait(next(self._numbers))
        return took.cost

    def create_together(self, many: int) -> Cost:
        """Create ports by as many callers at once, each of whom waits."""
        numbers = [next(self._numbers) for _ in range(many)]
        with metered(self._pid) as took:
            list(self._pool.map(self._create_and_wait, numbers))
        return took.cost

    def create_burst(self, many: int) -> Cost:
        """Create ports by a few callers at once, as Terraform does, then wait for all of them."""
        numbers = [next(self._numbers) for _ in range(many)]
        with metered(self._pid) as took:
            list(self._callers.map(lambda number: self._client.create(Port(name=self._name(number))), numbers))
            list(self._callers.map(lambda number: self._client.wait(self._name(number)), numbers))
        return took.cost

    def wait_for_batch(self, ports: int, waiters: int) -> Cost:
        """Create a Batch and have so many calls wait, each for one of its ports; the Batch itself is not measured."""
        numbers = [next(self._numbers) for _ in range(ports)]
        self._client.batch(*port_creations(numbers, self._subnets))
        with metered(self._pid) as took:
            list(self._pool.map(lambda number: self._client.wait(self._name(number)), numbers[:waiters]))
        return took.cost

    def raw(self, many: int) -> Cost:
        """Write so many ports by hand, and wait."""
        with metered() as took:
            self._raw.add(many)
        return took.cost

    def _create_and_wait(self, number: int) -> None:
        self._client.create(Port(name=self._name(number)))
        self._client.wait(self._name(number))

    def _name(self, number: int) -> str:
        return port_name(number, self._subnets)


@contextmanager
def a_site(sizes: Sizes) -> Iterator[Site]:
    """Boot it and fill both networks."""
    with ExitStack() as stack:
        lab = stack.enter_context(Lab.boot(site_of(3)))
        assert lab.controller is not None
        client = stack.enter_context(Client([lab.controller.api]))
        fill(client, ports=sizes["ports"], subnets=sizes["subnets"])
        raw = stack.enter_context(RawSite.made(lab, ports=sizes["ports"], switches=sizes["subnets"]))
        for place, host in enumerate(lab.hosts):
            port = client.get(Port, port_name(place, sizes["subnets"]))
            lab.workload(f"ours{place}", host=host, port=port.uid, ip=f"{port.ip}/16", mac=port.mac)
            lab.workload(
                f"raw{place}", host=host, port=raw.names[place], ip=f"10.200.0.{place + 1}/16", mac=raw.mac(place)
            )
        site = Site(lab, client, raw, sizes)
        stack.callback(site.close)
        client.wait(port_name(0, sizes["subnets"]))
        yield site


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Measure each in turn with its floor."""
    with a_site(sizes) as site:
        waiters, burst, pairs = sizes["waiters"], sizes["burst"], sizes["pairs"]
        one = interleaved(site.create, lambda: site.raw(1), pairs)
        many = interleaved(
            lambda: site.wait_for_batch(waiters, waiters), lambda: site.wait_for_batch(waiters, 1), pairs
        )
        together = interleaved(lambda: site.create_together(waiters), site.create, pairs)
        bursts = interleaved(lambda: site.create_burst(burst), lambda: site.raw(burst), pairs)
    yield ratio(ONE, one, "wall")
    yield ratio(WAITERS, many, "wall")
    yield ratio(BURST, bursts, "wall")
    yield ratio(TOGETHER, together, "wall")


FIGURE = Figure(
    lines=(ONE, WAITERS, BURST, TOGETHER),
    floor="rows and nb_cfg in one transaction on a socket, then a `wait` of Southbound for the hosts",
    sizes={"ports": 1_000, "subnets": 10, "waiters": 100, "burst": 200, "pairs": 8},
    tiny={"ports": 6, "subnets": 3, "waiters": 2, "burst": 2, "pairs": 1},
    measure=measure,
    needs_root=True,
)
