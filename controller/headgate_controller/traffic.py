"""What callers have under way at a time. Each has a share, so that whoever asks for more than it takes answers for, or
takes none of them, harms nobody else.

A call that waits for its client, to send or to take, is under way until the client is gone; what it holds meanwhile is
bounded here, and told in docs/reference/limits.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from headgate_controller.errors import BusyError

MOST_CALLS = 2_000
"""Calls of all callers together."""

MOST_OF_ONE = 500
"""Calls of one caller: of a token, or of the administrator of the controller's machine."""

MOST_OF_MACHINE, MOST_OF_MACHINES = 20, 500
"""Calls of one machine, and of all, to methods that need no token: whoever asks for nothing else has no other share."""

MOST_OF_METHOD: Mapping[str, int] = {
    "/headgate.v1.IntentService/Watch": 100,
    "/headgate.v1.IntentService/PlanSession": 32,
    "/headgate.v1.TraceService/Trace": 8,
    "/headgate.v1.AdminService/Backup": 2,
    "/headgate.v1.AdminService/Restore": 2,
}
"""Of these, calls of one caller: each costs more than its answer, or goes on for long."""

MOST_BYTES = 32 * 1024 * 1024
"""Requests and answers of one caller, of calls that answer once; gRPC keeps each a second time."""

ENOUGH = 0.9
"""Of these bytes, the part beyond which no call begins: its answer would be made for nothing."""

MOST_READ = 16
"""Requests of one caller that are read at a time: of the others no more comes in than the connection takes ahead."""

MOST_LISTED = 2
"""Lists of one caller that are made at a time, by turns with what others ask; the next ones wait."""


class Share:
    """What one caller has under way; `known` if it has shown who it is."""

    def __init__(self, *, known: bool) -> None:
        self.known = known
        self.calls = 0
        self.of_method = dict.fromkeys(MOST_OF_METHOD, 0)
        self.bytes = 0
        self.reading = asyncio.Semaphore(MOST_READ)
        self.listing = asyncio.Semaphore(MOST_LISTED)


class Passage:
    """One call that is under way, until `end`."""

    def __init__(self, traffic: Traffic, caller: str, method: str, share: Share) -> None:
        self._traffic = traffic
        self._caller = caller
        self._method = method
        self._share = share
        self._bytes = 0

    @property
    def reading(self) -> asyncio.Semaphore:
        """What is held while a request is read."""
        return self._share.reading

    @property
    def listing(self) -> asyncio.Semaphore:
        """What is held while a list is made."""
        return self._share.listing

    def take(self, size: int) -> None:
        """Hold a request or an answer of that many bytes until the end.

        Raises:
            BusyError: the caller's calls hold too much already; one by itself is always served.
        """
        if self._share.bytes > self._bytes and self._share.bytes + size > MOST_BYTES:
            raise _untaken(self._caller, self._share)
        self._share.bytes += size
        self._bytes += size

    def end(self) -> None:
        """Let go of everything."""
        self._share.bytes -= self._bytes
        self._traffic.ended(self._caller, self._method, self._share)


class Traffic:
    """Every call that is under way. Used on the event loop."""

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}
        self._calls = 0
        self._strangers = 0

    def begin(self, caller: str, method: str, *, known: bool = True) -> Passage:
        """Let a call of a method ("/package.Service/Method") begin.

        Raises:
            BusyError: there are too many, of this caller or in all.
        """
        share = self._shares.get(caller)
        if share is None:
            share = Share(known=known)
        most = MOST_OF_ONE if known else MOST_OF_MACHINE
        # This is asked at every call; who is refused, and why, is worked out only when somebody is.
        if share.calls >= most or self._calls >= MOST_CALLS or not known or method in MOST_OF_METHOD:
            self._check(caller, method, share)
        if share.bytes > MOST_BYTES * ENOUGH:
            raise _untaken(caller, share)
        self._count(method, share, 1)
        self._shares[caller] = share
        return Passage(self, caller, method, share)

    def _check(self, caller: str, method: str, share: Share) -> None:
        """See that one call more is within every bound.

        Raises:
            BusyError: it is not.
        """
        for found, calls, most in self._bounds(caller, method, share):
            if calls >= most:
                raise BusyError(
                    f"{found} {calls} calls under way, and {most} are the most. Wait for some to end, then repeat the "
                    "request; end streams that nobody reads."
                )

    def _bounds(self, caller: str, method: str, share: Share) -> Iterator[tuple[str, int, int]]:
        """Yield who has calls, how many there are, and how many there may be."""
        if method in MOST_OF_METHOD:
            yield f"{caller} has, of {method.rpartition('/')[2]},", share.of_method[method], MOST_OF_METHOD[method]
        yield f"{caller} has", share.calls, MOST_OF_ONE if share.known else MOST_OF_MACHINE
        if not share.known:
            yield "All who call without a token have", self._strangers, MOST_OF_MACHINES
        yield "All callers together have", self._calls, MOST_CALLS

    def _count(self, method: str, share: Share, change: int) -> None:
        self._calls += change
        self._strangers += 0 if share.known else change
        share.calls += change
        if method in MOST_OF_METHOD:
            share.of_method[method] += change

    def ended(self, caller: str, method: str, share: Share) -> None:
        """Note that a call is over; of a caller without any nothing is remembered."""
        self._count(method, share, -1)
        if not share.calls:
            del self._shares[caller]


def _untaken(caller: str, share: Share) -> BusyError:
    return BusyError(
        f"The requests of {caller} that are being served, and answers to it that are not taken yet, have {share.bytes} "
        f"bytes, and {MOST_BYTES} are the most. Take the answers, then repeat the request."
    )
