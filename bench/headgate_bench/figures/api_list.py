"""Listing 10,000 ports (G14), as a Terraform refresh does: again when nothing has changed, and after a change."""

from __future__ import annotations

from collections.abc import Iterator

from headgate_bench.api_site import Controlled, a_controller_and_its_floor
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.readings import Cost, Line, Reading, alone

AGAIN = Line("controller's CPU for a list of 10,000 ports, nothing changed since the last", "s", 0.025)
CHANGED = Line("the same, a port created since the last", "s", 0.025)


def measure(sizes: Sizes) -> Iterator[Reading]:
    """List ports, in turn with an echo of as many bytes."""
    ports, pairs = sizes["ports"], sizes["pairs"]
    with a_controller_and_its_floor(ports=ports) as (controller, floor):
        yield alone(AGAIN, interleaved(lambda: controller.list_all(ports), lambda: floor.list_all(ports), pairs), "cpu")
        taken = interleaved(lambda: _after_a_change(controller, ports), lambda: floor.list_all(ports), pairs)
        yield alone(CHANGED, taken, "cpu")


def _after_a_change(controller: Controlled, ports: int) -> Cost:
    controller.create(1, 1)
    return controller.list_all(ports)


FIGURE = Figure(
    lines=(AGAIN, CHANGED),
    floor="as many bytes sent by gRPC and uvloop",
    sizes={"ports": 10_000, "pairs": 15},
    tiny={"ports": 10, "pairs": 1},
    measure=measure,
)
