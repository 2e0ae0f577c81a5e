"""`headgate edit`: a resource in your editor."""

from typing import TYPE_CHECKING

import typer

from headgate_cli.connection import connected
from headgate_cli.selection import OneName, Project, kind_and_name, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(edit)


@connected
def edit(api: "Api", name: OneName, project: Project = "default") -> None:
    """Change one resource in your editor (VISUAL, EDITOR).

    What is refused comes back to the editor, with the reasons above your text; if somebody else was quicker, with what
    they changed. Giving up keeps your text in a file.
    """
    from headgate_cli import editing
    from headgate_cli.resources import find

    kind, short = kind_and_name(name)
    resource = find(api, kind, project, short)
    edited = editing.edit(api, known_kinds(), kind, resource, editing.run_editor)
    for change in edited.changes:
        typer.echo(f"  {change}")
    typer.echo(f"{resource.name} is {'changed' if edited.changes else 'as it was'}.")
