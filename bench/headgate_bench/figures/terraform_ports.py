"""Terraform with a thousand ports, its state kept by the controller, which it does not have wait for the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate_bench.figure import Figure, Sizes
from headgate_bench.readings import Line, Pair, Reading, amount, ratio
from headgate_bench.servers import a_controller, a_directory, a_northbound
from headgate_bench.terraform import Commands
from headgate_lab.controller import free_port

COMMANDS: Mapping[str, tuple[str, ...]] = {"apply": ("apply", "-auto-approve"), "plan": ("plan",)}
"""By what they are called: the first creates everything, the second finds that nothing changes."""

WALLS = {
    name: Line(f'wall of `terraform {name}` of 1,000 ports, wait = "none" / terraform_data', "x", 4)
    for name in COMMANDS
}
CPUS = {name: Line(f"the provider's CPU for each of them, `terraform {name}`", "ms") for name in COMMANDS}


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Apply and plan in new projects, in turn with as many resources of Terraform's own."""
    count, http = sizes["ports"], f"127.0.0.1:{free_port()}"
    pairs: dict[str, list[Pair]] = {name: [] for name in COMMANDS}
    provider: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with (
        a_directory() as directory,
        a_northbound(directory),
        a_controller(directory, http_listen=[http]) as controller,
    ):
        commands = Commands(directory / "terraform", controller.address, http)
        for number in range(sizes["pairs"]):
            ours, floor = commands.ports(f"ours-{number}", count), commands.built_in(f"floor-{number}", count)
            for name, words in COMMANDS.items():
                subject = commands.run(ours, *words)
                pairs[name].append(Pair(subject.cost, commands.run(floor, *words).cost))
                provider[name].append(1e3 * subject.provider / count)
    for name in COMMANDS:
        yield ratio(WALLS[name], pairs[name], "wall")
        yield amount(CPUS[name], provider[name], (pair.floor.cpu for pair in pairs[name]))


FIGURE = Figure(
    lines=tuple(line for name in COMMANDS for line in (WALLS[name], CPUS[name])),
    floor="as many resources of Terraform's own, their state kept by the same controller",
    sizes={"ports": 1_000, "pairs": 3},
    tiny={"ports": 2, "pairs": 1},
    measure=measure,
)
