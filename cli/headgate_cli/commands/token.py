"""`headgate token`: who may use the API."""

import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status
from headgate_cli.output import Output, OutputOption

if TYPE_CHECKING:
    from headgate_cli.api import Api

Name = Annotated[str, typer.Argument(help="What the token is called.")]
LIFETIME = re.compile(r"([1-9][0-9]{0,5})([dhm])")
UNITS = {"d": 86_400, "h": 3_600, "m": 60}
EVERYTHING = "*"


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Make, list and revoke the tokens of the API.", no_args_is_help=True)
    group.command()(create)
    group.command("list")(list_tokens)
    group.command()(revoke)
    app.add_typer(group, name="token")


@connected
def create(
    api: "Api",
    name: Name,
    project: Annotated[list[str] | None, typer.Option("--project", "-p", help="A project; may be repeated.")] = None,
    all_projects: Annotated[
        bool, typer.Option("--all-projects", help="Every project, the hosts, and what belongs to the whole site.")
    ] = False,
    read_write: Annotated[
        bool, typer.Option("--read-write", help="To change things too, not only to see them.")
    ] = False,
    expires: Annotated[str, typer.Option(help='How long it is good: "90d", "12h", "30m"; left out: for ever.')] = "",
    description: Annotated[str, typer.Option(help="Who holds it, and what for.")] = "",
) -> None:
    """Make a token, and print its secret: the only time that it is shown."""
    from headgate.v1 import token_pb2

    if bool(project) == all_projects:
        raise CliError("Say where it is good: --project NAME (may be repeated), or --all-projects.", Status.USAGE)
    wanted = token_pb2.Token(
        projects=project or [EVERYTHING],
        access=token_pb2.TOKEN_ACCESS_READ_WRITE if read_write else token_pb2.TOKEN_ACCESS_READ_ONLY,
        description=description,
    )
    if expires:
        wanted.expire_time.FromSeconds(int(time.time()) + _seconds(expires))
    answer = _call(api, "CreateToken", token_id=name, token=wanted)
    typer.echo(f"{answer.token.name} is made; its secret is not shown again:", err=True)
    typer.echo(answer.secret)


@connected
def list_tokens(api: "Api", output: OutputOption = Output.TABLE) -> None:
    """List the tokens there are; their secrets are known to nobody but their holders."""
    from headgate_cli.output import values_of, write
    from headgate_cli.tables import print_rows

    tokens = _call(api, "ListTokens").tokens
    if output in (Output.JSON, Output.YAML):
        write([values_of(token) for token in tokens], output, single=False)
        return
    heading = ("NAME", "PREFIX", "PROJECTS", "ACCESS", "EXPIRES", "LAST USED", "DESCRIPTION")
    print_rows(heading, [_row(token) for token in tokens])


@connected
def revoke(api: "Api", name: Name) -> None:
    """Revoke a token: it is refused from now on."""
    _call(api, "RevokeToken", name=f"tokens/{name.removeprefix('tokens/')}")
    typer.echo(f"{name} is revoked")


def _call(api: "Api", method: str, **fields: Any) -> Any:
    from headgate.v1 import token_pb2
    from headgate_common.methods import as_method

    called = as_method(token_pb2.DESCRIPTOR.services_by_name["TokenService"].methods_by_name[method])
    request: Any = called.request
    return api.call(called, request(**fields))


def _seconds(text: str) -> int:
    """Return the seconds of "90d", "12h" or "30m".

    Raises:
        CliError: it is of another form.
    """
    match = LIFETIME.fullmatch(text)
    if match is None:
        raise CliError(f'--expires: {text!r} is no time; write for example "90d", "12h" or "30m".', Status.USAGE)
    return int(match[1]) * UNITS[match[2]]


def _row(token: Any) -> tuple[str, ...]:
    from headgate.v1 import token_pb2

    access = token_pb2.TokenAccess.Name(token.access).removeprefix("TOKEN_ACCESS_").replace("_", " ").lower()
    return (
        token.name.removeprefix("tokens/"),
        token.prefix,
        ", ".join(token.projects),
        access,
        _date(token, "expire_time", "never"),
        _date(token, "last_use_time", "not yet"),
        token.description,
    )


def _date(token: Any, field: str, otherwise: str) -> str:
    return f"{getattr(token, field).ToDatetime():%Y-%m-%d %H:%M}" if token.HasField(field) else otherwise
