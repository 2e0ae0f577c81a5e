"""`headgate get`: resources as tables, or for programs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli import completing
from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status
from headgate_cli.output import Output, OutputOption
from headgate_cli.screen import note
from headgate_cli.selection import AllProjects, Kinds, Labels, Project, known_kinds, label_filter

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


@connected
def get(
    api: "Api",
    kinds: Kinds,
    name: Annotated[
        str | None,
        typer.Argument(help="Only this one: a short or a full name.", autocompletion=completing.names),
    ] = None,
    project: Project = "default",
    all_projects: AllProjects = False,
    selector: Labels = None,
    filter_text: Annotated[
        str, typer.Option("--filter", help="""Only those with these values: 'display_name = "web" AND mac = …'.""")
    ] = "",
    output: OutputOption = Output.TABLE,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Then show each change, until Ctrl-C.")] = False,
) -> None:
    """List resources."""
    from headgate_cli.kinds import ALL, find_kinds
    from headgate_cli.names import ANY
    from headgate_cli.resources import find
    from headgate_cli.watching import newest_revision

    if watch and output in (Output.JSON, Output.YAML):
        raise CliError("--watch is for people; for programs, use headgate watch -o json.", Status.USAGE)
    chosen = find_kinds(known_kinds(), kinds)
    if name and (len(chosen) != 1 or selector or filter_text or watch):
        raise CliError("A name needs exactly one kind, and no selector, filter or --watch.", Status.USAGE)
    place, wanted = ANY if all_projects else project, label_filter(selector or (), filter_text)
    revision = newest_revision(api) if watch else 0
    found = {k: [find(api, k, place, name)] if name else _listed(api, k, place, wanted, kinds == ALL) for k in chosen}
    _write(found, output, place, single=bool(name))
    if watch:
        _go_on(api, found, revision, place, whole=not wanted)


def _listed(api: "Api", kind: Any, place: str, wanted: str, everything: bool) -> list[Any]:
    """Return what there is of a kind; whoever asks for every kind means those that the token lets them see."""
    from headgate_cli.refusals import RefusedError
    from headgate_cli.resources import list_all

    try:
        return list(list_all(api, kind, place, wanted))
    except RefusedError as refusal:
        if not everything or refusal.reason != "NOT_PERMITTED":
            raise
        note(f"{kind.plural} are left out: {refusal}")
        return []


def _write(found: Mapping[Any, list[Any]], output: Output, place: str, *, single: bool) -> None:
    from headgate_cli.output import values_of, write

    if output in (Output.TABLE, Output.WIDE):
        _print_tables(found, place, wide=output is Output.WIDE)
    else:
        values = [values_of(resource) for resources in found.values() for resource in resources]
        write(values, output, single=single)


def _print_tables(found: Mapping[Any, Sequence[Any]], project: str, *, wide: bool) -> None:
    from headgate_cli.names import ANY
    from headgate_cli.tables import show

    tables = [(kind, resources) for kind, resources in found.items() if resources]
    for place, (kind, resources) in enumerate(tables):
        typer.echo("\n" if place else "", nl=False)
        show(kind, resources, project, wide=wide)
    if not tables:
        where = "" if project == ANY else f" in project {project}"
        note(f"There are no {', '.join(kind.plural for kind in found)}{where}.")


def _go_on(api: "Api", found: Mapping[Any, Sequence[Any]], revision: int, project: str, *, whole: bool) -> None:
    from headgate_cli.watching import Scope, follow, happenings

    known = {resource.name: resource for resources in found.values() for resource in resources}
    answers = follow(api, revision, Scope.of(found, project), note, known if whole else None)
    for happening in happenings(answers, known_kinds(), known):
        typer.echo(happening.line())
