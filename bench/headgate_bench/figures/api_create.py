"""Creating through the API (G1, G3): a port is checked, gets its addresses, and is on disk and in Northbound."""

from __future__ import annotations

from collections.abc import Iterator

from headgate_bench.api_site import a_controller_and_its_floor
from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.readings import Line, Reading, ratio

ALONE = Line("controller's CPU per port created through the API, by one caller / floor", "x", 3)
CROWD = Line("the same by ten callers at a time / floor", "x", 3)
BATCH = Line("the same in Batches of 100 / floor in batches", "x", 3)
CALLERS, SIZE = 10, 100


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Create ports, in turn by the controller and by hand."""
    ports, batches, pairs = sizes["ports"], sizes["batches"], sizes["pairs"]
    with a_controller_and_its_floor(ports=0) as (controller, floor):
        for line, callers in ((ALONE, 1), (CROWD, CALLERS)):
            taken = interleaved(
                lambda: controller.create(ports, callers),  # noqa: B023 - used before the next
                lambda: floor.create(ports, callers),  # noqa: B023
                pairs,
            )
            yield ratio(line, taken, "cpu")
        size = min(SIZE, ports)
        taken = interleaved(
            lambda: controller.create_together(batches, size), lambda: floor.create_together(batches, size), pairs
        )
        yield ratio(BATCH, taken, "cpu")


FIGURE = Figure(
    lines=(ALONE, CROWD, BATCH),
    floor="an echo by gRPC and uvloop, a commit of three rows by sqlite3, a transaction of Northbound by a socket",
    sizes={"ports": 300, "batches": 5, "pairs": 7},
    tiny={"ports": 5, "batches": 1, "pairs": 1},
    measure=measure,
)
