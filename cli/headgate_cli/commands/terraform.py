"""`headgate terraform`: the provider's place on this machine."""

from pathlib import Path

import typer

from headgate_cli.errors import CliError

PROVIDER_BLOCK = 'terraform { required_providers { headgate = { source = "terraform.local/headgate/headgate" } } }'


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Put the Terraform provider where `terraform init` finds it.", no_args_is_help=True)
    group.command()(install)
    group.command()(uninstall)
    app.add_typer(group, name="terraform")


def install() -> None:
    """Put the provider's launcher into ~/.terraform.d/plugins. Again is harmless."""
    from headgate_terraform.install import install as put

    try:
        file = put(Path.home())
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error
    typer.echo(f"{file}\n\nIn a configuration:\n\n  {PROVIDER_BLOCK}")


def uninstall() -> None:
    """Remove every release of the provider from ~/.terraform.d/plugins."""
    from headgate_terraform.install import uninstall as remove

    remove(Path.home())
