"""A controller that is reached by TLS."""

from __future__ import annotations

import ssl
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
from controller_site import Controller
from site_pki import SitePki
from token_site import READ_WRITE, SECONDS, TokenSite

from headgate_common import pki
from headgate_common.pki import Role
from headgate_lab.controller import free_port


class TlsSite:
    """A controller on every address of this machine, with a certificate of a CA of its own."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.pki = SitePki(directory)
        self.files = self.pki.issue(Role.CONTROLLER, "ctl1")
        self.port = free_port()
        self.controller = Controller(
            directory / "controller",
            listen=[f"unix:{directory}/controller/api.sock", f"0.0.0.0:{self.port}"],
            tls_certificate=str(self.files.identity),
            **settings,
        )

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def credentials(self, **own: Any) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.pki.authority.bundle(), **own)

    def token(self, *projects: str, access: int = READ_WRITE, expires_in: float | None = None) -> tuple[str, str]:
        """Make a token, for everything unless projects are named, and return its name and its secret."""
        with closing(TokenSite(self.controller, self.address)) as site:
            return site.token(*(projects or ("*",)), access=access, expires_in=expires_in)

    def serial(self) -> int:
        """Return the serial number of the certificate that a new connection meets."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.port), timeout=SECONDS)
        return pki.certificates_from(pem.encode())[0].serial_number
