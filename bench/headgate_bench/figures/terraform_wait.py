"""What waiting for the network adds to `terraform apply`, in a lab of three hosts: in a new network, in which no host
has a part yet, and in one where each host has a workload, so that all of them must realise every port.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from headgate.v1.port_pb2 import Port
from headgate_bench.figure import Figure, Sizes
from headgate_bench.population import BATCH
from headgate_bench.readings import Cost, Line, Pair, Reading, ratio
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_bench.terraform import Commands
from headgate_lab import SITE, Lab
from headgate_lab.controller import free_port
from headgate_sdk import Client, deletion

OURS = '`terraform apply` of 1,000 ports, wait = "all" / wait = "none"'
NEW = Line(f"wall of {OURS}", "x", 1.5)
SHARED = Line("the same in a network that three hosts have a part in", "x", 1.5)


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Apply with either in turn, in new projects; another controller keeps the states."""
    http = f"127.0.0.1:{free_port()}"
    with (
        a_directory() as directory,
        a_northbound(directory),
        a_controller(directory, http_listen=[http]),
        Lab.boot(SITE) as lab,
    ):
        assert lab.controller is not None
        with Client([lab.controller.api]) as client:
            runs = Runs(Commands(directory / "terraform", lab.controller.api, http), lab, client)
            for line, shared in ((NEW, False), (SHARED, True)):
                pairs = []
                for _ in range(sizes["pairs"]):
                    waiting = runs.apply(sizes["ports"], "all", shared=shared)
                    pairs.append(Pair(waiting, runs.apply(sizes["ports"], "none", shared=shared)))
                yield ratio(line, pairs, "wall")


@dataclass
class Runs:
    """Runs of Terraform in a lab, each in a project of its own."""

    commands: Commands
    lab: Lab
    client: Client
    _numbers: Iterator[int] = field(default_factory=count)

    def apply(self, ports: int, wait: str, *, shared: bool) -> Cost:
        """Return what it takes to make so many ports; if `shared`, beside those of a workload on each host."""
        project = f"wait-{next(self._numbers)}"
        there = len(self.lab.hosts) if shared else 0
        place = self.commands.ports(project, there, wait=wait)
        if shared:
            self.commands.run(place, "apply", "-auto-approve")
            self._plug(project)
        self.commands.grow(project, there + ports, wait=wait)
        taken = self.commands.run(place, "apply", "-auto-approve").cost
        for name in list(self.lab.workloads):
            self.lab.detach(name)
        self._clear(project)
        return taken

    def _clear(self, project: str) -> None:
        """Delete what was made, in less time than Terraform would take."""
        network = f"projects/{project}/vpcs/v"
        ports = [port.name for port in self.client.list(Port, f"{network}/subnets/s")]
        for start in range(0, len(ports), BATCH):
            self.client.batch(*map(deletion, ports[start : start + BATCH]))
        self.client.batch(deletion(f"{network}/subnets/s"), deletion(network))

    def _plug(self, project: str) -> None:
        for number, host in enumerate(self.lab.hosts):
            port = self.client.get(Port, f"projects/{project}/vpcs/v/subnets/s/ports/p{number}")
            self.lab.workload(f"w{number}", host=host, port=port.iface_id, ip=f"{port.ip}/16", mac=port.mac)


FIGURE = Figure(
    lines=(NEW, SHARED),
    floor='the same, wait = "none"',
    sizes={"ports": 1_000, "pairs": 1},
    tiny={"ports": 2, "pairs": 1},
    measure=measure,
    needs_root=True,
)
