"""Signing hosts' certificates, where the site's CA is on this machine."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import NamedTuple

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.pki import PkiError, Role, Subject
from headgate_controller.errors import HeadgateError, InvalidError, UnavailableError, Violation

log = logging.getLogger(__name__)


class NoAuthorityError(HeadgateError):
    """The site's CA is elsewhere."""

    code, reason = "FAILED_PRECONDITION", "NO_AUTHORITY"


class Signed(NamedTuple):
    """A new certificate and the CAs to trust, in PEM."""

    certificate: str
    authorities: str


class Signer:
    """Issues certificates from the CA in a directory."""

    def __init__(self, ca_dir: Path) -> None:
        self._authority = Authority(ca_dir)
        self._directory = ca_dir

    def check(self) -> None:
        """Return if there is a CA.

        Raises:
            NoAuthorityError: there is none.
        """
        if not self._authority.can_sign:
            raise NoAuthorityError(
                f"The site's CA is not on this controller ({self._directory}); make the host's certificate where it "
                "is: headgate pki issue host NAME."
            )

    async def has_revoked(self, host: str) -> bool:
        """Return whether the newest certificate of a host is revoked.

        Raises:
            UnavailableError: the CA's files cannot be used now.
        """
        try:
            issued = await asyncio.to_thread(self._authority.issued)
        except (PkiError, OSError) as error:
            raise UnavailableError(f"The CA cannot tell what is revoked now: {error}") from error
        own = [note for note in issued if (note.role, note.name) == (Role.HOST.value, host)]
        return bool(own and own[-1].revoked)

    async def sign(self, request: str, host: str) -> Signed:
        """Return a certificate for the key in a signing request.

        Raises:
            NoAuthorityError: there is no CA. InvalidError: the request is none, or another host's.
            UnavailableError: the CA's files cannot be used now.
        """
        self.check()
        try:
            name, key = pki.requested(request.encode())
            subject = Subject(Role.HOST, host)
        except PkiError as error:
            raise InvalidError("", [Violation("signing_request", "INVALID", str(error))]) from error
        if name != host:
            text = (
                f"It is of {name!r}, and the certificate can only be of {host}; set `host` of the agent, or enrol it."
            )
            raise InvalidError("", [Violation("signing_request", "WRONG_HOST", text)])
        try:
            certificate = await asyncio.to_thread(self._authority.issue, subject, key, pki.utc_now())
            authorities = await asyncio.to_thread(self._authority.bundle)
        except (PkiError, OSError) as error:
            raise UnavailableError(f"The CA cannot sign now: {error}") from error
        serial = f"{pki.certificates_from(certificate)[0].serial_number:x}"
        log.info("certificate issued", extra={"host": f"hosts/{host}", "serial": serial})
        return Signed(certificate.decode(), authorities.decode())
