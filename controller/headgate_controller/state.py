"""What the controller has committed, as the event loop sees it: the present World, and a watch on it."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from headgate_controller.world import World

Listener = Callable[[World, frozenset[str]], None]


class Committed:
    """The present World; listeners are told of each new one and the names that differ."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()
        self._names = _sorted_by_kind(world)
        self._moved: dict[type, set[str]] = {}

    def listen(self, listener: Listener) -> None:
        """Have `listener` called, on the event loop, for each new World; it must not block."""
        self._listeners.append(listener)

    def publish(self, world: World, touched: frozenset[str]) -> None:
        """Make `world` the present one."""
        before, self.world = self.world.resources, world
        for name in touched:
            old, new = before.get(name), world.resources.get(name)
            if (old is None) is not (new is None):
                self._moved.setdefault(type(old or new), set()).add(name)
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener(world, touched)

    def names(self, kind: type) -> Sequence[str]:
        """Return the names of all resources of a kind in the present World, in order; what is returned never changes.

        O(what came and went since the last call), but for a copy of the list if that is anything.
        """
        moved = self._moved.pop(kind, None)
        if moved:
            self._names[kind] = _moved(self._names.get(kind, ()), moved, self.world)
        return self._names.get(kind, ())

    async def after(self, revision: int) -> None:
        """Return when the World is later than `revision`."""
        while self.world.revision <= revision:
            await self._changed.wait()


def _sorted_by_kind(world: World) -> dict[type, Sequence[str]]:
    found: dict[type, list[str]] = {}
    for name in sorted(world.resources):
        found.setdefault(type(world.resources[name]), []).append(name)
    return dict(found)


def _moved(names: Sequence[str], moved: Iterable[str], world: World) -> Sequence[str]:
    """Return the names with those that came, and without those that went."""
    after = list(names)
    for name in moved:
        at = bisect_left(after, name)
        there = at < len(after) and after[at] == name
        if there and name not in world.resources:
            del after[at]
        elif not there and name in world.resources:
            after.insert(at, name)
    return after
