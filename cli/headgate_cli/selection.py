"""Which resources a command is about: kinds and names as they are written on the command line."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli import completing
from headgate_cli.errors import CliError, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate_cli.kinds import Kind

Project = Annotated[str, typer.Option("--project", "-p", envvar="HEADGATE_PROJECT", help="The project of short names.")]
Kinds = Annotated[
    str, typer.Argument(help='One kind or several ("vpcs", "subnet,port"), or "all".', autocompletion=completing.kinds)
]
OneName = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND NAME",
        help="A kind and a short name (vpc shop), or one full name.",
        autocompletion=completing.kind_or_name,
    ),
]

AllProjects = Annotated[bool, typer.Option("--all-projects", "-A", help="In every project.")]
Labels = Annotated[
    list[str] | None,
    typer.Option("--selector", "-l", metavar="KEY=VALUE", help="Only those with this label; several with commas."),
]
Files = Annotated[
    list[str], typer.Option("--file", "-f", metavar="FILE", help='YAML or JSON; a folder; or "-", standard input.')
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Have the controller check everything, and change nothing.")]


def label_filter(labels: "Iterable[str]", besides: str = "") -> str:
    """Return the filter of List that selects by labels ("key=value", several with commas) and by another filter.

    Raises:
        CliError: one is no label.
    """
    terms = [besides] if besides else []
    for label in (part.strip() for text in labels for part in text.split(",")):
        key, sign, value = label.partition("=")
        if not key or not sign or '"' in value:
            raise CliError(f'{label!r} is no label; write "key=value".', Status.USAGE)
        terms.append(f'labels.{key} = "{value.removeprefix("=")}"')
    return " AND ".join(terms)


def known_kinds() -> "Mapping[str, Kind]":
    """Return every kind by its type, those that HEADGATE_EXTRA_PROTOS brings too.

    Raises:
        CliError: a module that it names cannot be imported.
    """
    from headgate_cli.kinds import load_kinds

    return load_kinds(part for part in os.environ.get("HEADGATE_EXTRA_PROTOS", "").split(",") if part)


def kind_and_name(words: list[str]) -> "tuple[Kind, str]":
    """Return the kind and the name that a command was given.

    Raises:
        CliError: they are neither a kind and a name nor one full name.
    """
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import is_full

    kinds = known_kinds()
    match words:
        case [full]:
            for kind in kinds.values():
                if is_full(kind.patterns, full):
                    return kind, full
        case [kind_word, name]:
            chosen = find_kinds(kinds, kind_word)
            if len(chosen) == 1:
                return chosen[0], name
    raise CliError('Write one kind and a name ("vpc shop"), or one full name ("projects/p/vpcs/shop").', Status.USAGE)
