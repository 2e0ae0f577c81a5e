"""What the host proves itself with, and which controllers it believes."""

import logging
from collections.abc import Sequence
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from headgate_common import pki
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.pki import PkiError, Role, Subject
from headgate_hostagent.config import AgentConfig

log = logging.getLogger(__name__)

UNIX = "unix:"

_UNSURE = "it may have refused this host's certificate; its log says why"
_HINTS = (
    ("CERTIFICATE_VERIFY_FAILED", "the certificate of whoever answers is of no CA in this host's ca.pem"),
    ("Hostname Verification", f"whoever answers has no controller's certificate ({pki.SERVER_NAME} is not in it)"),
    *((sign, _UNSURE) for sign in ("Socket closed", "reset by peer", "Handshake read failed")),
)


class Certificates:
    """The host's certificate and the CAs that it trusts, in two files, which are read for every connection."""

    def __init__(self, config: AgentConfig) -> None:
        self.subject = Subject(Role.HOST, config.host)
        self._files = IdentityFiles(Path(config.pki_dir))

    def channel(self, controller: str, options: Sequence[tuple[str, int | str]]) -> grpc.aio.Channel:
        """Return a channel to a controller: by certificates, unless it is reached by a unix socket.

        Raises:
            PkiError: the certificate cannot be used; the message says why, and what to do.
        """
        if controller.startswith(UNIX):
            return grpc.aio.insecure_channel(controller, options=options)
        identity = self.identity()
        credentials = grpc.ssl_channel_credentials(identity.ca_pem, identity.key_pem, identity.certificate_pem)
        named = ("grpc.ssl_target_name_override", pki.SERVER_NAME)
        return grpc.aio.secure_channel(controller, credentials, options=[*options, named])

    def identity(self) -> Identity:
        """Return the host's key and certificate.

        Raises:
            PkiError: they are not there, not this host's, or not valid now.
        """
        identity = self._files.load()
        if identity.subject != self.subject:
            raise PkiError(
                f"{self._files.identity} is of {identity.subject.role.value} {identity.subject.name}, and this is host "
                f"{self.subject.name}: set `host`, or enrol this host."
            )
        try:
            pki.check_valid(identity.certificate, identity.authorities, pki.utc_now())
        except PkiError as error:
            raise PkiError(f"{error} Enrol this host again: headgate pki enrol.") from error
        return identity

    def trust(self, authorities: bytes) -> bool:
        """Trust these CAs and no others from the next connection on; return whether they were others before. Blocks.

        Raises:
            PkiError: there is none. OSError: the disk refuses.
        """
        if self._files.ca.exists() and self._files.ca.read_bytes() == authorities:
            return False
        self._files.save_ca(authorities)
        log.info("trusted CAs replaced", extra={"path": self._files.ca})
        return True

    def replace(self, key: ec.EllipticCurvePrivateKey, certificate: bytes, authorities: bytes) -> None:
        """Put a new key and its certificate in the place of the old. Blocks.

        Raises:
            PkiError: the certificate is not this host's, or not of this key. OSError: the disk refuses.
        """
        made = pki.certificates_from(certificate)[0]
        if pki.subject_of(made) != self.subject:
            raise PkiError(f"The new certificate is not of host {self.subject.name}.")
        pki.check_valid(made, pki.certificates_from(authorities), pki.utc_now())
        self._files.save(key, certificate, authorities)


def hint(details: str) -> str:
    """Return what a failure to connect may mean, beside the library's own words."""
    if "certificate is not yet valid" in details or "certificate has expired" in details:
        clock = f"by this host's clock, which says {pki.utc_now():%Y-%m-%d %H:%M} UTC"
        return f"; the certificate of whoever answers is not good {clock}: set the clocks, or have it renewed"
    return next((f"; {words}" for sign, words in _HINTS if sign in details), "")
