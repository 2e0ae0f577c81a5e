"""`headgate backup` and `headgate restore`: everything that a controller holds, as a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, Status

if TYPE_CHECKING:
    from headgate_cli.api import Api
    from headgate_common.methods import Method

CHUNK = 1024 * 1024
File = Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup lies.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


@connected
def backup(api: "Api", file: File) -> None:
    """Write everything that the controller holds into a file; the network and its users go on meanwhile.

    The file appears when it is complete, and only you can read it. Secrets and Terraform states are sealed in it with
    the controller's state_key_file, or left out; certificates are files of their own, and not in it.
    """
    if file.exists():
        raise CliError(f"{file} is there already; choose another name, or remove it.", Status.USAGE)
    partial = file.with_name(f"{file.name}.partial")
    try:
        summary = _written(api, partial)
        partial.rename(file)
    except OSError as error:
        raise CliError(f"{partial} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)
    typer.echo(f"{file} holds {_described(summary)}")
    for words in summary.left_out:
        typer.echo(f"Not in it: {words}.", err=True)


@connected
def restore(api: "Api", file: File) -> None:
    """Take a backup over into a controller that holds nothing yet: all of it, or nothing.

    Names, uids, addresses and the revision are what they were, so that hosts and VMs notice nothing. Tokens are those
    of the backup from then on.
    """
    from headgate.v1 import admin_pb2

    def chunks() -> Iterator[Any]:
        with file.open("rb") as opened:
            while content := opened.read(CHUNK):
                yield admin_pb2.RestoreRequest(content=content)

    if not os.access(file, os.R_OK):
        raise CliError(f"{file} is not there, or cannot be read.", Status.USAGE)
    answer = api.upload(_method("Restore"), chunks)
    typer.echo(f"The controller begins anew with {_described(answer.summary)}, at epoch {answer.epoch}.")
    for words in answer.summary.left_out:
        typer.echo(f"Was not in it: {words}.", err=True)


def _written(api: "Api", partial: Path) -> Any:
    """Write the file, and return what it holds."""
    from headgate.v1 import admin_pb2

    summary = None
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for part in api.stream(_method("Backup"), admin_pb2.BackupRequest()):
            out.write(part.content)
            summary = part.summary if part.HasField("summary") else None
        out.flush()
        os.fsync(out.fileno())
    if summary is None:
        raise CliError("The controller ended before the backup was complete; nothing is left of it. Try again.")
    return summary


def _described(summary: Any) -> str:
    made = summary.time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"revision {summary.revision} of {made}: {summary.resources} resources, {summary.states} Terraform states"


def _method(name: str) -> "Method":
    from headgate.v1 import admin_pb2
    from headgate_common.methods import as_method

    return as_method(admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods_by_name[name])
