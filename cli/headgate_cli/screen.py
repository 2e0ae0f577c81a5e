"""What people read: colour only on a terminal that wants it, and questions only where somebody can answer."""

import sys
from functools import partial
from typing import TYPE_CHECKING

import typer

from headgate_cli.errors import CliError, Status

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED = 10_000
"""Width, in characters, of what is no terminal: lines that a program reads are never broken."""

DRY = "Nothing was changed: this was a dry run."


def screen(*, err: bool = False) -> "Console":
    """Return where to write for people; NO_COLOR, TERM and COLUMNS are honoured."""
    from rich.console import Console

    console = partial(Console, highlight=False, markup=False, emoji=False, stderr=err)  # ":ab:" is part of an address
    return console() if console().is_terminal else console(width=UNBOUNDED)


def note(text: str) -> None:
    """Say something that is not the answer, where it does not get into what a program reads."""
    typer.echo(text, err=True)


def agree(question: str, *, yes: bool) -> None:
    """Return if the user agrees; `yes` says so beforehand.

    Raises:
        CliError: the user does not, or nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError("Nothing was changed: nobody can be asked, since there is no terminal; add --yes.", Status.USAGE)
    if not typer.confirm(question):
        raise CliError("Nothing was changed.")
