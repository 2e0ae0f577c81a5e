"""How a command reaches a controller: the options that say so, and the API behind them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from headgate_common.client_access import endpoints_from

Endpoints = Annotated[
    list[str] | None,
    typer.Option("--endpoint", help='Where a controller listens, "host:port" or "unix:/path"; may be repeated.'),
]
TokenFile = Annotated[
    str,
    typer.Option(
        "--token-file",
        help="The file of the token; else HEADGATE_TOKEN holds it, or the file that HEADGATE_TOKEN_FILE names.",
        show_default=False,
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca-file", envvar="HEADGATE_CA_FILE", show_default=False, help="The CAs of controllers' certificates."
    ),
]
CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class Connection:
    """What it takes to reach a controller: where each of several listens, the first that answers is used; the file of
    the token, else it is in the environment; and the file of the CAs, else those of the system are trusted.
    """

    endpoints: tuple[str, ...] = ()
    token_file: str = ""
    ca_file: str = ""


def connection(endpoint: Endpoints = None, token_file: TokenFile = "", ca_file: CaFile = "") -> Connection:
    """Return the connection that a command line asks for; each parameter is an option of every command that has one."""
    return Connection(tuple(endpoint or endpoints_from(os.environ)), token_file, ca_file)


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the API as its first argument, and the options of `connection` to its command line.

    Nothing is imported for it before the command runs, and nothing dialled before its first call.
    """
    _, *own = signature(command).parameters.values()
    options = list(signature(connection).parameters.values())
    context = Parameter(CONTEXT, Parameter.KEYWORD_ONLY, annotation=typer.Context)

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {option.name: given.pop(option.name) for option in options}
        command(_dial(given.pop(CONTEXT), chosen), **given)

    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (context, *own, *options)]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def dialled(context: typer.Context) -> Any:
    """Return the API for a command line that is still being written."""
    names = signature(connection).parameters
    return _dial(context, {name: context.params[name] for name in names if context.params.get(name) is not None})


def _dial(context: typer.Context, chosen: Mapping[str, Any]) -> Any:
    if context.obj is not None:
        return context.obj(connection(**chosen))
    from headgate_cli.api import connect

    return connect(connection(**chosen))
