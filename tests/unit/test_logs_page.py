"""The page about logs names every warning, every error and every key that the programs write, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/logs.md").read_text()
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


def lines() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield level, event and keys of every line that the programs may write."""
    for folder in ("common", "controller", "hostagent"):
        for file in sorted((ROOT / folder).glob("**/*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                        args=[ast.Constant(value=str(event)), *_],
                        keywords=keywords,
                    ):
                        extra = [k.value for k in keywords if k.arg == "extra"]
                        yield LEVELS[level], event, frozenset(key for value in extra for key in keys(value))


def keys(value: ast.AST) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def test_every_warning_and_error_is_on_the_page_and_no_other() -> None:
    written = {(level, event) for level, event, _ in lines() if level in ("warning", "error")}
    named = set(re.findall(r"^\| (warning|error) \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert named == written


def test_every_key_is_on_the_page_and_no_other() -> None:
    written = {key for *_, used in lines() for key in used}
    table = PAGE.partition("## Keys")[2]
    named = {key for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == written


def test_events_are_lower_case_without_a_full_stop() -> None:
    assert [event for _, event, _ in lines() if event[-1] in ".!" or event[0].isupper()] == []
