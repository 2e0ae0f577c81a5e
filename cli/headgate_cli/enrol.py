"""A new host's first contact with a controller, which it has never seen: the fingerprint in its token says whether to
believe it, and until it does, the host shows nothing of its own.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from headgate.v1 import pki_pb2, pki_pb2_grpc
from headgate_cli.errors import CliError, Status
from headgate_common import pki
from headgate_common.enrolment import Enrolment
from headgate_common.files import write_whole

CALL_SECONDS = 10.0


class Enrolled(NamedTuple):
    """A host's key, its certificate and the CAs to trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: bytes
    authorities: bytes


class WaitingKey:
    """A host's key from before it is shown until its certificate is there.

    A token is good for the first key that comes with it, so whoever lost the answer must ask again with the same.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "enrolling.pem"

    def load(self) -> ec.EllipticCurvePrivateKey:
        """Return the key that waits, or a new one, which is on the disk by then.

        Raises:
            OSError: the disk refuses it.
        """
        if not self._file.exists():
            write_whole(self._file, pki.key_pem(pki.new_key()), 0o600)
        return pki.key_from(self._file.read_bytes())

    def forget(self) -> None:
        """Remove it: its certificate is there."""
        self._file.unlink()


def enrol(controller: str, token: Enrolment, waiting: WaitingKey) -> Enrolled:
    """Return a certificate for a key, which never leaves the machine, and is made for a controller that is believed.

    Raises:
        CliError: the controller is not reached, not believed, or refuses. OSError: the disk refuses the key.
    """
    authority = _authority(controller, token.ca_fingerprint)
    key = waiting.load()
    request = pki_pb2.EnrolRequest(secret=token.secret, signing_request=pki.signing_request(key, token.host).decode())
    with _service(controller, pki.certificate_pem(authority)) as service:
        answer = service.Enrol(request, timeout=CALL_SECONDS)
    return Enrolled(key, answer.certificate.encode(), answer.ca_certificates.encode())


def _authority(controller: str, fingerprint: str) -> x509.Certificate:
    """Return the CA that has this fingerprint, from whoever answers; it is believed for its fingerprint alone."""
    shown = _shown(controller)
    with _service(controller, shown) as service:
        answer = service.GetAuthorities(pki_pb2.GetAuthoritiesRequest(), timeout=CALL_SECONDS)
    for authority in pki.certificates_from(answer.ca_certificates.encode()):
        if pki.fingerprint(authority) == fingerprint:
            return authority
    raise CliError(
        f"{controller} is not of the site that the token is for: it names no CA with SHA-256 {fingerprint}. Check the "
        "address; if it is right, somebody is in between."
    )


def _shown(controller: str) -> bytes:
    """Return the certificate that whoever listens there shows."""
    host, _, port = controller.rpartition(":")
    try:
        return ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=CALL_SECONDS).encode()
    except ssl.SSLError as error:
        text = (
            f"{controller} does not speak TLS ({error.reason}); set tls_certificate in the controller's configuration."
        )
        raise CliError(text, Status.UNREACHABLE) from error
    except (OSError, ValueError, socket.gaierror) as error:
        raise CliError(f"{controller} is not reached: {error}.", Status.UNREACHABLE) from error


@contextmanager
def _service(controller: str, roots: bytes) -> Iterator[Any]:
    """Hold a channel to a controller that these certificates vouch for, while the block runs."""
    credentials = grpc.ssl_channel_credentials(roots)
    options = [("grpc.ssl_target_name_override", pki.SERVER_NAME), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(controller, credentials, options=options) as channel:
        try:
            yield pki_pb2_grpc.PkiServiceStub(channel)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            away = error.code() is grpc.StatusCode.UNAVAILABLE
            status = Status.UNREACHABLE if away else Status.REFUSED
            raise CliError(f"{controller}: {error.details()}", status) from error
