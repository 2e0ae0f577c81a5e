"""`headgate pki`: the certificates of a site."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError

if TYPE_CHECKING:
    from headgate_cli.api import Api
    from headgate_common.identity import Identity, IdentityFiles

CaDirectory = Annotated[Path, typer.Option("--ca", envvar="HEADGATE_CA_DIR", help="The directory of the site's CA.")]
PkiDirectory = Annotated[
    Path, typer.Option("--out", "-o", help="The directory of the program's certificate: its pki_dir.")
]
CA_DIR, PKI_DIR = Path("/var/lib/headgate/ca"), Path("/var/lib/headgate/pki")
AGENT_PKI_DIR = Path("/var/lib/headgate-agent/pki")
SOUTHBOUND_PORT = 6642
"""Where ovn-controllers look for Southbound.  Source: ovn-sb(5)."""


ROTATION = (
    "Hosts that are connected trust it at once and renew their certificates by themselves. When `headgate pki show` "
    "has a certificate of the new CA for each, issue the controllers' anew, and `headgate pki retire` the CA before."
)


class RoleName(StrEnum):
    """Whom a certificate is for."""

    CONTROLLER = "controller"
    HOST = "host"


Role = Annotated[RoleName, typer.Argument(help="Whom it is for.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Make, hand out, renew and revoke the certificates of a site.", no_args_is_help=True)
    for command in (init, issue, invite, enrol, show, revoke, rotate, retire, central):
        group.command()(command)
    app.add_typer(group, name="pki")


def init(ca: CaDirectory = CA_DIR) -> None:
    """Make the site's CA."""
    from headgate_common import pki
    from headgate_common.authority import Authority

    with _told():
        authority = Authority.create(ca, pki.utc_now())
        made = pki.fingerprint(authority.trusted()[0])
    typer.echo(
        f"CA in {ca}, SHA-256 {made}\nKeep signing.pem secret: with it anybody can pose as a host or a controller."
    )


def issue(
    role: Role,
    name: Annotated[str, typer.Argument(help="The chassis name of a host; any name of a controller.")],
    address: Annotated[
        list[str] | None, typer.Option(help="A name or IP address by which API clients reach a controller; repeatable.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long it is valid; a host's 90, a controller's 365.")
    ] = None,
    out: PkiDirectory = PKI_DIR,
    ca: CaDirectory = CA_DIR,
) -> None:
    """Make a key and a certificate on this machine; again renews what is there."""
    from headgate_common import pki
    from headgate_common.authority import Authority
    from headgate_common.identity import IdentityFiles

    with _told():
        subject = pki.Subject(pki.Role(role.value), name, tuple(address or ()))
        files, authority, key = IdentityFiles(out), Authority(ca), pki.new_key()
        _check_holder(files, name)
        lifetime = timedelta(days=days) if days else None
        certificate = authority.issue(subject, key.public_key(), pki.utc_now(), lifetime)
        files.save(key, certificate, authority.bundle())
        until = files.load().certificate.not_valid_after_utc
    typer.echo(f"{files.identity} of {role} {name}, until {until:%Y-%m-%d}")


@connected
def invite(
    api: "Api",
    host: Annotated[str, typer.Argument(help="The chassis name of the new host.")],
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="How long the token is good for.")] = 60,
) -> None:
    """Make a token by which a new host gets its certificate: `headgate pki enrol`, there."""
    from google.protobuf.duration_pb2 import Duration

    from headgate.v1 import pki_pb2
    from headgate_common.methods import Method

    method = Method(
        "/headgate.v1.PkiService/CreateEnrolment", pki_pb2.CreateEnrolmentRequest, pki_pb2.CreateEnrolmentResponse
    )
    made = api.call(method, pki_pb2.CreateEnrolmentRequest(host=host, lifetime=Duration(seconds=minutes * 60)))
    typer.echo(made.token)
    typer.echo(f"On {host}, within {minutes} min: headgate pki enrol --controller ADDRESS:7443", err=True)


def enrol(
    controller: Annotated[str, typer.Option(help='Where a controller\'s API listens with TLS, "address:7443".')],
    out: Annotated[Path, typer.Option("--out", "-o", help="The agent's pki_dir.")] = AGENT_PKI_DIR,
) -> None:
    """Make this host's key, and have a controller certify it.

    The token of the invitation is asked for, or read from standard input. It is good for the key that is made first:
    if the answer is lost, the same command gets it.
    """
    from headgate_cli.enrol import WaitingKey
    from headgate_cli.enrol import enrol as ask
    from headgate_common.enrolment import Enrolment
    from headgate_common.identity import IdentityFiles

    with _told():
        # Not an argument: every user of the machine can read those.
        asked = sys.stdin.isatty()
        wanted = Enrolment.parse(typer.prompt("Token", hide_input=True) if asked else sys.stdin.readline())
        files = IdentityFiles(out)
        _check_holder(files, wanted.host)
        waiting = WaitingKey(out)
        files.save(*ask(controller, wanted, waiting))
        waiting.forget()
        until = files.load().certificate.not_valid_after_utc
    typer.echo(f"{files.identity} of host {wanted.host}, until {until:%Y-%m-%d}")


