"""ovn-controller's complaints: which lines of its log are some, and when they are over."""

import asyncio
from pathlib import Path

import pytest

from headgate_hostagent.observe.ovn_log import OvnLog

START = "2026-11-26T11:00:00.000Z|00001|vlog|INFO|opened log file /run/x.log\n"
BAD = '2026-11-26T11:00:01.000Z|00042|lflow|WARN|error parsing match "nonsense": Syntax error at `nonsense\'\n'
WORSE = '2026-11-26T11:00:02.000Z|00043|lflow|WARN|error parsing actions "x": Syntax error\n'
OTHERS = (
    "2026-11-26T11:00:03.000Z|00044|lflow|WARN|Dropped 39 log messages in last 60 seconds\n"
    "2026-11-26T11:00:03.000Z|00045|binding|WARN|something else\n"
    "2026-11-26T11:00:03.000Z|00046|lflow|INFO|no complaint\n"
)
COMPLAINT, WORD = (
    'error parsing match "nonsense": Syntax error at `nonsense\'',
    'error parsing actions "x": Syntax error',
)


class Bench:
    """A log, a clock, and an ovn-controller that says something again when it computes anew."""

    def __init__(self, path: Path) -> None:
        self.path, self.now, self.again, self.computed = path, 100.0, "", 0
        self.path.write_text(START)
        self.log = OvnLog(path, self._recompute, lambda: self.now)

    async def _recompute(self) -> None:
        self.computed += 1
        self.write(self.again)

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def after(self, seconds: float) -> tuple[str, ...]:
        """Return the complaints when that much more time has passed, asked every second."""
        found: tuple[str, ...] = ()
        for _ in range(int(seconds) or 1):
            self.now += 1 if seconds else 0
            found = asyncio.run(self.log.complaints())
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "ovn-controller.log")


def test_only_flows_that_cannot_be_used_are_complaints_each_once(bench: Bench) -> None:
    bench.write(BAD + OTHERS + WORSE + BAD + "2026-11-26T11:00:05.000Z|00050|lflow|WARN|half a li")
    assert bench.after(0) == (COMPLAINT, WORD)


def test_what_is_said_again_when_all_is_computed_anew_stays_and_the_rest_is_over(bench: Bench) -> None:
    bench.write(BAD + WORSE)
    bench.again = WORSE
    assert bench.after(9) == (COMPLAINT, WORD)
    assert bench.computed == 0
    assert bench.after(3) == (COMPLAINT, WORD), "an answer takes time"
    assert bench.computed == 1
    assert bench.after(5) == (WORD,)
    bench.again = ""
    assert bench.after(30) == ()
    assert bench.computed == 2
    bench.after(3600)
    assert bench.computed == 2, "nothing is asked while there are no complaints"


def test_a_complaint_that_lasts_is_asked_about_less_and_less(bench: Bench) -> None:
    bench.write(BAD)
    bench.again = BAD
    assert bench.after(1800) == (COMPLAINT,)
    assert bench.computed <= 8


def test_a_new_ovn_controller_and_a_rotated_log_begin_anew(bench: Bench) -> None:
    bench.write(BAD)
    assert bench.after(0) == (COMPLAINT,)
    bench.write(START + WORSE)
    assert bench.after(0) == (WORD,)
    bench.path.rename(bench.path.with_suffix(".1"))
    bench.path.write_text(OTHERS + BAD)
    assert bench.after(0) == (WORD, COMPLAINT)


def test_without_a_log_there_are_no_complaints(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log")
    bench.path.unlink()
    assert bench.after(0) == ()
