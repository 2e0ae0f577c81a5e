"""What this controller trusts and proves itself with: the files of `pki_dir`, and of `ca_dir` where the site's CA is on
this machine. They are looked at for every question, and parsed again only after they have changed.
"""

from __future__ import annotations

import logging
from pathlib import Path

from cryptography import x509

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.parsed import Parsed
from headgate_common.pki import PkiError, Role

log = logging.getLogger(__name__)


class Trust:
    """Every method raises PkiError or OSError if the files cannot be used."""

    def __init__(self, pki_dir: Path, ca_dir: Path) -> None:
        self._files = IdentityFiles(pki_dir)
        self._authority = Authority(ca_dir)
        self._identity = Parsed([self._files.identity, self._files.ca], self._load)
        self._trusted = Parsed([self._files.ca, self._authority.bundle_path], self._trust)
        self._revoked = Parsed([self._authority.issued_path], self._authority.revoked)

    def identity(self) -> Identity:
        """Return this controller's key and certificate."""
        return self._identity.value()

    def authorities(self) -> bytes:
        """Return the CAs of the site, as text."""
        return self._trusted.value()

    def revoked(self) -> frozenset[int]:
        """Return the serial numbers of the certificates that are revoked."""
        return self._revoked.value()

    def voucher(self) -> x509.Certificate:
        """Return the CA by whose word others believe this controller."""
        found = pki.issuer_among(self.identity().certificate, pki.certificates_from(self.authorities()))
        if found is None:
            raise PkiError(f"{self._files.identity} is from another CA than those in ca.pem.")
        return found

    def follow(self) -> tuple[bytes, frozenset[int]]:
        """Return which CAs are trusted and what is revoked, after putting the CAs of the CA's directory beside our
        certificate, and renewing that if it is time.
        """
        trusted = self.authorities()
        if self.identity().ca_pem != trusted:
            self._files.save_ca(trusted)
            log.info("trusted CAs replaced", extra={"path": self._files.ca})
        self._renew()
        return trusted, self.revoked()

    def _renew(self) -> None:
        """Renew our certificate; not while a CA takes over, since not every host may have heard of the new one."""
        identity, now = self.identity(), pki.utc_now()
        if now < pki.renewal_due(identity.certificate) or not self._authority.can_sign or len(identity.authorities) > 1:
            return
        key = pki.new_key()
        certificate = self._authority.issue(identity.subject, key.public_key(), now)
        self._files.save(key, certificate, self._authority.bundle())
        log.info("certificate renewed", extra={"path": self._files.identity})

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
