"""`headgate host`: hosts, and taking gateways off them."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli import completing
from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status
from headgate_cli.output import Output, OutputOption
from headgate_cli.screen import note
from headgate_cli.selection import known_kinds

if TYPE_CHECKING:
    from headgate_cli.api import Api

Name = Annotated[str, typer.Argument(metavar="HOST", help="Its name.", autocompletion=completing.hosts)]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Hosts, and taking gateways off them.", no_args_is_help=True)
    group.command("list")(list_hosts)
    group.command()(drain)
    group.command()(undrain)
    app.add_typer(group, name="host")


@connected
def list_hosts(api: "Api", output: OutputOption = Output.TABLE) -> None:
    """List the hosts: whether they are heard, drain, and what is on them."""
    from headgate_cli.names import ANY
    from headgate_cli.output import values_of, write
    from headgate_cli.resources import list_all

    kinds = known_kinds()
    hosts = list(list_all(api, kinds["host"], ANY))
    if output in (Output.JSON, Output.YAML):
        write([values_of(host) for host in hosts], output, single=False)
    elif hosts:
        gateways = Counter(place for vpc in list_all(api, kinds["vpc"], ANY) for place in vpc.active_gateways.values())
        vms = Counter(place for vm in list_all(api, kinds["vm"], ANY) for place in vm.hosts)
        _print(hosts, gateways, vms)
    else:
        note("There are no hosts: an agent registers its own when it first connects.")


def _print(hosts: list[Any], gateways: "Counter[str]", vms: "Counter[str]") -> None:
    from headgate_cli.names import shorten
    from headgate_cli.tables import print_rows, realised

    heading = ("NAME", "CONNECTED", "DRAIN", "ZONE", "TUNNEL IP", "NETWORKS", "GATEWAYS", "VMS", "AGENT", "REALISED")
    rows = (
        (
            shorten(host.name, ""),
            "yes" if host.liveness.connected else "no",
            "yes" if host.drain else "no",
            host.zone,
            host.tunnel_ip,
            ", ".join(sorted(host.physical_networks)),
            str(gateways[host.name]),
            str(vms[host.name]),
            host.agent_version,
            realised(host),
        )
        for host in hosts
    )
    print_rows(heading, rows)


@connected
def drain(
    api: "Api",
    name: Name,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until gateways have moved.")] = 60.0,
) -> None:
    """Move gateways off a host, return when they are elsewhere, and say what stays.

    New gateways are not placed there until undrain. VMs are moved by what runs them. Ends with 1 if a gateway stays
    because no other host can carry it, with 4 if one has not moved in time.
    """
    from headgate_cli import draining
    from headgate_cli.resources import find

    kinds = known_kinds()
    host = find(api, kinds["host"], "", name)
    carried = draining.gateways_on(api, kinds["vpc"], host.name)
    draining.set_drain(api, kinds["host"], host, drain=True)
    typer.echo(f"{host.name} drains.")
    late, stuck = draining.moved(api, kinds["vpc"], host.name, carried, timeout, typer.echo)
    for left in draining.staying(api, kinds["vm"], kinds["port"], host.name):
        typer.echo(f"  {left} stays: what runs it can move it")
    if stuck:
        words = [
            f"  {gateway} stays: no other host can carry it, and there is better than nowhere" for gateway in stuck
        ]
        raise CliError("\n".join([f"{host.name} is not free:", *words]))
    if late:
        words = [f"  {gateway} is still there; {gateway.wanted} is to carry it" for gateway in late]
        raise CliError("\n".join([f"{host.name} is not free within {timeout:g} s:", *words]), Status.TIMEOUT)
    typer.echo(f"No gateway is on {host.name} any more.")


@connected
def undrain(api: "Api", name: Name) -> None:
    """Let a host have gateways again; those that moved away stay where they are."""
    from headgate_cli import draining
    from headgate_cli.resources import find

    kind = known_kinds()["host"]
    host = find(api, kind, "", name)
    draining.set_drain(api, kind, host, drain=False)
    typer.echo(f"{host.name} takes gateways again; those that moved away stay where they are.")
