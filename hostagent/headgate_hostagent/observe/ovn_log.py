"""What ovn-controller says in its log of logical flows that it cannot use: it skips them, and tells nobody else.

A flow that is no longer wrong is not told of. So, while there are complaints, ovn-controller is asked now and then to
compute everything anew: what it does not say again is over.

Source: ovn-controller(8), ovs-appctl(8) (the form of log lines).
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_CHECK_SECONDS, LONGEST_CHECK_SECONDS = 10.0, 600.0
"""How long after a complaint it is asked whether that still holds, and how long at most after that; in between the
time doubles, since computing anew costs a second of its CPU for thousands of ports.
"""

ANSWER_SECONDS = 5.0
"""How long it may take to complain again; what it repeats later is taken up later."""

MOST_COMPLAINTS = 20
LONGEST_COMPLAINT = 300
TAIL = 1 << 20
"""Bytes of an old log that are read at first."""

_COMPLAINT = re.compile(r"\|lflow\|(?:WARN|ERR)\|(?!Dropped )(.+)$")
_START = re.compile(r"^[^|]*\|00001\|")


class OvnLog:
    """Follows the log of this host's ovn-controller; `recompute` has it compute everything anew."""

    def __init__(
        self, path: Path, recompute: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._recompute = recompute
        self._clock = clock
        self._file = (0, 0)
        self._said: dict[str, None] = {}
        self._shown: tuple[str, ...] = ()
        self._asked: float | None = None
        self._wait, self._due = FIRST_CHECK_SECONDS, 0.0

    async def complaints(self) -> tuple[str, ...]:
        """Return what it complains of, as far as is known now; nothing if there is no log that can be read."""
        self._read()
        now = self._clock()
        if self._asked is None:
            self._show(tuple(self._said), now)
        elif now >= self._asked + ANSWER_SECONDS:
            self._asked = None
            self._show(tuple(self._said), now)
        if self._shown and self._asked is None and now >= self._due:
            self._asked, self._wait = now, min(2 * self._wait, LONGEST_CHECK_SECONDS)
            self._due = now + self._wait
            self._said = {}
            await self._recompute()
        return self._shown

    def _show(self, said: tuple[str, ...], now: float) -> None:
        if not set(said) <= set(self._shown):
            self._wait, self._due = FIRST_CHECK_SECONDS, now + FIRST_CHECK_SECONDS
        self._shown = said

    def _read(self) -> None:
        """Take in what was written since; a log that was rotated away is begun anew."""
        try:
            with self._path.open("rb") as file:
                inode, size = self._path.stat().st_ino, self._path.stat().st_size
                known, position = self._file
                if inode != known or size < position:
                    position = max(0, size - TAIL) if known == 0 else 0
                file.seek(position)
                text = file.read(TAIL)
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._file = (inode, position + len(whole))
        for line in whole.decode(errors="replace").splitlines():
            self._hear(line)

    def _hear(self, line: str) -> None:
        if _START.search(line):
            self._said = {}
        elif (match := _COMPLAINT.search(line)) and len(self._said) < MOST_COMPLAINTS:
            self._said[match[1][:LONGEST_COMPLAINT]] = None
