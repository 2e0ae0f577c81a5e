"""What the log says of callers who do not prove who they are: enough to notice, and not more than anybody reads."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

QUIET_SECONDS = 10.0
"""How long failures from one peer are only counted, after one was logged."""

MOST_PEERS = 1_000


def machine_of(peer: str) -> str:
    """Return the machine of a peer as gRPC names it, without its port, which differs with each connection."""
    return peer if peer.startswith("unix:") else peer.rpartition(":")[0]


class Failures:
    """Logs failed authentications: the first from a peer at once, then one line for all of them, now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._peers: dict[str, tuple[float, int]] = {}

    def note(self, peer: str, method: str, reason: str) -> None:
        """Note one failure; what was tried is no business of a log."""
        now = self._clock()
        since, count = self._peers.pop(peer, (now - QUIET_SECONDS, 0))
        if now - since < QUIET_SECONDS:
            self._peers[peer] = (since, count + 1)
            return
        self._peers[peer] = (now, 0)
        while len(self._peers) > MOST_PEERS:
            del self._peers[next(iter(self._peers))]
        log.warning(
            "authentication failed", extra={"peer": peer, "method": method, "reason": reason, "unlogged": count}
        )
