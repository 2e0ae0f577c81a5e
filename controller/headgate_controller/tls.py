"""The certificate that the API is served with: read from its files, and anew when they change."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc

from headgate_common import pki
from headgate_common.parsed import Parsed
from headgate_common.pki import PkiError
from headgate_controller.errors import HeadgateError

log = logging.getLogger(__name__)

T = TypeVar("T")


class CertificateError(HeadgateError):
    """The certificate of the API cannot be used."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_CERTIFICATE"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Where a certificate, its key, and the CAs that clients must have one of lie; key and certificate may share a
    file, and without a file of CAs clients need no certificate.

    gRPC asks for the certificate at every handshake, so a renewed one is used without a restart, and streams that are
    open stay open. Files that cannot be used any more are logged, and what they held before goes on.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return what a server takes connections with.

        Raises:
            CertificateError: the files cannot be used; the message names the setting, the fault and the fix.
        """
        reread: Any = self._reread(self._read)  # the library's types do not know that None stands for "as before"
        return grpc.dynamic_ssl_server_credentials(self._read(), reread, self.client_ca is not None)

    def context(self) -> ssl.SSLContext:
        """Return the same for a server that is not gRPC's; a renewed file of CAs is used at the next start only.

        Raises:
            CertificateError: as `credentials`.
        """
        first, reread = self._context(), self._reread(self._context)
        latest = first

        def renew(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            nonlocal latest
            connection.context = latest = reread() or latest

        first.sni_callback = renew
        return first

    def _context(self) -> ssl.SSLContext:
        self._read()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:  # renewed since it was read
            raise CertificateError(f"tls_certificate: {self.certificate} cannot be used: {error}.") from error
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _reread(self, read: Callable[[], T]) -> Callable[[], T | None]:
        """Return a function that reads the files if they have changed; None stands for "as before"."""
        parsed = Parsed([path for path in (self.certificate, self.key, self.client_ca) if path], read)
        told: set[str] = set()

        def reread() -> T | None:
            try:
                return parsed.value()
            except CertificateError as error:
                if str(error) not in told:
                    log.warning("certificate not read", extra={"reason": str(error), "used": "the one before"})
                told.add(str(error))
                return None

        return reread

    def _read(self) -> grpc.ServerCertificateConfiguration:
        chain, key = _content("tls_certificate", self.certificate), _content("tls_key", self.key)
        self._check(chain, key)
        roots = None if self.client_ca is None else _content("tls_client_ca", self.client_ca)
        if roots is not None:
            _certificates("tls_client_ca", self.client_ca, roots)
        return grpc.ssl_server_certificate_configuration([(key, chain)], roots)

    def _check(self, chain: bytes, key: bytes) -> None:
        first = _certificates("tls_certificate", self.certificate, chain)[0]
        if _private_key(self.key, key).public_key() != first.public_key():
            raise CertificateError(
                f"tls_certificate, tls_key: {self.key} is not the key of {self.certificate}; name the two files that "
                "belong together."
            )
        if pki.utc_now() >= first.not_valid_after_utc:
            raise CertificateError(
                f"tls_certificate: {self.certificate} has expired at {first.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; "
                "renew it (headgate pki issue)."
            )
        log.info("certificate read", extra={"path": str(self.certificate), "until": str(first.not_valid_after_utc)})


def _content(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{setting}: {path} cannot be read: {error.strerror}.") from error


def _certificates(setting: str, path: Path | None, pem: bytes) -> Any:
    try:
        return pki.certificates_from(pem)
    except PkiError as error:
        raise CertificateError(f"{setting}: {path}: {error} Certificates in PEM are needed.") from error


def _private_key(path: Path, pem: bytes) -> Any:
    try:
        return pki.any_key_from(pem)
    except PkiError as error:
        text = f"tls_key: {path} holds no private key in PEM without a password; name a file that does."
        raise CertificateError(text) from error
