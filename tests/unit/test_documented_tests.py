"""The documentation is whole: the tests that it names are there, and what it has is found from elsewhere in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = [ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL = [
    *ROOT.glob("*.md"),
    *(p for top in ("docs", "provider", "terraform-examples") for p in sorted((ROOT / top).rglob("*.md"))),
    ROOT / "sdk/typescript/README.md",
]
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


def test_decisions_have_each_a_number_and_a_page_that_leads_to_them() -> None:
    decisions = sorted((ROOT / "docs/decisions").iterdir())
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    assert [page.read_text().split(" ", 2)[1] for page in decisions] == [str(int(page.name[:4])) for page in decisions]
    elsewhere = "".join(page.read_text() for page in WRITTEN if page not in decisions)
    assert [page.name for page in decisions if page.name not in elsewhere] == []


LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []
