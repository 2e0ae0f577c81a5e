"""What the log says of hosts that come and go: every time, but of one that does little else only now and then."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from headgate_controller.hosts.pace import Pace

log = logging.getLogger(__name__)

LINES, LINE_SECONDS = 8, 60.0
"""So many lines about one host at once, and after that one in so many seconds."""


class Comings:
    """Logs them; what is left out is counted in the next line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(LINES, LINE_SECONDS, clock)
        self._unlogged: Counter[str] = Counter()

    def came(self, host: str, version: str, agent: str) -> None:
        """Note that a host has connected, holding a version of what it is to be."""
        if (more := self._due(host)) is not None:
            log.info("host connected", extra={"host": host, "version": version, "agent": agent, **more})

    def went(self, host: str) -> None:
        """Note that a host's stream has ended."""
        if (more := self._due(host)) is not None:
            log.info("host disconnected", extra={"host": host, **more})

    def _due(self, host: str) -> dict[str, int] | None:
        """Return what else a line about a host is to say; None if there is to be none."""
        if self._pace.seconds_until(host):
            if not self._unlogged[host]:
                log.warning("host flaps", extra={"host": host})
            self._unlogged[host] += 1
            return None
        self._pace.take(host)
        count = self._unlogged.pop(host, 0)
        return {"unlogged": count} if count else {}
