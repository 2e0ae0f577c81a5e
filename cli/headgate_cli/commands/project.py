"""`headgate project`: projects, which are there as soon as something is in them."""

from collections import Counter
from typing import TYPE_CHECKING

import typer

from headgate_cli.connection import connected
from headgate_cli.output import Output, OutputOption
from headgate_cli.screen import note
from headgate_cli.selection import known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="Projects: a name for what belongs together, and what tokens are for.", no_args_is_help=True
    )
    group.command("list")(list_projects)
    app.add_typer(group, name="project")


@connected
def list_projects(api: "Api", output: OutputOption = Output.TABLE) -> None:
    """List the projects that have something in them, and how much of each kind."""
    from headgate_cli.names import ANY, PROJECT
    from headgate_cli.output import write
    from headgate_cli.resources import list_all
    from headgate_cli.screen import screen

    kinds = [kind for kind in known_kinds().values() if any(PROJECT in pattern for pattern in kind.patterns)]
    counts = Counter((r.name.split("/")[1], kind.plural) for kind in kinds for r in list_all(api, kind, ANY))
    projects = {p: {k: n for (q, k), n in sorted(counts.items()) if p == q} for p in sorted({p for p, _ in counts})}
    if output in (Output.JSON, Output.YAML):
        write(
            [{"project": project, "resources": numbers} for project, numbers in projects.items()], output, single=False
        )
        return
    for project, numbers in projects.items():
        screen().print(f"{project}: {', '.join(f'{number} {kind}' for kind, number in numbers.items())}")
    if not projects:
        note("There is nothing in any project.")
