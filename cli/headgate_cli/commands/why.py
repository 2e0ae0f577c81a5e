"""`headgate why`: where the latest change of a resource is, and what each stage of its way took."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import Status
from headgate_cli.selection import OneName, Project, kind_and_name

if TYPE_CHECKING:
    from headgate_cli.api import Api

WORDS = {
    "QUEUE": "waited for its turn",
    "COMMIT": "validated and stored",
    "COMPILE": "compiled",
    "WRITE": "written to Northbound",
    "TRANSLATE": "translated by ovn-northd",
    "REALISE": "carried out by ",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


@connected
def why(api: "Api", name: OneName, project: Project = "default") -> None:
    """Show how far the latest change of a resource has come, what each stage took, and what it waits for.

    Ends with 1 if the data plane does not agree yet.
    """
    from headgate.v1 import journey_pb2
    from headgate_cli.resources import find
    from headgate_common.methods import Method

    kind, short = kind_and_name(name)
    resource = find(api, kind, project, short)
    path = "/headgate.v1.JourneyService/GetJourney"
    method = Method(path, journey_pb2.GetJourneyRequest, journey_pb2.GetJourneyResponse)
    journey = api.call(method, journey_pb2.GetJourneyRequest(name=resource.name))
    for line in _lines(journey):
        typer.echo(line)
    if journey.status.realised_generation < journey.generation or journey.status.waiting_for:
        raise typer.Exit(Status.REFUSED)


def _lines(journey: Any) -> Iterator[str]:
    changed = journey.update_time.ToDatetime().isoformat(sep=" ", timespec="seconds")
    yield f"{journey.name}: generation {journey.generation}, of revision {journey.revision}, {changed} UTC"
    if journey.steps:
        yield from _table(journey.steps)
    else:
        yield "  Its way is not known any more: the controller was restarted since, or made 10,000 revisions."
    if not journey.status.waiting_for:
        yield "  => realised"
    for lag in journey.status.waiting_for:
        yield f"  => waits for {lag.host or 'the controller'}: {lag.reason}"
    for condition in journey.status.conditions:
        yield f"  {condition.reason}: {condition.message}"


def _table(steps: Any) -> Iterator[str]:
    """Yield a line for each step: when it ended, counted from the arrival of the request, and what it took."""
    from headgate.v1 import journey_pb2

    begin = steps[0].start_time.ToNanoseconds()
    for step in steps:
        stage = journey_pb2.JourneyStage.Name(step.stage).removeprefix("JOURNEY_STAGE_")
        began, ended = step.start_time.ToNanoseconds(), step.end_time.ToNanoseconds()
        what = WORDS.get(stage, stage.lower()) + step.host
        yield f"  {_milliseconds(ended - begin)}  {what:<32} took {_milliseconds(ended - began)}"


def _milliseconds(nanoseconds: int) -> str:
    return f"{max(0, nanoseconds) / 1e6:9.1f} ms"