def show(
    ca: CaDirectory = CA_DIR,
    directory: Annotated[
        Path | None, typer.Argument(help="Of a program instead, such as /var/lib/headgate/pki.")
    ] = None,
) -> None:
    """Show the CA and what it has issued, or the certificate of one program."""
    from headgate_cli.tables import print_rows
    from headgate_common import pki
    from headgate_common.authority import Authority
    from headgate_common.identity import IdentityFiles

    with _told():
        if directory is not None:
            _show_identity(IdentityFiles(directory).load())
            return
        authority = Authority(ca)
        trusted, issued = authority.trusted(), authority.issued()
    for certificate in trusted:
        typer.echo(f"CA SHA-256 {pki.fingerprint(certificate)} until {certificate.not_valid_after_utc:%Y-%m-%d}")
    numbers = {pki.fingerprint(certificate): number for number, certificate in enumerate(trusted, 1)}
    rows = [
        (
            note.role,
            note.name,
            note.until[:10],
            str(numbers.get(note.ca, "gone")),
            note.revoked[:10] or "-",
            note.serial,
        )
        for note in issued
    ]
    print_rows(("ROLE", "NAME", "UNTIL", "CA", "REVOKED", "SERIAL"), rows)


def revoke(
    role: Role,
    name: Annotated[str, typer.Argument(help="Whose certificates no controller accepts any more.")],
    ca: CaDirectory = CA_DIR,
) -> None:
    """Revoke every certificate of a host or a controller that was issued so far."""
    from headgate_common import pki
    from headgate_common.authority import Authority

    with _told():
        revoked = Authority(ca).revoke(lambda note: (note.role, note.name) == (role.value, name), pki.utc_now())
    if not revoked:
        raise CliError(f"{ca} has issued no certificate to {role} {name} that is valid; see `headgate pki show`.")
    typer.echo(f"{len(revoked)} of {role} {name} revoked")


def rotate(ca: CaDirectory = CA_DIR) -> None:
    """Let a new CA sign; the one before stays trusted until `headgate pki retire`."""
    from headgate_common import pki
    from headgate_common.authority import Authority

    with _told():
        made = Authority(ca).rotate(pki.utc_now())
    typer.echo(f"New CA, SHA-256 {pki.fingerprint(made)}. {ROTATION}")


def retire(ca: CaDirectory = CA_DIR) -> None:
    """Trust the newest CA alone; refused while certificates of the one before are in use."""
    from headgate_common import pki
    from headgate_common.authority import Authority

    with _told():
        Authority(ca).retire(pki.utc_now())
    typer.echo("Only the newest CA is trusted now.")


def central(
    directory: Annotated[Path, typer.Argument(help="Of the central machine's certificate, a controller's.")] = PKI_DIR,
    port: Annotated[int, typer.Option(help="Where Southbound listens.")] = SOUTHBOUND_PORT,
) -> None:
    """Print the commands by which OVN's Southbound database takes hosts by certificate only."""
    from headgate_common.identity import IdentityFiles

    files = IdentityFiles(directory)
    with _told():
        files.load()
    for command in southbound_commands(files, port):
        typer.echo(shlex.join(["ovn-sbctl", *command]))


def southbound_commands(files: "IdentityFiles", port: int) -> list[list[str]]:
    """Return the arguments of ovn-sbctl by which Southbound takes hosts by certificate only, each for its own rows."""
    connection = ["create", "connection", f'target="pssl:{port}"', "role=ovn-controller"]
    return [
        ["set-ssl", str(files.identity), str(files.identity), str(files.ca)],
        ["--", "--id=@c", *connection, "--", "set", "SB_Global", ".", "connections=@c"],
    ]


def _check_holder(files: "IdentityFiles", name: str) -> None:
    """See that nobody else's certificate would be lost."""
    if files.identity.exists() and (holder := files.load().subject.name) != name:
        raise CliError(f"{files.identity} is the certificate of {holder}; name another directory with --out.")


def _show_identity(identity: "Identity") -> None:
    from headgate_common import pki

    subject, certificate = identity.subject, identity.certificate
    issuer = pki.issuer_among(certificate, identity.authorities)
    typer.echo(f"{subject.role.value} {' '.join((subject.name, *subject.addresses))}")
    typer.echo(f"serial {certificate.serial_number:x}")
    typer.echo(
        f"until {certificate.not_valid_after_utc:%Y-%m-%d}, renewed from {pki.renewal_due(certificate):%Y-%m-%d}"
    )
    typer.echo(f"CA SHA-256 {pki.fingerprint(issuer)}" if issuer else "of no CA in ca.pem")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what goes wrong into the words that end the program."""
    from headgate_common.pki import PkiError

    try:
        yield
    except PkiError as error:
        raise CliError(str(error)) from error
    except FileNotFoundError as error:
        fix = "`headgate pki init` makes a CA, `headgate pki issue` a certificate; --ca and --out name directories."
        raise CliError(f"{error.filename}: {error.strerror}. {fix}") from error
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error
