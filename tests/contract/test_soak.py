"""A soak: everything changed at random while everything fails at random, from a seed, and what must hold looked at
whenever it is quiet. `./dev soak SECONDS SEED` makes it longer, or another one.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from controller_site import Central, Controller, central, controlling
from http_client import ask
from ledger import Ledger
from recompute import assert_northbound_is_a_recompute, reading
from soak_site import SECONDS, Client, Faults, Watcher, await_ready, listed

from headgate_controller.world import World
from headgate_lab.waiting import wait_until

LENGTH = float(os.environ.get("HEADGATE_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("HEADGATE_SOAK_SEED", "4"))
ROUND_SECONDS = 4.0
CLIENTS = 3
KILLED_SHARE = 0.4
"""Part of the time in which the controller is killed and stopped; after that it must live on, and keep its size."""

WARM_SHARE = 0.2
"""Part of the rest before which its size is not looked at."""

MOST_GROWTH_MIB = 10.0
"""What caches of libraries and the allocator may come to, however long it lasts."""

MOST_KEPT_KIB = 1.5
"""What is remembered of each change: the times of its journey, of the last 10,000 to 20,000 (`journeys.py`)."""

MOST_MORE_DESCRIPTORS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How large a process is."""

    seconds: float
    changes: int
    """Made so far."""
    mib: float
    descriptors: int


def size_of(pid: int, began: float, changes: int) -> Size:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Size(time.monotonic() - began, changes, mib, len(list(Path(f"/proc/{pid}/fd").iterdir())))


class Soak:
    """One run."""

    def __init__(self, controller: Controller, site: Central) -> None:
        self.chance = random.Random(SEED)
        self.ledger = Ledger()
        self.kinds: Counter[str] = Counter()
        self.sizes: list[Size] = []
        self._controller, self._site = controller, site
        self._watcher = Watcher(controller.api)
        self._faults = Faults(self.chance, controller, site, self._watcher)
        seeds = [self.chance.getrandbits(64) for _ in range(CLIENTS)]
        self._clients = [Client(controller.api, seed, "abc"[i], self.ledger) for i, seed in enumerate(seeds)]
        self._clients[0].ask(self._clients[0].load.first())
        self._began = time.monotonic()

    def run(self) -> None:
        """Go on until the time is over."""
        while (elapsed := time.monotonic() - self._began) < LENGTH:
            killing = elapsed < LENGTH * KILLED_SHARE
            self._round(killing=killing)
            self._check()
            if not killing and time.monotonic() - self._began > LENGTH * (KILLED_SHARE + WARM_SHARE):
                assert self._controller.process is not None
                self.sizes.append(size_of(self._controller.process.pid, self._began, self.ledger.acknowledged))

    def _round(self, *, killing: bool) -> None:
        """Have clients and faults at work for a while; then all is whole, and nothing under way."""
        stopped, until = threading.Event(), time.monotonic() + ROUND_SECONDS
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(client.run, stopped) for client in self._clients]
            try:
                while time.monotonic() < until:
                    stopped.wait(self.chance.uniform(0, 0.8))
                    faults = [*self._faults.of_others(), *(self._faults.of_the_controller() if killing else ())]
                    fault = self.chance.choice(faults)
                    self.kinds[fault.__name__] += 1
                    fault()
            finally:
                stopped.set()
                for future in running:
                    future.result(2 * SECONDS)

    def _check(self) -> None:
        """See what must hold whenever it is quiet."""
        for client in self._clients:
            client.settle()
        await_ready(self._controller, lambda: ask(self._controller.http, "/readyz").status == 200)
        world, (revision, there) = self._check_store(), listed(self._controller.api)
        while world.revision != revision:  # a host has registered meanwhile
            world, (revision, there) = self._check_store(), listed(self._controller.api)
        assert there.keys() == set(world.resources)
        wait_until(self._is_watcher_right, seconds=SECONDS, what="the watcher to believe what is true", every=0.1)
        self._await_recompute(world)

    def _is_watcher_right(self) -> bool:
        return (self._watcher.seen, self._watcher.there) == listed(self._controller.api)

    def _check_store(self) -> World:
        with reading(self._controller.database) as connection:
            world, waiting = self.ledger.check(connection)
        assert not waiting
        return world

    def _await_recompute(self, world: World) -> None:
        """See that Northbound comes to hold what a compile from nothing gives."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                asyncio.run(assert_northbound_is_a_recompute(self._site.nb.remote, world))
            except (AssertionError, OSError):
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def close(self) -> None:
        for part in (*self._clients, self._faults, self._watcher):
            part.close()


@pytest.fixture
def controller(run_directory: Path) -> Iterator[tuple[Controller, Central]]:
    with central(run_directory / "soak-ovn") as site:
        made = Controller(run_directory / "soak", site)
        with controlling(made):
            yield made, site


def assert_flat(sizes: list[Size]) -> None:
    """See that neither memory nor descriptors grow by more than what is remembered of changes."""
    third = max(1, len(sizes) // 3)
    first, last = sizes[:third], sizes[-third:]
    grown = min(size.mib for size in last) - min(size.mib for size in first)
    more = min(size.descriptors for size in last) - min(size.descriptors for size in first)
    changes, minutes = last[-1].changes - first[0].changes, (last[-1].seconds - first[0].seconds) / 60
    print(f"in {minutes:.1f} min and {changes} changes {grown:+.1f} MiB, {more:+d} descriptors")
    assert grown < MOST_GROWTH_MIB + changes * MOST_KEPT_KIB / 1024
    assert more <= MOST_MORE_DESCRIPTORS


def test_whatever_fails_at_random_nothing_is_lost_and_nothing_grows(controller: tuple[Controller, Central]) -> None:
    print(f"./dev soak {LENGTH:.0f} {SEED}")
    soak = Soak(*controller)
    try:
        soak.run()
    finally:
        soak.close()
        print(f"{soak.ledger.acknowledged} acknowledged; faults: {dict(sorted(soak.kinds.items()))}")
        print("the controller had", ", ".join(f"{size.mib:.0f} MiB" for size in soak.sizes))
    assert_flat(soak.sizes)
