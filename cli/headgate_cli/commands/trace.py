"""`headgate trace`: what becomes of a packet, there and back."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status
from headgate_cli.selection import Project

if TYPE_CHECKING:
    from headgate_cli.api import Api


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trace)


@connected
def trace(
    api: "Api",
    source: Annotated[str, typer.Argument(metavar="FROM", help="A port, or an external subnet: from beyond it.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="A port, a floating IP, or an IP address.")],
    tcp: Annotated[int | None, typer.Option(min=1, max=65535, help="A TCP connection to this port.")] = None,
    udp: Annotated[int | None, typer.Option(min=1, max=65535, help="A UDP datagram to this port.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also print what ovn-trace said.")] = False,
    project: Project = "default",
) -> None:
    """Ask the network what it does with a packet, a ping unless told otherwise; nothing is sent.

    Ends with 1 if it does not get through.
    """
    from headgate.v1 import trace_pb2
    from headgate_common.methods import Method

    if tcp and udp:
        raise CliError("A packet is of TCP or of UDP: give --tcp or --udp, not both.", Status.USAGE)
    method = Method("/headgate.v1.TraceService/Trace", trace_pb2.TraceRequest, trace_pb2.TraceResponse)
    request = trace_pb2.TraceRequest(
        source=_name(api, source, project, ("port", "subnet")),
        destination=_name(api, destination, project, ("port", "floating_ip")),
        protocol=trace_pb2.PROTOCOL_TCP if tcp else trace_pb2.PROTOCOL_UDP if udp else trace_pb2.PROTOCOL_ICMP,
        destination_port=tcp or udp or 0,
        verbose=verbose,
    )
    answer = api.call(method, request)
    for place, leg in enumerate(answer.legs):
        typer.echo(("\n" if place else "") + _written(leg, "back" if place else "there", project))
    arrived = (trace_pb2.VERDICT_DELIVERED, trace_pb2.VERDICT_LEAVES, trace_pb2.VERDICT_ANSWERED)
    if any(leg.verdict not in arrived for leg in answer.legs):
        raise typer.Exit(Status.REFUSED)


def _name(api: "Api", word: str, project: str, types: tuple[str, ...]) -> str:
    """Return the full name of the first resource of these types that a word means; an address means itself."""
    from ipaddress import ip_address

    from headgate_cli.errors import NotFoundError
    from headgate_cli.refusals import RefusedError
    from headgate_cli.resources import find
    from headgate_cli.selection import known_kinds

    try:
        return str(ip_address(word))
    except ValueError:
        pass
    for type_ in types:
        try:
            return str(find(api, known_kinds()[type_], project, word).name)
        except (NotFoundError, RefusedError):
            continue
    what = " or ".join(type_.replace("_", " ") for type_ in types)
    raise CliError(f"There is no {what} {word} in project {project}; -p or HEADGATE_PROJECT name another.")


def _written(leg: Any, direction: str, project: str) -> str:
    """Return one direction in lines: the packet, what it passes, and how it ends."""
    from headgate.v1 import trace_pb2

    def short(name: str) -> str:
        return name.removeprefix(f"projects/{project}/")

    width = max((len(short(step.resource)) for step in leg.steps), default=0)
    verdict = trace_pb2.Verdict.Name(leg.verdict).removeprefix("VERDICT_").lower()
    lines = [f"{direction}: {leg.packet}"]
    lines += [f"  {short(step.resource):<{width}}  {step.action}" for step in leg.steps]
    lines.append(f"  => {verdict}: {short(leg.end)}. {leg.reason}")
    return "\n".join([*lines, *(f"    {line}" for line in leg.output.splitlines())])
