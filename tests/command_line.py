"""A way to run `headgate` in the process of a test: what it prints, and what it ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from headgate_cli.__main__ import main


@dataclass(frozen=True)
class Printed:
    """What a command printed, and what it ended with."""

    status: int
    out: str
    err: str

    @property
    def table(self) -> list[list[str]]:
        """The lines of a table, split where two spaces are."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()]


@dataclass(frozen=True)
class CommandLine:
    """Runs `headgate` in this process."""

    capture: pytest.CaptureFixture[str]
    dial: Callable[..., Any] | None = None

    def __call__(self, *argv: str) -> Printed:
        with pytest.raises(SystemExit) as ended:
            main(argv, dial=self.dial)
        printed = self.capture.readouterr()
        return Printed(int(ended.value.code or 0), printed.out, printed.err)
