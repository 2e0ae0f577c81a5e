"""`headgate version`."""

from importlib.metadata import version as installed

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


def version() -> None:
    """Show the version of this program, and of the API that it speaks."""
    from headgate.v1 import types_pb2

    typer.echo(f"headgate {installed('headgate')}, API {types_pb2.DESCRIPTOR.package}")
