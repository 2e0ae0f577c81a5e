"""How long traffic stopped while something was done to the network."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from headgate_lab.errors import DeadlineError, LabError
from headgate_lab.namespaces import Namespace
from headgate_lab.waiting import wait_until

INTERVAL_SECONDS = 0.05
WARM_UP_SECONDS = 10.0

REPLY = re.compile(
    r"^\[(?P<when>\d+\.\d+)\] \d+ bytes from (?P<who>[^ :]+):?.* icmp_seq=(?P<sequence>\d+)", re.MULTILINE
)
"""A reply as `ping -D -n` prints it."""

SENT = re.compile(r"^(?P<sent>\d+) packets transmitted", re.MULTILINE)
"""How many it sent, as it says at its end."""


@dataclass(slots=True)
class Gap:
    """What a stream of pings lived through; filled in when the stream ends."""

    seconds: float = 0.0
    """The longest time without a reply."""

    replies: int = 0
    """Replies that came."""

    lost: int = 0
    """Pings that were never answered; one may have been on its way at the end."""


@contextmanager
def ping_gap(namespace: Namespace, address: str, *, log: Path) -> Iterator[Gap]:
    """Ping `address` twenty times a second while the body runs, and measure the largest hole in the replies.

    The body starts after the first reply; the time between the last reply and the end of the body counts, so a
    connection that never came back shows.

    Raises:
        LabError: there was no reply to begin with.
    """
    gap = Gap()
    argv = namespace.command("ping", "-n", "-D", "-i", str(INTERVAL_SECONDS), address)
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output) as process:
        try:
            _await_first_reply(log, address)
            yield gap
        finally:
            ended = time.time()
            process.send_signal(signal.SIGINT)
            process.wait()
    _measure(gap, log.read_text(), address, ended)


def _await_first_reply(log: Path, address: str) -> None:
    try:
        wait_until(
            lambda: bool(_replies(log.read_text(), address)), seconds=WARM_UP_SECONDS, what=f"a reply from {address}"
        )
    except DeadlineError as error:
        raise LabError(f"{error}\n{log.read_text()}") from error


def _measure(gap: Gap, text: str, address: str, ended: float) -> None:
    replies = _replies(text, address)
    whens = [when for when, _sequence in replies]
    gap.seconds = max(later - earlier for earlier, later in pairwise([*whens, max(ended, whens[-1])]))
    gap.replies = len({sequence for _when, sequence in replies})
    summary = SENT.search(text)
    gap.lost = int(summary["sent"]) - gap.replies if summary else 0


def _replies(text: str, address: str) -> list[tuple[float, int]]:
    """Return time and number of each reply that came from `address` itself."""
    found = REPLY.finditer(text)
    return [(float(reply["when"]), int(reply["sequence"])) for reply in found if reply["who"] == address]
