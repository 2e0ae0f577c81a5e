"""From a create to the confirmation of every host (G7), and a burst of them (G9), on three hosts with OVN itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count

from headgate.v1.port_pb2 import Port
from headgate_bench.cost import metered
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.population import fill, port_name
from headgate_bench.raw_network import RawSite
from headgate_bench.readings import Cost, Line, Reading, ratio
from headgate_lab import Lab
from headgate_lab.topology import site_of
from headgate_sdk import Client, creation, deletion

ONE = Line("create of a port until all three hosts confirm, beside 1,000 / raw transaction until they do", "x", 1.15)
WAITERS = Line("100 calls that wait for the ports of one Batch / 1 call", "x", 1.5)
BATCH = Line("a Batch of 200 creates until all hosts confirm / one raw transaction of as many", "x", 1.2)
BURST = Line(
    "200 creates, ten at a time, until all hosts confirm / one raw transaction of as many until they do", "x", 1.2
)


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
        with self._ports(1) as names, metered(self._pid) as took:
            self._client.create(Port(name=names[0]))
            self._client.wait(names[0])
        return took.cost

    def create_batch(self, many: int) -> Cost:
        """Create ports by one call and wait for one of them, which is to wait for all."""
        with self._ports(many) as names, metered(self._pid) as took:
            self._create_all(names)
            self._client.wait(names[0])
        return took.cost

    def create_burst(self, many: int) -> Cost:
        """Create ports by a few callers at once, as Terraform does, then wait for all of them."""
        with self._ports(many) as names, metered(self._pid) as took:
            list(self._callers.map(lambda name: self._client.create(Port(name=name)), names))
            list(self._callers.map(self._client.wait, names))
        return took.cost

    def wait_for_batch(self, ports: int, waiters: int) -> Cost:
        """Create a Batch and have so many calls wait, each for one of its ports; the Batch itself is not measured."""
        with self._ports(ports) as names:
            self._create_all(names)
            with metered(self._pid) as took:
                list(self._pool.map(self._client.wait, names[:waiters]))
        return took.cost

    def raw(self, many: int) -> Cost:
        """Write so many ports by hand, and wait."""
        with metered() as took:
            made = self._raw.add(many)
        self._raw.remove(made)
        return took.cost

    @contextmanager
    def _ports(self, many: int) -> Iterator[list[str]]:
        """Lend names of new ports, which are removed after the block: what all is done beside stays the same."""
        names = [port_name(next(self._numbers), self._subnets) for _ in range(many)]
        yield names
        self._client.batch(*(deletion(name) for name in names))
        self._raw.remove([])

    def _create_all(self, names: Sequence[str]) -> None:
        self._client.batch(*(creation(Port(name=name)) for name in names))


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
        batches = interleaved(lambda: site.create_batch(burst), lambda: site.raw(burst), pairs)
        bursts = interleaved(lambda: site.create_burst(burst), lambda: site.raw(burst), pairs)
    yield ratio(ONE, one, "wall")
    yield ratio(WAITERS, many, "wall")
    yield ratio(BATCH, batches, "wall")
    yield ratio(BURST, bursts, "wall")


FIGURE = Figure(
    lines=(ONE, WAITERS, BATCH, BURST),
    floor="rows and nb_cfg in one transaction on a socket, then a `wait` of Southbound for the hosts",
    sizes={"ports": 1_000, "subnets": 10, "waiters": 100, "burst": 200, "pairs": 6},
    tiny={"ports": 6, "subnets": 3, "waiters": 2, "burst": 2, "pairs": 1},
    measure=measure,
    needs_root=True,
)
