"""Every figure of the benchmark measures what it says it does, at a size at which that takes no time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headgate_bench.figure import Figure, load

ROOT = Path(__file__).parents[2]
FIGURES = load()
ROOTLESS = {name: figure for name, figure in FIGURES.items() if not figure.needs_root}


@pytest.mark.parametrize("figure", ROOTLESS.values(), ids=ROOTLESS)
def test_a_figure_reads_each_of_its_lines_once(figure: Figure) -> None:
    readings = list(figure.measure(figure.tiny))
    assert [reading.line for reading in readings] == list(figure.lines)
    assert all(reading.value >= 0 for reading in readings)


def test_the_sizes_of_a_figure_and_those_of_its_test_are_of_the_same_things() -> None:
    assert [name for name, figure in FIGURES.items() if figure.sizes.keys() != figure.tiny.keys()] == []


def test_every_figure_stands_on_the_page_about_performance() -> None:
    page = (ROOT / "docs/design/performance.md").read_text()
    assert [name for name in FIGURES if f"| `{name}` |" not in page] == []


def test_a_figure_that_is_not_there_is_told_with_those_that_are() -> None:
    done = bench("frobnication")
    assert done.returncode == 2
    assert "there is no figure frobnication; there are " in done.stderr
    assert all(name in done.stderr for name in FIGURES)


def test_a_figure_that_cannot_be_measured_makes_the_run_fail_and_is_in_no_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = bench("northbound-fill", "--json", str(report), path="/nowhere")
    assert done.returncode == 1
    assert "northbound-fill: not measured" in done.stderr
    assert json.loads(report.read_text())["figures"] == {}


def bench(*arguments: str, path: str = "/usr/bin:/bin") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "headgate_bench", *arguments]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)
