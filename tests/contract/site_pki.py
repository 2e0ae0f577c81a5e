"""The certificates of a site for tests: a CA in a directory, and whoever a test needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.pki import Role, Subject


class SitePki:
    """A CA, and directories with the certificates it has issued."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = directory / "ca"
        self.authority = Authority.create(self.ca, pki.utc_now())

    def issue(
        self, role: Role, name: str, *, now: datetime | None = None, lifetime: timedelta | None = None
    ) -> IdentityFiles:
        """Put a certificate into a directory of its holder's, anew if there is one."""
        files, key = IdentityFiles(self.directory / role.value / name), pki.new_key()
        addresses = ("127.0.0.1", "localhost") if role is Role.CONTROLLER else ()
        certificate = self.authority.issue(
            Subject(role, name, addresses), key.public_key(), now or pki.utc_now(), lifetime
        )
        files.save(key, certificate, self.authority.bundle())
        return files

    def host(self, name: str) -> Identity:
        """Return a new certificate of a host."""
        return self.issue(Role.HOST, name).load()

    def revoke(self, name: str) -> None:
        """Revoke what a host was issued."""
        assert self.authority.revoke(lambda note: note.name == name, pki.utc_now())
