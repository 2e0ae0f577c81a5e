"""What a run says: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from headgate_bench.readings import MOVED, Cost, Reading

HEADING = ("FIGURE", "MEASURED", "VALUE", "GOAL", "", "CPU", "WALL", "FLOOR'S CPU", "FLOOR'S WALL")

STYLES = {"ok": "green", "missed": "red", MOVED: "yellow"}


def table(found: Mapping[str, Sequence[Reading]]) -> Iterator[list[str | Text]]:
    """Yield a line of `HEADING` for each reading."""
    for name, readings in found.items():
        for reading in readings:
            line, verdict = reading.line, reading.verdict
            goal = "" if line.goal is None else f"≤ {quantity(line.goal, line.unit)}"
            shown = Text(verdict, STYLES.get(verdict, ""))
            costs = [*_costs(reading.subject), *_costs(reading.floor)]
            yield [name, line.measured, quantity(reading.value, line.unit), goal, shown, *costs]


def document(found: Mapping[str, Sequence[Reading]], circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a run, samples included; costs are in seconds."""
    return {**circumstances, "figures": {name: [_told(r) for r in readings] for name, readings in found.items()}}


def _told(reading: Reading) -> dict[str, Any]:
    return {
        "measured": reading.line.measured,
        "unit": reading.line.unit,
        "value": reading.value,
        "goal": reading.line.goal,
        "verdict": reading.verdict,
        "subject": reading.subject and reading.subject._asdict(),
        "floor": reading.floor and reading.floor._asdict(),
        "values": reading.values,
        "floors": reading.floors,
    }


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit, to three digits."""
    number = f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:#.3g}"
    return number if unit == "x" else f"{number} {unit}"


def _costs(cost: Cost | None) -> tuple[str, str]:
    """Return CPU and wall as they are shown; what was not measured is 0, and is not shown."""
    return ("", "") if cost is None else (duration(cost.cpu) if cost.cpu else "", duration(cost.wall))


def duration(seconds: float) -> str:
    """Return seconds in the unit in which they are read best."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(seconds) >= size:
            return quantity(seconds / size, unit)
    return quantity(seconds * 1e6, "µs")
