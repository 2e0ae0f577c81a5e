"""`headgate describe`: everything about one resource."""

from typing import TYPE_CHECKING

import typer

from headgate_cli.connection import connected
from headgate_cli.selection import OneName, Project, kind_and_name

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(describe)


@connected
def describe(api: "Api", name: OneName, project: Project = "default") -> None:
    """Show everything about one resource, and who uses it."""
    from headgate_cli import details
    from headgate_cli.resources import find, users_of

    kind, short = kind_and_name(name)
    resource = find(api, kind, project, short)
    typer.echo(details.describe(resource, users_of(api, kind, resource.name)))
