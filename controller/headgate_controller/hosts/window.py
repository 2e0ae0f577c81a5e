"""A window through which some are admitted at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Window:
    """Admits `places` at a time, in the order in which they come; whoever takes longer than `seconds` goes on, and
    makes room all the same: nobody can keep the others out.
    """

    def __init__(self, places: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._seconds = seconds

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Hold a place while the block runs."""
        await self._free.acquire()
        held = [self._free.release]

        def let_go() -> None:
            if held:
                held.pop()()

        timer = asyncio.get_running_loop().call_later(self._seconds, let_go)
        try:
            yield
        finally:
            timer.cancel()
            let_go()
