"""`headgate`: the command line of a Headgate controller. Its commands are the modules of `commands`."""

import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer

from headgate_cli import commands
from headgate_cli.errors import CliError

HELP = """Show and delete what a Headgate controller holds; change it with Terraform.

Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no controller reached.

HEADGATE_EXTRA_PROTOS: importable modules, separated by commas, that hold further kinds.
"""


def assemble() -> typer.Typer:
    """Return the program: every module of `commands` adds its own to it."""
    app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for module in pkgutil.iter_modules(commands.__path__):
        import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def main(argv: Sequence[str] | None = None, *, dial: Callable[..., Any] | None = None) -> None:
    """Carry out one command and end the program; `dial` stands in for the controllers of a connection."""
    try:
        assemble()(args=argv, obj=dial, prog_name="headgate")
    except CliError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)


if __name__ == "__main__":
    main()
