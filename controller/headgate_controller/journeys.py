"""When each revision passed which stage, on its way from a request to the hosts.

For people and for measurements only: nothing that the controller does depends on it. It is kept in memory, and only of
the latest revisions.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MOST_REVISIONS = 10_000
"""Revisions whose times are kept, about 1 KiB for each in all."""

MOST_OF_HOST = 32
"""Numbers kept of each host: there may be thousands of hosts, and people ask of what happened lately."""


class Stage(StrEnum):
    """A part of the way, in order."""

    QUEUE = "queue"
    COMMIT = "commit"
    COMPILE = "compile"
    WRITE = "write"
    TRANSLATE = "translate"
    REALISE = "realise"


class Step(NamedTuple):
    """A stage that was passed: when it began and ended, in seconds since the epoch; of `REALISE`, on which host."""

    stage: Stage
    began: float
    ended: float
    host: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.ended - self.began)


class Times(NamedTuple):
    """When something began and ended, in seconds since the epoch."""

    began: float
    ended: float


class Barrier(NamedTuple):
    """The hosts were asked to confirm everything up to a revision: by which number, and when."""

    nb_cfg: int
    asked: float


class Timeline(Generic[T]):
    """What was noted of numbers that grow. The latest are kept, at least `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: list[int] = []
        self._values: list[T] = []
        self._forgotten = -1

    def note(self, number: int, value: T) -> bool:
        """Note that `number` was reached, and return whether it was not before; a smaller one begins anew."""
        if self._numbers and number <= self._numbers[-1]:
            if number == self._numbers[-1]:
                return False
            self._numbers.clear()
            self._values.clear()
            self._forgotten = -1
        self._numbers.append(number)
        self._values.append(value)
        if len(self._numbers) >= 2 * self._most:
            self._forgotten = self._numbers[self._most - 1]
            del self._numbers[: self._most], self._values[: self._most]
        return True

    def reaching(self, number: int) -> T | None:
        """Return what was noted first of `number` or a later one; None if none was, or it is forgotten."""
        place = bisect_left(self._numbers, number)
        return self._values[place] if place < len(self._numbers) and number > self._forgotten else None

    def at(self, number: int) -> T | None:
        """Return what was noted of exactly this number."""
        place = bisect_left(self._numbers, number)
        return self._values[place] if place < len(self._numbers) and self._numbers[place] == number else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that was answered: its revision, 0 if it changed nothing, when it came, the first resource that it
    names, and the span of OpenTelemetry that it came from.
    """

    revision: int
    received: float
    name: str = ""
    trace: str = ""


class Journeys:
    """The times of the latest revisions; told by those who do the work, all on the event loop.

    `on_step` is called for each step as it ends, of no revision in particular: for measurements; `on_arrival` for each
    request that made a revision.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.on_step: Callable[[Step], None] = lambda _: None
        self.on_arrival: Callable[[Arrival], None] = lambda _: None
        self._clock = clock
        self._received: Timeline[float] = Timeline(MOST_REVISIONS)
        self._committed: Timeline[Times] = Timeline(MOST_REVISIONS)
        self._compiled: Timeline[Times] = Timeline(MOST_REVISIONS)
        self._written: Timeline[Times] = Timeline(MOST_REVISIONS)
        self._barriers: Timeline[Barrier] = Timeline(MOST_REVISIONS)
        self._asked: Timeline[float] = Timeline(MOST_REVISIONS)
        self._translated: Timeline[float] = Timeline(MOST_REVISIONS)
        self._hosts: dict[str, Timeline[float]] = {}

    # What happens.

    def committed(self, arrivals: Sequence[Arrival], began: float, ended: float) -> None:
        """Note that a group of requests was committed, or refused."""
        for arrival in arrivals:
            if arrival.revision:
                self._received.note(arrival.revision, arrival.received)
                self._committed.note(arrival.revision, Times(began, ended))
                self.on_arrival(arrival)
            self.on_step(Step(Stage.QUEUE, arrival.received, began))
        self.on_step(Step(Stage.COMMIT, began, ended))

    def compiled(self, revision: int, began: float, ended: float) -> None:
        """Note that everything up to a revision was compiled."""
        self._compiled.note(revision, Times(began, ended))
        self.on_step(Step(Stage.COMPILE, began, ended))

    def written(self, revision: int, nb_cfg: int | None, began: float, ended: float) -> None:
        """Note that Northbound holds a revision; with `nb_cfg`, that the hosts were asked to confirm it."""
        self._written.note(revision, Times(began, ended))
        if nb_cfg is not None:
            self._barriers.note(revision, Barrier(nb_cfg, ended))
            self._asked.note(nb_cfg, ended)
        self.on_step(Step(Stage.WRITE, began, ended))

    def translated(self, nb_cfg: int) -> None:
        """Note that Southbound holds everything up to a number."""
        asked, at = self._asked.at(nb_cfg), self._clock()
        if self._translated.note(nb_cfg, at) and asked is not None:
            self.on_step(Step(Stage.TRANSLATE, asked, at))

    def confirmed(self, host: str, nb_cfg: int | None) -> None:
        """Note that a host has carried out everything up to a number; None: there is no such host any more."""
        if nb_cfg is None:
            self._hosts.pop(host, None)
            return
        asked, at = self._asked.at(nb_cfg), self._clock()
        timeline = self._hosts.setdefault(host, Timeline(MOST_OF_HOST))
        if timeline.note(nb_cfg, at) and asked is not None:
            self.on_step(Step(Stage.REALISE, asked, at, host))

    # What is asked.

    def of(self, revision: int, hosts: Iterable[str]) -> list[Step]:
        """Return the steps that a revision has made, in order; none if it is too old to be known.

        `hosts` are those that must carry it out.
        """
        received, committed = self._received.at(revision), self._committed.at(revision)
        if received is None or committed is None:
            return []
        steps = [Step(Stage.QUEUE, received, committed.began), Step(Stage.COMMIT, *committed)]
        for stage, timeline in ((Stage.COMPILE, self._compiled), (Stage.WRITE, self._written)):
            if (times := timeline.reaching(revision)) is not None:
                steps.append(Step(stage, *times))
        return [*steps, *self._beyond(revision, hosts)]

    def _beyond(self, revision: int, hosts: Iterable[str]) -> Iterator[Step]:
        """Yield the steps that OVN has made."""
        barrier = self._barriers.reaching(revision)
        if barrier is None:
            return
        if (translated := self._translated.reaching(barrier.nb_cfg)) is not None:
            yield Step(Stage.TRANSLATE, barrier.asked, translated)
        for host in sorted(hosts):
            at = self._hosts[host].reaching(barrier.nb_cfg) if host in self._hosts else None
            if at is not None:
                yield Step(Stage.REALISE, barrier.asked, at, host)
