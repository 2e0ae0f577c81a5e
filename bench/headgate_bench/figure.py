"""What a figure is, and which there are.

To add one, put a module into `figures` whose name is the figure's (`northbound_fill.py` is `northbound-fill`), with:

    RATIO = Line("CPU of a full compile and write of 10,000 ports / raw transact in batches of 100", "x", goal=4)

    def measure(sizes: Sizes) -> Iterator[Reading]:
        \"\"\"Fill an empty Northbound, by Headgate and raw, in turn.\"\"\"
        with a_database() as database:
            pairs = interleaved(lambda: by_headgate(database, sizes["ports"]), lambda: raw(database), sizes["pairs"])
        yield ratio(RATIO, pairs, by="cpu")

    FIGURE = Figure(lines=(RATIO,), floor="…", sizes={"ports": 10_000, "pairs": 5}, tiny={"ports": 30, "pairs": 1}, …)

What takes a sample returns a `Cost`, mostly of `metered` (`cost.py`), per operation.  Where a slope matters, measure at
two sizes, and let one be the floor of the other or give each a line.  At `sizes` it has a minute on a quiet machine; at
`tiny`, where the tests run it so that it does not rot, two seconds.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from headgate_bench import figures
from headgate_bench.readings import Cost, Line, Pair, Reading

Sizes = Mapping[str, int]
"""How much there is of what, and how often it is measured, by names of the figure's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that is measured, and what against.

    `measure` yields a reading for each of `lines`.  One that `needs_root` is for labs with network namespaces.
    """

    lines: tuple[Line, ...]
    floor: str
    sizes: Sizes
    tiny: Sizes
    measure: Callable[[Sizes], Iterable[Reading]]
    needs_root: bool = False


def load() -> Mapping[str, Figure]:
    """Return every figure by its name."""
    names = sorted(module.name for module in pkgutil.iter_modules(figures.__path__))
    return {name.replace("_", "-"): importlib.import_module(f"{figures.__name__}.{name}").FIGURE for name in names}


def interleaved(subject: Callable[[], Cost], floor: Callable[[], Cost], pairs: int) -> list[Pair]:
    """Sample both in turn, so many times, each first as often as second; before that once each, to warm up."""
    subject(), floor()
    taken = []
    for number in range(pairs):
        if number % 2:
            below = floor()
            taken.append(Pair(subject(), below))
        else:
            taken.append(Pair(subject(), floor()))
    return taken
