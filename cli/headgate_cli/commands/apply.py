"""`headgate apply`: make things as files want them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.screen import DRY, agree
from headgate_cli.selection import DryRun, Files, Project, Yes, known_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_cli.api import Api
    from headgate_cli.manifests import Manifest


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(apply)


@connected
def apply(
    api: "Api",
    file: Files,
    project: Project = "default",
    yes: Yes = False,
    dry_run: DryRun = False,
    prune: Annotated[
        str | None,
        typer.Option(metavar="KEY=VALUE", help="Delete what carries this label and is in none of the files."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Return when every host that must act has confirmed.")] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 60.0,
) -> None:
    """Make things as files want them: show what differs, ask, then change all of it at once, or nothing.

    A file holds objects as `headgate get -o yaml` shows them, each with its full name, or with kind and a short name. A
    field that is left out is taken away, unless it is one that the platform chooses.
    """
    from headgate_cli import planning, pruning, waiting
    from headgate_cli.manifests import Surroundings

    kinds = known_kinds()
    manifests = planning.read_files(file, Surroundings(kinds, project))
    deletes = pruning.prunable(api, kinds, manifests, prune) if prune else []
    changed: list[Any] = []
    everything = planning.parts(manifests)
    for number, part in enumerate(everything, 1):
        last = number == len(everything)
        if len(everything) > 1:
            typer.echo(f"Part {number} of {len(everything)}: a batch holds no more.")
        changed += _apply(api, kinds, part, deletes if last else [], yes=yes, dry_run=dry_run)
    if wait and changed:
        waiting.report(waiting.await_realised(api, changed, timeout), timeout)


def _apply(
    api: "Api", kinds: Any, manifests: "Sequence[Manifest]", deletes: list[Any], *, yes: bool, dry_run: bool
) -> list[Any]:
    """Apply one part, and return the resources that are other than before."""
    from headgate_cli import planning

    made = planning.plan(api, kinds, manifests, deletes)
    if made.empty:
        typer.echo(f"Nothing to do: {made.unchanged} as they are.")
        return []
    planning.show(made)
    if dry_run:
        typer.echo(DRY)
        return []
    agree("Apply?", yes=yes)
    revision, changed = planning.carry_out(api, kinds, made, [manifest.name for manifest in manifests])
    typer.echo(f"Applied, as revision {revision}.")
    return changed
