"""From samples to a verdict; pure.

A floor is run in turn with what is measured against it, so that whatever else the machine does meets both.  A reading
is valid only while the floor stood still: if that moved, nothing can be said of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

STEADY = 0.25
"""Part of its median by which a sample of the floor may differ from that."""

STRAY = 0.25
"""Part of the samples that may differ by more: medians do not see these."""

MOVED = "not valid: the floor moved"

Quantity = Literal["cpu", "wall"]


class Cost(NamedTuple):
    """Seconds that something took."""

    wall: float
    cpu: float

    def per(self, operations: int) -> Cost:
        """Return the cost of each of so many equal operations."""
        return Cost(self.wall / operations, self.cpu / operations)

    def of(self, quantity: Quantity) -> float:
        """Return the one or the other."""
        return self.cpu if quantity == "cpu" else self.wall


class Pair(NamedTuple):
    """One sample of what is measured, and one of its floor that was taken right before or after."""

    subject: Cost
    floor: Cost


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what is measured, its unit ("x" for a ratio), and what it should be at most.

    Without a goal it is only reported.
    """

    measured: str
    unit: str
    goal: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came out for one line; `floors` are the samples of the floor by which its validity is judged.

    `subject` and `floor` are medians, to be shown beside the value.
    """

    line: Line
    values: tuple[float, ...]
    floors: tuple[float, ...] = ()
    subject: Cost | None = None
    floor: Cost | None = None

    @property
    def value(self) -> float:
        """The median of all samples."""
        return median(self.values)

    @property
    def verdict(self) -> str:
        """What is to be thought of it: "ok", "missed", "reported" for want of a goal, or that the floor moved."""
        if not steady(self.floors):
            return MOVED
        if self.line.goal is None:
            return "reported"
        return "ok" if self.value <= self.line.goal else "missed"


def steady(samples: Sequence[float]) -> bool:
    """Return whether samples are near enough to their median, all but a few strays; none at all are."""
    if not samples:
        return True
    middle = median(samples)
    strays = sum(abs(sample - middle) > STEADY * middle for sample in samples)
    return strays <= STRAY * len(samples)


def ratio(line: Line, pairs: Sequence[Pair], by: Quantity) -> Reading:
    """Read how many times its floor the subject takes: the median over all pairs."""
    return _compared(line, pairs, by, (subject.of(by) / floor.of(by) for subject, floor in pairs))


def excess(line: Line, pairs: Sequence[Pair], by: Quantity) -> Reading:
    """Read how much longer than its floor the subject takes, in milliseconds: the median over all pairs."""
    return _compared(line, pairs, by, ((subject.of(by) - floor.of(by)) * 1e3 for subject, floor in pairs))


def alone(line: Line, pairs: Sequence[Pair], by: Quantity) -> Reading:
    """Read how many seconds the subject takes; its floor only tells whether the machine stood still."""
    return _compared(line, pairs, by, (subject.of(by) for subject, _ in pairs))


def amount(line: Line, values: Iterable[float], floors: Iterable[float] = ()) -> Reading:
    """Read something that is not time, in the line's unit; `floors` are whatever tells that the machine stood still."""
    return Reading(line=line, values=tuple(values), floors=tuple(floors))


def _compared(line: Line, pairs: Sequence[Pair], by: Quantity, values: Iterable[float]) -> Reading:
    subjects, floors = [pair.subject for pair in pairs], [pair.floor for pair in pairs]
    return Reading(
        line=line,
        values=tuple(values),
        floors=tuple(floor.of(by) for floor in floors),
        subject=_middle(subjects),
        floor=_middle(floors),
    )


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))
