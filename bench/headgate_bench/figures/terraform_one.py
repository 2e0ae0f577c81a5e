"""A plan in which one resource stays as it is: mostly the start of the provider, three times."""

from __future__ import annotations

from collections.abc import Iterator

from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.readings import Line, Reading, ratio
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_bench.terraform import Commands
from headgate_lab.controller import free_port

WALL = Line("wall of `terraform plan` of one VPC / of one terraform_data", "x", 4.5)
"""The goal is half of what it was before one process served all starts of a command."""

CPU = Line("CPU of the same, the controller's left out", "x")


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Plan both in turn."""
    http = f"127.0.0.1:{free_port()}"
    with (
        a_directory() as directory,
        a_northbound(directory),
        a_controller(directory, http_listen=[http]) as controller,
    ):
        commands = Commands(directory / "terraform", controller.address, http)
        ours, floor = commands.ports("ours", 0), commands.built_in("floor", 1)
        for place in (ours, floor):
            commands.run(place, "apply", "-auto-approve")
        pairs = interleaved(
            lambda: commands.run(ours, "plan").cost, lambda: commands.run(floor, "plan").cost, sizes["pairs"]
        )
    yield ratio(WALL, pairs, "wall")
    yield ratio(CPU, pairs, "cpu")


FIGURE = Figure(
    lines=(WALL, CPU),
    floor="a resource of Terraform's own, its state kept by the same controller",
    sizes={"pairs": 25},
    tiny={"pairs": 1},
    measure=measure,
)
