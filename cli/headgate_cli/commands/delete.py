"""`headgate delete`: the removal of resources."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli import completing
from headgate_cli.connection import connected
from headgate_cli.errors import CliError, NotFoundError, Status
from headgate_cli.screen import DRY, agree
from headgate_cli.selection import DryRun, Project, Yes, kind_and_name, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(delete)


@connected
def delete(
    api: "Api",
    name: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KIND NAME]",
            help="A kind and a short name (vpc shop), or one full name.",
            autocompletion=completing.kind_or_name,
        ),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", metavar="FILE", help='What files hold, as for apply: YAML, JSON, a folder, "-".'),
    ] = None,
    when_unreferenced: Annotated[
        bool,
        typer.Option(
            "--when-unreferenced", help="While others use it: do not refuse, let it vanish with the last of them."
        ),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    project: Project = "default",
) -> None:
    """Delete one resource, or all that files hold: those at once or none, after asking."""
    if bool(name) == bool(file):
        raise CliError("Write either what to delete (vpc shop), or -f and a file.", Status.USAGE)
    if file:
        _delete_files(api, file, project, when_unreferenced=when_unreferenced, yes=yes, dry_run=dry_run)
    else:
        _delete_one(api, name or [], project, when_unreferenced=when_unreferenced, dry_run=dry_run)


def _delete_one(api: "Api", name: list[str], project: str, *, when_unreferenced: bool, dry_run: bool) -> None:
    from headgate_cli.resources import find, get_one

    kind, short = kind_and_name(name)
    full = find(api, kind, project, short).name
    method = kind.method("Delete")
    fields: dict[str, Any] = {"name": full, "when_unreferenced": when_unreferenced, "validate_only": dry_run}
    api.call(method, method.request(**fields, request_id=str(uuid.uuid4())))
    if dry_run:
        typer.echo(f"{full} can be deleted; nothing was changed.")
        return
    try:
        left = get_one(api, kind, full) if when_unreferenced else None
    except NotFoundError:
        left = None
    typer.echo(f"{full} is deleted" if left is None else f"{full} is still used; it vanishes with its last referrer")


def _delete_files(
    api: "Api", files: list[str], project: str, *, when_unreferenced: bool, yes: bool, dry_run: bool
) -> None:
    from headgate_cli.batches import MOST, deletion, present, send
    from headgate_cli.manifests import Surroundings
    from headgate_cli.planning import read_files

    manifests = read_files(files, Surroundings(known_kinds(), project))
    there = present(api, manifests)
    doomed = [there[manifest.name] for manifest in reversed(manifests) if manifest.name in there]
    if not doomed:
        typer.echo("Nothing to do: none of it is there.")
        return
    mutations = [deletion(resource, when_unreferenced=when_unreferenced) for resource in doomed]
    batches = [mutations[start : start + MOST] for start in range(0, len(mutations), MOST)]
    send(api, batches[0], only_try=True)
    for resource in doomed:
        typer.echo(f"- {resource.name}")
    if dry_run:
        typer.echo(DRY)
        return
    agree(f"Delete {len(doomed)}?", yes=yes)
    for batch in batches:
        send(api, batch)
    typer.echo("Deleted.")
