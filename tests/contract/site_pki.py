"""The certificates of a site for tests: a CA in a directory, whoever a test needs, and a controller that meets hosts by
TCP.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from controller_site import Controller, run
from ovsdb_server import NB_SCHEMA, serving

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.pki import Role, Subject
from headgate_lab.controller import free_port


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


class Site(SitePki):
    """A CA and a controller on its machine, which meets hosts by TCP; `settings` change its configuration."""

    def __init__(self, directory: Path, **settings: object) -> None:
        super().__init__(directory)
        self.own = self.issue(Role.CONTROLLER, "ctl1")
        self.hosts = f"127.0.0.1:{free_port()}"
        own = {"host_listen": [self.hosts], "pki_dir": str(self.own.ca.parent), "ca_dir": str(self.ca)}
        self.controller = Controller(directory, **own | settings)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the controller, with a Northbound, while the block runs: without one, a new store tells hosts nothing."""
        with serving(self.directory / "nb", NB_SCHEMA) as server:
            run("ovn-nbctl", f"--db={server.remote}", "init")
            self.controller.settings["northbound"] = server.remote
            self.controller.start()
            self.controller.await_said("northbound synchronised")
            try:
                yield
                self.controller.stop()
            finally:
                self.controller.kill()
        assert "Traceback" not in self.controller.log.read_text()
