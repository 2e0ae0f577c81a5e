"""`headgate lint`: what is wrong, missing or unused in all that is there."""

from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.connection import connected
from headgate_cli.output import Output, OutputOption
from headgate_cli.selection import AllProjects, Project, known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api

COLOURS = {"error": "red", "warning": "yellow", "info": ""}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lint)


@connected
def lint(
    api: "Api",
    project: Project = "default",
    all_projects: AllProjects = False,
    output: OutputOption = Output.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out what is only good to know.")] = False,
) -> None:
    """Look over a project and the hosts, and tell what does not work, is missing, runs short, or is unused.

    Each finding has an id that stays, a severity (error, warning, info), and says what to do. Ends with 6 if there are
    errors, 5 if there are warnings at most, 0 otherwise.
    """
    from headgate_cli.findings import INFO, findings, settled, status_of
    from headgate_cli.names import ANY
    from headgate_cli.output import write
    from headgate_cli.screen import screen

    resources = settled(api, known_kinds().values(), ANY if all_projects else project)
    found = [finding for finding in findings(resources) if finding.severity != INFO or not quiet]
    if output in (Output.JSON, Output.YAML):
        write([finding.values() for finding in found], output, single=False)
    else:
        for finding in found:
            screen().print(f"{finding.severity}: {finding.id}", style=COLOURS[finding.severity], soft_wrap=True)
            screen().print(f"    {finding.message}", soft_wrap=True)
        typer.echo(f"{len(found)} {'finding' if len(found) == 1 else 'findings'} in {len(resources)} resources.")
    raise typer.Exit(status_of(found))
