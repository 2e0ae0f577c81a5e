"""What the person who started the demonstration sees: steps with their times, tables, and what went wrong."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 160
"""Characters of a line where there is no terminal that says."""


class Step:
    """One step while it runs; `note` is shown beside it when it is done."""

    def __init__(self, words: str, status: Status) -> None:
        self._words = words
        self.status = status
        self.note = ""

    def narrate(self, line: str) -> None:
        """Show what is going on inside the step, as far as there is room on the line."""
        self.status.update(Text.assemble(self._words, "  ", (line, "dim"), no_wrap=True, overflow="ellipsis"))


class Screen:
    """Steps and tables, in colour where there is a terminal, as plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, emoji=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, emoji=False, width=PLAIN_WIDTH)
        self._step: Step | None = None
        self._started = time.monotonic()

    @contextmanager
    def step(self, words: str) -> Iterator[Step]:
        """Show a step with a spinner while the body runs, and afterwards how long it took.

        A body that raises leaves the step marked as failed.
        """
        started = time.monotonic()
        mark = "[red]✗[/]"
        self._step = step = Step(words, self._console.status(words))
        try:
            with step.status:
                yield step
            mark = "[green]✓[/]"
        finally:
            self._step = None
            note = f"  [dim]{step.note}[/]" if step.note else ""
            self._console.print(f"{mark} {time.monotonic() - started:5.1f} s  {words}{note}")

    def narrate(self, line: str) -> None:
        """Show what is going on inside the step that runs."""
        if self._step:
            self._step.narrate(line)

    def say(self, text: str = "") -> None:
        """Show a paragraph."""
        self._console.print(text)

    def table(self, title: str, heading: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        """Show a table."""
        table = Table(*heading, title=title, title_justify="left", title_style="bold", header_style="", box=SIMPLE)
        for line in lines:
            table.add_row(*line)
        self._console.print()
        self._console.print(table)

    def fail(self, words: str) -> None:
        """Show what went wrong, as it is."""
        self._console.print()
        self._console.print(words, style="red", markup=False)

    @property
    def seconds(self) -> float:
        """How long the demonstration has taken so far."""
        return time.monotonic() - self._started
