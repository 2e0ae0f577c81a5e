"""The certificates that one program runs with: a directory of two files.

    identity.pem   its private key and its certificate, mode 0600
    ca.pem         the CAs that it trusts

Key and certificate are one file so that a new pair takes the place of the old one at one instant, for us and for Open
vSwitch and OVN: these read both anew only if both files have changed since they last looked.

Source: lib/stream-ssl.c of Open vSwitch, stream_ssl_set_key_and_cert.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from headgate_common import pki
from headgate_common.files import write_whole
from headgate_common.pki import PkiError


@dataclass(frozen=True, slots=True)
class Identity:
    """A program's key and certificate, and the CAs that it trusts."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]

    @property
    def subject(self) -> pki.Subject:
        """Whom the certificate names."""
        return pki.subject_of(self.certificate)

    @property
    def key_pem(self) -> bytes:
        """The key as text."""
        return pki.key_pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as text."""
        return pki.certificate_pem(self.certificate)

    @property
    def ca_pem(self) -> bytes:
        """The CAs as text."""
        return pki.certificate_pem(*self.authorities)


IDENTITY_FILE, CA_FILE = "identity.pem", "ca.pem"


class IdentityFiles:
    """The two files in a directory; they are read anew each time."""

    def __init__(self, directory: Path) -> None:
        self.identity = directory / IDENTITY_FILE
        self.ca = directory / CA_FILE

    def load(self) -> Identity:
        """Return what the files hold.

        Raises:
            PkiError: one is missing, cannot be read or is damaged, or key and certificate do not belong together; the
                message names the file and the fix.
        """
        pem = _content(self.identity)
        with _naming(self.identity):
            key, certificate = pki.key_from(pem), pki.certificates_from(pem)[0]
            if key.public_key() != certificate.public_key():
                raise PkiError("Its key and its certificate do not belong together.")
        ca = _content(self.ca)
        with _naming(self.ca):
            return Identity(key, certificate, tuple(pki.certificates_from(ca)))

    def client(self) -> ssl.SSLContext:
        """Return what a client proves itself with, and by which it judges servers.

        Raises:
            PkiError: as `load`.
        """
        self.load()
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.identity)
        return context

    def save(self, key: ec.EllipticCurvePrivateKey, certificate: bytes, ca: bytes) -> None:
        """Put a key, its certificate and the trusted CAs there; the CAs first, since a peer may have a newer one.

        Raises:
            PkiError: the certificate is not of this key. OSError: the disk refuses.
        """
        if pki.certificates_from(certificate)[0].public_key() != key.public_key():
            raise PkiError("The certificate is not of the key that was made here.")
        self.save_ca(ca)
        write_whole(self.identity, pki.key_pem(key) + certificate, 0o600)

    def save_ca(self, ca: bytes) -> None:
        """Put the trusted CAs there.

        Raises:
            PkiError: it holds no certificate. OSError: the disk refuses.
        """
        write_whole(self.ca, pki.certificate_pem(*pki.certificates_from(ca)))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fix = "make it with `headgate pki issue` or `headgate pki enrol`"
        raise PkiError(f"{path} cannot be read: {error.strerror}; {fix}, or name its directory as pki_dir.") from error


class _naming:  # noqa: N801 - reads as a statement
    """Puts the name of a file before what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PkiError):
            raise PkiError(f"{self._path}: {error}") from error
