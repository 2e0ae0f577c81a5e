"""What the controller has committed, as the event loop sees it: the present World, and a watch on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headgate_controller.world import World

Listener = Callable[[World, frozenset[str]], None]


class Committed:
    """The present World; listeners are told of each new one and the names that differ."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        """Have `listener` called, on the event loop, for each new World; it must not block."""
        self._listeners.append(listener)

    def publish(self, world: World, touched: frozenset[str]) -> None:
        """Make `world` the present one."""
        self.world = world
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener(world, touched)

    async def after(self, revision: int) -> None:
        """Return when the World is later than `revision`."""
        while self.world.revision <= revision:
            await self._changed.wait()
