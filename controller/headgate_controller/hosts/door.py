"""Who may open a host stream: by certificate over TCP; over a unix socket whoever may open the file, as any host."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.parsed import Parsed
from headgate_common.pki import PkiError, Role
from headgate_controller.errors import HeadgateError

log = logging.getLogger(__name__)


MOST_TOLD = 1_000


class CertificateError(HeadgateError):
    """The certificate of the caller does not let it do this."""

    code, reason = "UNAUTHENTICATED", "CERTIFICATE_REFUSED"


@dataclass(frozen=True, slots=True)
class Guest:
    """A host that has shown its certificate."""

    host: str
    serial: int
    until: datetime


class Door:
    """Judges certificates by the files of `pki_dir` and, where the CA is on this machine, of `ca_dir`.

    The files are looked at again for every connection, so whatever is renewed, revoked or replaced counts from then on.
    """

    def __init__(self, pki_dir: Path, ca_dir: Path) -> None:
        self._files = IdentityFiles(pki_dir)
        authority = Authority(ca_dir)
        self._identity = Parsed([self._files.identity, self._files.ca], self._load)
        self._trusted = Parsed([self._files.ca, authority.bundle_path], self._trust)
        self._revoked = Parsed([authority.issued_path], authority.revoked)
        self._authority = authority
        self._told: set[tuple[str, str]] = set()

    def credentials(self) -> grpc.ServerCredentials:
        """Return what a server needs to take hosts by certificate only.

        Raises:
            PkiError: this controller's own certificate cannot be used.
        """
        identity = self._identity.value()
        pki.check_valid(identity.certificate, identity.authorities, pki.utc_now())
        # The library's types do not know that nothing may be returned, its documentation does.
        reread: Any = self._reread
        return grpc.dynamic_ssl_server_credentials(self._configuration(), reread, require_client_authentication=True)

    def admit(self, context: Any) -> Guest | None:
        """Return the host that a call comes from; None if it comes by a unix socket and may be any.

        Raises:
            CertificateError: its certificate is no host's, has expired meanwhile or is revoked.
        """
        if context.peer().startswith("unix:"):
            return None
        try:
            guest = _guest(context.auth_context())
            self.check(guest)
        except (PkiError, CertificateError) as error:
            self.turned_away(context.peer(), str(error))
            raise CertificateError(str(error)) from error
        return guest

    def turned_away(self, peer: str, reason: str) -> None:
        """Log that somebody was refused, once for each reason and machine: who is refused comes again and again."""
        key = (peer.rpartition(":")[0], reason)
        if key in self._told:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told.add(key)
        log.warning("host refused", extra={"peer": peer, "reason": reason})

    def check(self, guest: Guest) -> None:
        """Return if a host that was admitted still is.

        Raises:
            CertificateError: it is not.
        """
        if guest.serial in self._revoked_now():
            text = f"The certificate of {guest.host} is revoked; enrol the host again if it is to come back."
            raise CertificateError(text)
        if pki.utc_now() >= guest.until:
            raise CertificateError(f"The certificate of {guest.host} has expired; enrol the host again.")

    def trusted(self) -> bytes:
        """Return the CAs of the site, as text.

        Raises:
            CertificateError: the files cannot be used.
        """
        try:
            return self._trusted.value()
        except (PkiError, OSError) as error:
            log.error("certificates not read", extra={"reason": str(error)})
            raise CertificateError("The controller cannot read its own certificates; see its log.") from error

    def follow(self) -> tuple[bytes, frozenset[int]]:
        """Return what is trusted and revoked, after putting the CAs of the CA's directory beside our certificate.

        Raises:
            PkiError, OSError: the files cannot be used.
        """
        trusted = self._trusted.value()
        if self._identity.value().ca_pem != trusted:
            self._files.save_ca(trusted)
            log.info("trusted CAs replaced", extra={"path": self._files.ca})
        return trusted, self._revoked.value()

    def _revoked_now(self) -> frozenset[int]:
        try:
            return self._revoked.value()
        except (PkiError, OSError) as error:
            log.error("list of revoked certificates not read", extra={"reason": str(error)})
            raise CertificateError("The controller cannot tell which certificates are revoked; see its log.") from error

    def _reread(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the next handshake is made with; None: the same as the one before."""
        try:
            return self._configuration()
        except (PkiError, OSError) as error:
            log.error("certificates not read", extra={"reason": str(error)})
            return None

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        identity = self._identity.value()
        pair = (identity.key_pem, identity.certificate_pem)
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=self._trusted.value())

    def _load(self) -> Identity:
        identity = self._files.load()
        if identity.subject.role is not Role.CONTROLLER:
            raise PkiError(f"{self._files.identity} is the certificate of a {identity.subject.role.value}.")
        return identity

    def _trust(self) -> bytes:
        """Return the CAs of the CA's own directory, which is the first to know of a new one; else those of ours."""
        try:
            return self._authority.bundle()
        except FileNotFoundError:
            return self._files.load().ca_pem


def _guest(shown: Mapping[str, Any]) -> Guest:
    """Return whom the certificate of a connection names.

    Raises:
        PkiError: it is no host's.
    """
    certificate = pki.certificates_from(b"".join(shown.get("x509_pem_cert", ())))[0]
    subject = pki.subject_of(certificate)
    if subject.role is not Role.HOST:
        raise PkiError(f"The certificate of {subject.name} is a {subject.role.value}'s, and no host's.")
    return Guest(subject.name, certificate.serial_number, certificate.not_valid_after_utc)
