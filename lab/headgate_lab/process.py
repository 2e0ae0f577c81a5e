"""Processes told apart beyond their pid, so that a reused number is never signalled."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")
DEAD, STOPPED = "ZX", "T"
"""States of a process: one that is gone or awaits its parent, and one stopped by a signal.  Source: proc(5)."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process for ever: its number and when it started, in clock ticks since the boot.

    Source: proc(5), /proc/PID/stat, field 22.
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the process that has this number now; None if there is none or it only awaits its parent."""
        state, *fields = _status(pid)
        return None if state in DEAD else cls(pid, int(fields[18]))

    @property
    def alive(self) -> bool:
        """Whether it still runs (or is stopped)."""
        return Process.of(self.pid) == self

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it."""
        return self.alive and _status(self.pid)[0] == STOPPED

    def signal(self, number: int) -> None:
        """Send it a signal; no harm if it is gone."""
        if self.alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def mentions(self, text: str) -> bool:
        """Whether one of the words it was started with contains `text`."""
        try:
            words = (PROC / str(self.pid) / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return any(text.encode() in word for word in words)


def _status(pid: int) -> list[str]:
    """Return the fields after the program's name, the state first; of no process, that of a dead one."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [DEAD[0]]


def from_pid_file(path: Path) -> Process | None:
    """Return the living process a pid file names, whatever that process is; None if the file is missing or stale."""
    try:
        return Process.of(int(path.read_text()))
    except (OSError, ValueError):
        return None


def mentioning(text: str) -> list[Process]:
    """Return all processes but this one that were started with a word containing `text`."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    found = (Process.of(pid) for pid in pids if pid != os.getpid())
    return [process for process in found if process and process.mentions(text)]
