"""`headgate export`: projects as files."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError
from headgate_cli.output import Format
from headgate_cli.screen import note
from headgate_cli.selection import AllProjects, Project, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


@connected
def export(
    api: "Api",
    project: Project = "default",
    all_projects: AllProjects = False,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Where to; without it, standard output.")] = None,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Write sensitive values too.")] = False,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to write it.")] = Format.YAML,
) -> None:
    """Write everything that users set in a project, as it was at one moment, for `headgate apply -f`.

    What the platform chose for want of a wish (addresses) is written too, so that applying it anew gives the same; what
    only the controller says (status, uid) is not. Sensitive values are left out, and applying the file takes them away.
    """
    from headgate.v1 import types_pb2
    from headgate_cli.exporting import settable
    from headgate_cli.ordering import in_order
    from headgate_cli.output import as_json, as_yaml
    from headgate_cli.resources import snapshot

    prefix = "projects/" if all_projects else f"projects/{project}/"
    found = snapshot(api, known_kinds(), prefix).resources
    kept = [resource for resource in in_order(found) if resource.state != types_pb2.STATE_DELETING]
    if not kept:
        note(f"There is nothing in {'any project' if all_projects else f'project {project}'}.")
    stripped = [settable(resource, secrets=sensitive) for resource in kept]
    values = [value for value, _ in stripped]
    if hidden := sum(number for _, number in stripped):
        note(f"Left out: {hidden} sensitive values. Applying this takes them away; --sensitive writes them too.")
    text = f"{as_json(values)}\n" if output is Format.JSON else as_yaml(values)
    if file is None:
        typer.echo(text, nl=False)
    else:
        _save(file, text)
        note(f"{file} holds {len(kept)} resources.")


def _save(file: Path, text: str) -> None:
    """Write a file whole or not at all: what was there before stays until the new one is on the disk.

    Raises:
        CliError: it cannot be written.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(text)
        new.replace(file)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise CliError(f"{file} cannot be written: {error.strerror}.") from error
