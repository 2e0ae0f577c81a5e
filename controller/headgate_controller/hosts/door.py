"""Who may open a host stream: by certificate over TCP; over a unix socket whoever may open the file, as any host."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc

from headgate_common import pki
from headgate_common.pki import PkiError, Role
from headgate_controller.errors import HeadgateError
from headgate_controller.failures import machine_of
from headgate_controller.trust import Trust

log = logging.getLogger(__name__)

MOST_TOLD, MOST_OF_MACHINE = 1_000, 20
"""Reasons that are remembered, so as not to log them again; of one machine no more are logged: they are made up."""


class NotAdmittedError(HeadgateError):
    """The certificate of the caller does not let it do this; `host` in the metadata says whose it is, if a host's."""

    code, reason = "UNAUTHENTICATED", "CERTIFICATE_REFUSED"


@dataclass(frozen=True, slots=True)
class Guest:
    """A host that has shown its certificate."""

    host: str
    serial: int
    until: datetime


class Door:
    """Judges certificates; whatever is renewed, revoked or replaced on disk counts from the next connection on."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._told: set[tuple[str, str]] = set()
        self._shown: tuple[bytes, bytes, bytes] | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return what a server needs to take hosts by certificate only.

        Raises:
            PkiError: this controller's own certificate cannot be used.
        """
        identity = self._trust.identity()
        pki.check_valid(identity.certificate, identity.authorities, pki.utc_now())
        # The library's types do not know that nothing may be returned, its documentation does.
        reread: Any = self._reread
        return grpc.dynamic_ssl_server_credentials(self._configuration(), reread, require_client_authentication=True)

    def admit(self, context: Any) -> Guest | None:
        """Return the host that a call comes from; None if it comes by a unix socket and may be any.

        Raises:
            NotAdmittedError: its certificate is no host's, has expired meanwhile or is revoked.
        """
        if context.peer().startswith("unix:"):
            return None
        try:
            guest = _guest(context.auth_context())
        except PkiError as error:
            self.turned_away(context.peer(), str(error))
            raise NotAdmittedError(str(error)) from error
        try:
            self.check(guest)
        except NotAdmittedError as error:
            self.turned_away(context.peer(), str(error))
            raise
        return guest

    def turned_away(self, peer: str, reason: str) -> None:
        """Log that somebody was refused, once for each reason and machine: who is refused comes again and again."""
        key = (machine_of(peer), reason)
        if key in self._told or sum(machine == key[0] for machine, _ in self._told) >= MOST_OF_MACHINE:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told.add(key)
        log.warning("host refused", extra={"peer": peer, "reason": reason})

    def check(self, guest: Guest) -> None:
        """Return if a host that was admitted still is.

        Raises:
            NotAdmittedError: it is not.
        """
        if guest.serial in self._revoked_now():
            text = f"The certificate of {guest.host} is revoked; enrol the host again if it is to come back."
            raise NotAdmittedError(text, host=guest.host)
        if pki.utc_now() >= guest.until:
            text = f"The certificate of {guest.host} has expired; enrol the host again."
            raise NotAdmittedError(text, host=guest.host)

    def trusted(self) -> bytes:
        """Return the CAs of the site, as text.

        Raises:
            NotAdmittedError: the files cannot be used.
        """
        try:
            return self._trust.authorities()
        except (PkiError, OSError) as error:
            log.error("certificates not read", extra={"reason": str(error)})
            raise NotAdmittedError("The controller cannot read its own certificates; see its log.") from error

    def _revoked_now(self) -> frozenset[int]:
        try:
            return self._trust.revoked()
        except (PkiError, OSError) as error:
            log.error("list of revoked certificates not read", extra={"reason": str(error)})
            raise NotAdmittedError("The controller cannot tell which certificates are revoked; see its log.") from error

    def _reread(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the next handshake is made with; None: the same as the one before.

        One that is the same must not be returned: each sets gRPC's own up anew, under handshakes that are in progress,
        and when hundreds of hosts come at once most of those fail.
        """
        try:
            return self._configuration() if self._proof() != self._shown else None
        except (PkiError, OSError) as error:
            log.error("certificates not read", extra={"reason": str(error)})
            return None

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        self._shown = key, certificate, authorities = self._proof()
        return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=authorities)

    def _proof(self) -> tuple[bytes, bytes, bytes]:
        """Return the key and the certificate that hosts are met with, and the CAs that theirs are to be from."""
        identity = self._trust.identity()
        return identity.key_pem, identity.certificate_pem, self._trust.authorities()


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
