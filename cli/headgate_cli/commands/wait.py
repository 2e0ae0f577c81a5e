"""`headgate wait`: return when something is so."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, NotFoundError, Status
from headgate_cli.selection import OneName, Project, kind_and_name

if TYPE_CHECKING:
    from headgate_cli.api import Api
    from headgate_cli.kinds import Kind

REALISED, DELETED, CONDITION, NO_CONDITION = "realised", "deleted", "condition", "no-condition"
EVERY = 0.5
"""Seconds between looks at what cannot be waited for at the controller."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(wait)


@connected
def wait(
    api: "Api",
    name: OneName,
    what: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="WHAT",
            help="realised; deleted; condition=REASON, once it is there; no-condition=REASON, once it is not.",
        ),
    ] = REALISED,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 60.0,
    project: Project = "default",
) -> None:
    """Wait until a resource is realised or gone, or a condition of it comes or goes."""
    from headgate_cli.resources import find

    word, _, reason = what.partition("=")
    if word not in (REALISED, DELETED, CONDITION, NO_CONDITION) or bool(reason) != word.endswith(CONDITION):
        text = f"--for {what}: write realised, deleted, condition=REASON or no-condition=REASON."
        raise CliError(text, Status.USAGE)
    kind, short = kind_and_name(name)
    try:
        resource = find(api, kind, project, short)
    except NotFoundError:
        if word != DELETED:
            raise
        typer.echo(f"{short}: it is gone.")
        return
    if word == REALISED:
        _await_realised(api, resource, timeout)
    else:
        _await_seen(api, kind, resource.name, (word, reason), timeout)


def _await_realised(api: "Api", resource: Any, seconds: float) -> None:
    from headgate_cli import waiting

    waiting.report(waiting.await_realised(api, [resource], seconds), seconds)


def _await_seen(api: "Api", kind: "Kind", name: str, wanted: tuple[str, str], seconds: float) -> None:
    """Return once a look at the resource shows what is wanted.

    Raises:
        CliError: it does not in time.
    """
    end = time.monotonic() + seconds
    while not (seen := _seen(api, kind, name, *wanted)):
        if time.monotonic() >= end:
            raise CliError(f"{name}: not so within {seconds:g} s; it is as before.", Status.TIMEOUT)
        time.sleep(EVERY)
    typer.echo(f"{name}: {seen}")


def _seen(api: "Api", kind: "Kind", name: str, word: str, reason: str) -> str:
    """Return words for what is wanted if it is so; else nothing."""
    from headgate_cli.resources import get_one

    try:
        resource = get_one(api, kind, name)
    except NotFoundError:
        if word != DELETED:
            raise
        return "it is gone."
    there = {condition.reason: condition.message for condition in resource.status.conditions}
    if word == CONDITION and reason in there:
        return f"{reason}: {there[reason]}"
    return f"it has no condition {reason}." if word == NO_CONDITION and reason not in there else ""
