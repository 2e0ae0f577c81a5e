"""`headgate`: what the API holds, as tables; deletion; the Terraform provider's place."""

import os
import sys
import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate_cli.errors import CliError, NotFoundError, Status

HELP = """Show and delete what a Headgate controller holds; change it with Terraform.

Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no controller reached.

HEADGATE_EXTRA_PROTOS: importable modules, separated by commas, that hold further kinds.
"""

PROVIDER_BLOCK = 'terraform { required_providers { headgate = { source = "terraform.local/headgate/headgate" } } }'

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
provider = typer.Typer(help="Put the Terraform provider where `terraform init` finds it.", no_args_is_help=True)
app.add_typer(provider, name="terraform")


class Output(StrEnum):
    """How resources are written."""

    TABLE = "table"
    JSON = "json"


Endpoints = Annotated[
    list[str] | None,
    typer.Option("--endpoint", help='Where a controller listens, "host:port" or "unix:/path"; may be repeated.'),
]
Project = Annotated[str, typer.Option("--project", "-p", envvar="HEADGATE_PROJECT", help="The project of short names.")]
OneName = Annotated[
    list[str], typer.Argument(metavar="KIND NAME", help="A kind and a short name (vpc shop), or one full name.")
]


@app.command()
def get(
    context: typer.Context,
    kinds: Annotated[str, typer.Argument(help='One kind or several ("vpcs", "subnet,port"), or "all".')],
    name: Annotated[str | None, typer.Argument(help="Only this one: a short or a full name.")] = None,
    project: Project = "default",
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="In every project.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o")] = Output.TABLE,
    endpoint: Endpoints = None,
) -> None:
    """List resources."""
    from headgate_cli.api import find, list_all
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import ANY

    api, chosen = _api(context, endpoint), find_kinds(_kinds(), kinds)
    if name and len(chosen) != 1:
        raise CliError("A name needs exactly one kind.", Status.USAGE)
    place = ANY if all_projects else project
    found = {kind: [find(api, kind, place, name)] if name else list(list_all(api, kind, place)) for kind in chosen}
    if output is Output.JSON:
        _print_json([resource for resources in found.values() for resource in resources], single=bool(name))
    else:
        _print_tables(found, place)


@app.command()
def describe(context: typer.Context, name: OneName, project: Project = "default", endpoint: Endpoints = None) -> None:
    """Show everything about one resource, and who uses it."""
    from headgate_cli import details
    from headgate_cli.api import find

    api = _api(context, endpoint)
    kind, short = _kind_and_name(name)
    resource = find(api, kind, project, short)
    typer.echo(details.describe(resource, _referrers(api, kind, resource.name)))


@app.command()
def delete(
    context: typer.Context,
    name: OneName,
    when_unreferenced: Annotated[
        bool,
        typer.Option(
            "--when-unreferenced", help="While others use it: do not refuse, let it vanish with the last of them."
        ),
    ] = False,
    project: Project = "default",
    endpoint: Endpoints = None,
) -> None:
    """Delete one resource."""
    from headgate_cli.api import find

    api = _api(context, endpoint)
    kind, short = _kind_and_name(name)
    full = find(api, kind, project, short).name
    method, look = kind.method("Delete"), kind.method("Get")
    request: Any = method.request
    api.call(method, request(name=full, when_unreferenced=when_unreferenced, request_id=str(uuid.uuid4())))
    try:
        left = api.call(look, look.request(name=full)) if when_unreferenced else None
    except NotFoundError:
        left = None
    typer.echo(f"{full} is deleted" if left is None else f"{full} is still used; it vanishes with its last referrer")


@provider.command()
def install() -> None:
    """Put the provider's launcher into ~/.terraform.d/plugins. Again is harmless."""
    from headgate_terraform.install import install as put

    try:
        file = put(Path.home())
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error
    typer.echo(f"{file}\n\nIn a configuration:\n\n  {PROVIDER_BLOCK}")


@provider.command()
def uninstall() -> None:
    """Remove every release of the provider from ~/.terraform.d/plugins."""
    from headgate_terraform.install import uninstall as remove

    remove(Path.home())


def main(argv: Sequence[str] | None = None, *, dial: Callable[[Sequence[str]], Any] | None = None) -> None:
    """Carry out one command and end the program; `dial` stands in for the controllers at the given endpoints."""
    try:
        app(args=argv, obj=dial, prog_name="headgate")
    except CliError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)


def _api(context: typer.Context, endpoints: list[str] | None) -> Any:
    from headgate_cli.api import connect

    listed = [part.strip() for part in os.environ.get("HEADGATE_ENDPOINTS", "").split(",")]
    return (context.obj or connect)(endpoints or [endpoint for endpoint in listed if endpoint])


def _kinds() -> Any:
    from headgate_cli.kinds import load_kinds

    return load_kinds(part for part in os.environ.get("HEADGATE_EXTRA_PROTOS", "").split(",") if part)


def _kind_and_name(words: list[str]) -> tuple[Any, str]:
    """Return the kind and the name that a command was given."""
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import is_full

    kinds = _kinds()
    match words:
        case [full]:
            for kind in kinds.values():
                if is_full(kind.patterns, full):
                    return kind, full
        case [kind, name]:
            chosen = find_kinds(kinds, kind)
            if len(chosen) == 1:
                return chosen[0], name
    raise CliError('Write one kind and a name ("vpc shop"), or one full name ("projects/p/vpcs/shop").', Status.USAGE)


def _referrers(api: Any, kind: Any, name: str) -> list[str]:
    """Return who uses a resource: whom a deletion, which is only tried and never done, would name."""
    from headgate_cli.refusals import REFERRERS, RefusedError

    method = kind.method("Delete")
    assert "validate_only" in method.request.DESCRIPTOR.fields_by_name, "every Delete can be tried"
    try:
        api.call(method, method.request(name=name, validate_only=True))
    except RefusedError as refusal:
        return [user for user in refusal.metadata.get(REFERRERS, "").split(",") if user]
    return []


def _print_json(resources: list[Any], *, single: bool) -> None:
    import json

    from google.protobuf.json_format import MessageToDict

    values = [MessageToDict(resource, preserving_proto_field_name=True) for resource in resources]
    typer.echo(json.dumps(values[0] if single else values, indent=2, ensure_ascii=False))


def _print_tables(found: dict[Any, list[Any]], project: str) -> None:
    from headgate_cli.names import ANY
    from headgate_cli.tables import show

    tables = [(kind, resources) for kind, resources in found.items() if resources]
    for place, (kind, resources) in enumerate(tables):
        typer.echo("\n" if place else "", nl=False)
        show(kind, resources, project)
    if not tables:
        where = "" if project == ANY else f" in project {project}"
        typer.echo(f"There are no {', '.join(kind.plural for kind in found)}{where}.", err=True)


if __name__ == "__main__":
    main()
