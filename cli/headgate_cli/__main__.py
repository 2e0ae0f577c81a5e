"""`headgate`: the command line of a Headgate controller. Its commands are the modules of `commands`."""

import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from headgate_cli import commands
from headgate_cli.errors import MEANINGS, CliError, Status

EXTRA = "HEADGATE_EXTRA_PROTOS: importable modules, separated by commas, that hold further kinds."
NAME, COMPLETE = "headgate", "_HEADGATE_COMPLETE"
"""The program, and the variable by which a shell asks it to complete a word."""

STATUSES = "Exit status: " + "; ".join(f"{status.value} {words}" for status, words in MEANINGS.items()) + "."
HELP = f"""See and change what a Headgate controller holds.

{STATUSES}

{EXTRA}
"""


def assemble() -> typer.Typer:
    """Return the program: every module of `commands` adds its own to it."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in pkgutil.iter_modules(commands.__path__):
        import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def main(argv: Sequence[str] | None = None, *, dial: Callable[..., Any] | None = None) -> None:
    """Carry out one command and end the program; `dial` stands in for the controllers of a connection."""
    if argv is None:
        _end_by_signals()
    try:
        completion_init()
        assemble()(args=argv, obj=dial, prog_name=NAME, complete_var=COMPLETE)
    except CliError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        _unwritable(error)


def _unwritable(error: OSError) -> NoReturn:
    """End the program, whose output cannot be written: a full disk, say; what is left of it goes nowhere."""
    if sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print(f"{error.filename or 'The output'} cannot be written or read: {error.strerror}.", file=sys.stderr)
    sys.exit(Status.REFUSED)


def _end_by_signals() -> None:
    """Let Ctrl-C, and a reader of our output that has gone, end the program as they end others: at once, silently."""
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main()
