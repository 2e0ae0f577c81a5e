"""The directory of a site's CA: its certificates and key, and which certificates it has issued.

    ca.pem        the CAs that are trusted; while one replaces another there are two
    signing.pem   the certificate and the key of the one that signs, mode 0600
    issued        one line of JSON for each certificate that has not expired, which also says which are revoked

Several processes may use it at once: whoever writes holds a lock, and every file is written whole.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from headgate_common import pki
from headgate_common.files import write_whole
from headgate_common.pki import PkiError

PRIVATE, PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate that a CA has issued."""

    serial: str
    role: str
    name: str
    until: str
    ca: str
    revoked: str = ""

    @property
    def number(self) -> int:
        """Its serial number."""
        return int(self.serial, 16)


class Authority:
    """A CA directory that is there; `create` makes one.

    Every method that reads or writes raises OSError if the files cannot be used, and PkiError if they are damaged.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._signing = directory / "signing.pem"
        self.bundle_path, self.issued_path = directory / "ca.pem", directory / "issued"

    @classmethod
    def create(cls, directory: Path, now: datetime) -> Authority:
        """Make a CA in `directory`, which is made if it is missing.

        Raises:
            PkiError: there is one already.
        """
        authority = cls(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with authority._locked():
            for path in (authority.bundle_path, authority._signing):
                if path.exists():
                    raise PkiError(f"There is a CA in {directory} already; name another directory.")
            authority._write_ca(pki.self_signed(now), [])
        return authority

    @property
    def can_sign(self) -> bool:
        """Whether the CA's key is here."""
        return self._signing.exists()

    def trusted(self) -> list[x509.Certificate]:
        """Return the CAs that are trusted."""
        return pki.certificates_from(self.bundle_path.read_bytes())

    def bundle(self) -> bytes:
        """Return the CAs that are trusted, as text."""
        return pki.certificate_pem(*self.trusted())

    def issue(
        self, subject: pki.Subject, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta | None = None
    ) -> bytes:
        """Return a new certificate as text, after noting it down."""
        with self._locked():
            issuer = self._signer()
            certificate = pki.issue(issuer, subject, key, now, lifetime)
            note = Issued(
                serial=f"{certificate.serial_number:x}",
                role=subject.role.value,
                name=subject.name,
                until=certificate.not_valid_after_utc.isoformat(),
                ca=pki.fingerprint(issuer.certificate),
            )
            self._note([*self._living(now), note])
        return pki.certificate_pem(certificate)

    def issued(self) -> list[Issued]:
        """Return the certificates that were issued and had not expired when the last one was, in that order."""
        try:
            lines = self.issued_path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        try:
            return [Issued(**json.loads(line)) for line in lines]
        except (ValueError, TypeError) as error:
            raise PkiError(f"{self.issued_path} is damaged: {error}; take it from a backup.") from error

    def revoke(self, matches: Callable[[Issued], bool], now: datetime) -> list[Issued]:
        """Revoke the certificates that match and were not revoked before, and return them."""
        with self._locked():
            before = self._living(now)
            revoked = [note for note in before if matches(note) and not note.revoked]
            if revoked:
                at = now.isoformat()
                self._note(replace(note, revoked=at) if note in revoked else note for note in before)
        return revoked

    def revoked(self) -> frozenset[int]:
        """Return the serial numbers of the certificates that are revoked."""
        return frozenset(note.number for note in self.issued() if note.revoked)

    def rotate(self, now: datetime) -> x509.Certificate:
        """Let a new CA sign from now on and return it; the one before is trusted still, until `retire`.

        Raises:
            PkiError: certificates of a CA that is older still are in use.
        """
        with self._locked():
            signer = self._signer()
            if orphaned := self._not_from(signer, now):
                raise PkiError(f"Another change of the CA is under way: {_words(orphaned)} from the CA before.")
            fresh = pki.self_signed(now)
            self._write_ca(fresh, [signer.certificate])
        return fresh.certificate

    def retire(self, now: datetime) -> None:
        """Trust the CA that signs alone.

        Raises:
            PkiError: certificates of another are in use: the newest of their name, neither revoked nor expired.
        """
        with self._locked():
            signer = self._signer()
            if orphaned := self._not_from(signer, now):
                raise PkiError(f"{_words(orphaned)} from the older CA; renew or revoke what they have first.")
            write_whole(self.bundle_path, pki.certificate_pem(signer.certificate), PUBLIC)

    def _signer(self) -> pki.Issuer:
        pem = self._signing.read_bytes()
        return pki.Issuer(pki.certificates_from(pem)[0], pki.key_from(pem))

    def _not_from(self, signer: pki.Issuer, now: datetime) -> list[Issued]:
        newest = {(note.role, note.name): note for note in self._living(now) if not note.revoked}
        return [note for note in newest.values() if note.ca != pki.fingerprint(signer.certificate)]

    def _living(self, now: datetime) -> list[Issued]:
        return [note for note in self.issued() if datetime.fromisoformat(note.until) > now]

    def _note(self, notes: Iterable[Issued]) -> None:
        lines = "".join(f"{json.dumps(asdict(note))}\n" for note in notes)
        write_whole(self.issued_path, lines.encode(), PUBLIC)

    def _write_ca(self, signer: pki.Issuer, others: list[x509.Certificate]) -> None:
        """Put a CA there; it is trusted before it signs, whenever this is cut short."""
        write_whole(self.bundle_path, pki.certificate_pem(signer.certificate, *others), PUBLIC)
        write_whole(self._signing, pki.key_pem(signer.key) + pki.certificate_pem(signer.certificate), PRIVATE)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _words(notes: list[Issued]) -> str:
    names = ", ".join(f"{note.role} {note.name}" for note in notes[:5])
    more = f" and {len(notes) - 5} more" if len(notes) > 5 else ""
    return f"{names}{more} {'has its' if len(notes) == 1 else 'have their'} newest certificate"
