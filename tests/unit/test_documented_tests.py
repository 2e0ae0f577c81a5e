"""The tests by which the documentation proves what it says are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = [ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in WRITTEN if "`test_" in page.read_text()]
SOURCES = [file.read_text() for file in (ROOT / "tests").rglob("test_*.py")]
TESTS = {name for source in SOURCES for name in re.findall(r"def (test_\w+)", source)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    assert set(re.findall(r"`(test_\w+)`", page.read_text())) - TESTS == set()


def test_every_complaint_is_listed_once() -> None:
    rows = re.findall(r"^\| (C\d[\dC, ]*) \|", (ROOT / "docs/reference/complaints.md").read_text(), re.MULTILINE)
    cases = [int(case) for row in rows for case in re.findall(r"\d+", row)]
    assert sorted(cases) == list(range(1, 55))
