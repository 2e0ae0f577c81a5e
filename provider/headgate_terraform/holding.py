"""How long the plan of a resource is kept from Terraform: as long as Terraform may still plan what it seems to collide
with.

A plan that is held occupies one of the places in which Terraform works on resources at a time. Once nothing but held
plans is under way, and nothing has come for a while though a place was free, nothing more will come. If no place is
free, nothing more *can* come: then the one that has been held longest is let go.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum

QUIET_SECONDS = 0.5
"""After so long without a call of Terraform's those that are held are judged."""


class Traffic:
    """Terraform's calls under way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self.under_way = 0
        self.most = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count one call while the body runs."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self._last = self._clock()
        try:
            yield
        finally:
            self.under_way -= 1
            self._last = self._clock()

    @property
    def quiet_for(self) -> float:
        """Seconds since a call came or ended."""
        return self._clock() - self._last


class Turn(Enum):
    """What a held plan is to do."""

    ASK_AGAIN = "again"
    """Something that it seemed to collide with has been told."""

    BE_JUDGED = "judged"
    """Nothing more will come."""

    PASS = "pass"  # noqa: S105
    """It cannot be judged, or need not be."""


class Held:
    """One plan that is held."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.turn: Turn | None = None
        self.changed = asyncio.Event()

    def take(self, turn: Turn) -> None:
        """Tell it what to do; to pass is never taken back."""
        if self.turn is not Turn.PASS:
            self.turn = turn
        self.changed.set()


class Holding:
    """All the plans that are held, and how many Terraform makes at a time; None: no more than were seen."""

    def __init__(self, traffic: Traffic, places: int | None) -> None:
        self._traffic = traffic
        self._places = places
        self._held: list[Held] = []

    @contextmanager
    def hold(self) -> Iterator[Held]:
        """Hold a plan while the body runs."""
        held = Held()
        self._held.append(held)
        try:
            yield held
        finally:
            self._held.remove(held)

    def tell(self, name: str) -> None:
        """Take note that a resource has been told."""
        for held in self._held:
            if name in held.names:
                held.take(Turn.ASK_AGAIN)

    def release(self) -> None:
        """Let all of them pass."""
        for held in self._held:
            held.take(Turn.PASS)

    async def turn(self, held: Held, names: Collection[str]) -> Turn:
        """Return, when it is time, what a held plan that waits for some resources is to do."""
        held.names = tuple(names)
        waiting = [one for one in self._held if one.turn is not Turn.PASS]
        if len(waiting) >= (self._places or self._traffic.most):
            waiting[0].take(Turn.PASS)
        while held.turn is None:
            rest = self._rest()
            if rest <= 0:
                for one in self._held:
                    one.take(Turn.BE_JUDGED)
                break
            try:
                await asyncio.wait_for(held.changed.wait(), rest)
            except TimeoutError:
                continue
        held.changed.clear()
        turn, held.turn = held.turn, None
        assert turn is not None
        return turn

    def _rest(self) -> float:
        """Return the seconds until nothing more can be expected, if nothing comes."""
        busy = self._traffic.under_way > len(self._held)
        return QUIET_SECONDS if busy else QUIET_SECONDS - self._traffic.quiet_for
