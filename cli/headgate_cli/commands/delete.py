"""`headgate delete`: the removal of a resource."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import NotFoundError
from headgate_cli.selection import OneName, Project, kind_and_name

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(delete)


@connected
def delete(
    api: "Api",
    name: OneName,
    when_unreferenced: Annotated[
        bool,
        typer.Option(
            "--when-unreferenced", help="While others use it: do not refuse, let it vanish with the last of them."
        ),
    ] = False,
    project: Project = "default",
) -> None:
    """Delete one resource."""
    from headgate_cli.resources import find

    kind, short = kind_and_name(name)
    full = find(api, kind, project, short).name
    method, look = kind.method("Delete"), kind.method("Get")
    request: Any = method.request
    api.call(method, request(name=full, when_unreferenced=when_unreferenced, request_id=str(uuid.uuid4())))
    try:
        left = api.call(look, look.request(name=full)) if when_unreferenced else None
    except NotFoundError:
        left = None
    typer.echo(f"{full} is deleted" if left is None else f"{full} is still used; it vanishes with its last referrer")
