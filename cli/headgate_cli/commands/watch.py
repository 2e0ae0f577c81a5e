"""`headgate watch`: changes as they happen."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.connection import connected
from headgate_cli.output import Lines
from headgate_cli.screen import note
from headgate_cli.selection import AllProjects, Kinds, Project, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


@connected
def watch(
    api: "Api",
    kinds: Kinds = "all",
    project: Project = "default",
    all_projects: AllProjects = False,
    since: Annotated[
        int | None, typer.Option("--from", help="Begin after this revision; without it, with the next change.")
    ] = None,
    output: Annotated[
        Lines, typer.Option("--output", "-o", help="text is for people; json, an object on each line, for programs.")
    ] = Lines.TEXT,
) -> None:
    """Show each change of intent when it is made, until Ctrl-C.

    Each line begins with time and revision; --from takes the last revision seen and goes on there. A controller that is
    away is waited for, and nothing is missed.
    """
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import ANY
    from headgate_cli.resources import snapshot
    from headgate_cli.watching import Scope, follow, happenings

    known = known_kinds()
    scope = Scope.of(find_kinds(known, kinds), ANY if all_projects else project)
    start = snapshot(api, known, scope.prefix, scope.types) if since is None else None
    seen = {resource.name: resource for resource in start.resources} if start else {}
    answers = follow(api, start.revision if start else since or 0, scope, note, seen if start else None)
    for happening in happenings(answers, known, seen):
        typer.echo(json.dumps(happening.values()) if output is Lines.JSON else happening.line())
