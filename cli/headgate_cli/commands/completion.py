"""`headgate completion`: what shells need to complete our words."""

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    """A shell that can complete words by asking us."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print the script by which a shell completes commands, options, kinds, and names of resources.

    For bash: source <(headgate completion bash). For fish: headgate completion fish | source. For zsh, after compinit:
    source <(headgate completion zsh).
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from headgate_cli.__main__ import COMPLETE, NAME

    typer.echo(get_completion_script(prog_name=NAME, complete_var=COMPLETE, shell=shell.value))
