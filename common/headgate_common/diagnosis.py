"""What a check found: in order or not, in words, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SCARCE_BYTES = 512 * 1024 * 1024
"""Free space below which a disk is about to be full: some hours of logs, or one large backup."""


class State(IntEnum):
    """How a check ended, worse ones higher."""

    OK = 0
    WARNING = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; whatever is not OK has a fix."""

    check: str
    state: State
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(check, State.OK, text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Return that a check found what will be wrong soon, or may be."""
    return Finding(check, State.WARNING, text, fix)


def failed(check: str, text: str, fix: str) -> Finding:
    """Return that a check found something wrong."""
    return Finding(check, State.FAILED, text, fix)


def disk(check: str, directory: Path, keeps: str) -> Finding:
    """Return whether a directory's disk has room; `keeps` is what is written there."""
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        return failed(check, f"{directory}: {error.strerror}", f"Make {directory}, where {keeps} is kept.")
    text = f"{directory} has {free / 2**30:.1f} GiB free"
    return ok(check, text) if free >= SCARCE_BYTES else warning(check, text, f"Make room: {keeps} is kept there.")


def table(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each finding, and one with the fix below those that need one."""
    found = list(findings)
    width = max((len(finding.check) for finding in found), default=0)
    for finding in found:
        yield f"{finding.state.name.lower():<7}  {finding.check:<{width}}  {finding.text}"
        if finding.fix:
            yield f"{'':<7}  {'':<{width}}  -> {finding.fix}"
