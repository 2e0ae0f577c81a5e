"""What a stretch of work takes: time on the wall, and on the processors of the processes concerned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headgate_bench.readings import Cost

_CPU_OF_PROCESS = 2


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, all its threads together, to the nanosecond.

    Raises:
        OSError: there is no such process.

    Source: clock_getcpuclockid(3), whose clock's number is made of the process's so.
    """
    return time.clock_gettime((~pid << 3) | _CPU_OF_PROCESS)


def resident_mib(pid: int) -> float:
    """Return how much memory a process has resident, in MiB.

    Raises:
        OSError: there is no such process.

    Source: proc(5), /proc/PID/status.
    """
    return _status_mib(pid, "VmRSS")


def most_resident_mib(pid: int) -> float:
    """Return how much it had when it had most; raises as `resident_mib`."""
    return _status_mib(pid, "VmHWM")


def _status_mib(pid: int, field: str) -> float:
    status = (Path("/proc") / str(pid) / "status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:")) / 1024


class Meter:
    """Measures one stretch; `cost` is there when that has ended."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._began = self._now()
        self.cost = Cost(0.0, 0.0)

    def stop(self) -> None:
        """End the stretch."""
        wall, cpu = self._now()
        self.cost = Cost(wall - self._began[0], cpu - self._began[1])

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), sum(map(cpu_seconds, self._pids))


@contextmanager
def metered(*pids: int) -> Iterator[Meter]:
    """Measure the block: wall, and CPU of just these processes (`os.getpid()` is this one)."""
    meter = Meter(pids)
    yield meter
    meter.stop()
