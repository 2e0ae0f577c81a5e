"""What files say, parsed anew only when they have changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Signature = tuple[tuple[int, int, int] | None, ...]


class Parsed(Generic[T]):
    """The value of `parse()`, which reads `paths` and nothing else."""

    def __init__(self, paths: Sequence[Path], parse: Callable[[], T]) -> None:
        self._paths = tuple(paths)
        self._parse = parse
        self._known: tuple[Signature, T] | None = None

    def value(self) -> T:
        """Return it; raises what `parse` raises, and asks it again then."""
        signature = tuple(_signature(path) for path in self._paths)
        if self._known is None or self._known[0] != signature:
            self._known = (signature, self._parse())
        return self._known[1]


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a path may be missing, which is a state as well
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
