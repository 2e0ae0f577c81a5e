"""`headgate get`: resources as tables, or for programs."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status
from headgate_cli.selection import Project, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


class Output(StrEnum):
    """How resources are written."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


@connected
def get(
    api: "Api",
    kinds: Annotated[str, typer.Argument(help='One kind or several ("vpcs", "subnet,port"), or "all".')],
    name: Annotated[str | None, typer.Argument(help="Only this one: a short or a full name.")] = None,
    project: Project = "default",
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="In every project.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o")] = Output.TABLE,
) -> None:
    """List resources."""
    from headgate_cli.api import find, list_all
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import ANY

    chosen = find_kinds(known_kinds(), kinds)
    if name and len(chosen) != 1:
        raise CliError("A name needs exactly one kind.", Status.USAGE)
    place = ANY if all_projects else project
    found = {kind: [find(api, kind, place, name)] if name else list(list_all(api, kind, place)) for kind in chosen}
    if output is Output.JSON:
        _print_json([resource for resources in found.values() for resource in resources], single=bool(name))
    else:
        _print_tables(found, place)


def _print_json(resources: list[Any], *, single: bool) -> None:
    from google.protobuf.json_format import MessageToDict

    values = [MessageToDict(resource, preserving_proto_field_name=True) for resource in resources]
    typer.echo(json.dumps(values[0] if single else values, indent=2, ensure_ascii=False))


def _print_tables(found: dict[Any, list[Any]], project: str) -> None:
    from headgate_cli.names import ANY
    from headgate_cli.tables import show

    tables = [(kind, resources) for kind, resources in found.items() if resources]
    for place, (kind, resources) in enumerate(tables):
        typer.echo("\n" if place else "", nl=False)
        show(kind, resources, project)
    if not tables:
        where = "" if project == ANY else f" in project {project}"
        typer.echo(f"There are no {', '.join(kind.plural for kind in found)}{where}.", err=True)
