"""The documentation is whole: what it names is there, and what it has is found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "provider", "terraform-examples")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("*.md"))),
    ROOT / "sdk/typescript/README.md",
]
DECISIONS = sorted((ROOT / "docs/decisions").iterdir())
SOURCES = [file.read_text() for file in (ROOT / "tests").rglob("test_*.py")]
TESTS = {name for source in SOURCES for name in re.findall(r"def (test_\w+)", source)}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def place(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if "`test_" in page.read_text()], ids=place)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    assert set(re.findall(r"`(test_\w+)`", page.read_text())) - TESTS == set()


def test_every_complaint_is_listed_once() -> None:
    rows = re.findall(r"^\| (C\d[\dC, ]*) \|", (ROOT / "docs/reference/complaints.md").read_text(), re.MULTILINE)
    cases = [int(case) for row in rows for case in re.findall(r"\d+", row)]
    assert sorted(cases) == list(range(1, 55))


def test_every_decision_has_a_number_of_its_own_and_a_page_that_leads_to_it() -> None:
    numbers = list(range(1, len(DECISIONS) + 1))
    assert [int(page.name[:4]) for page in DECISIONS] == numbers
    assert [page.read_text().split(" ", 2)[1] for page in DECISIONS] == [str(number) for number in numbers]
    elsewhere = "".join(page.read_text() for page in PAGES if page not in DECISIONS)
    assert [page.name for page in DECISIONS if page.name not in elsewhere] == []
