"""Requests by HTTP to a controller, over TCP or its unix socket."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: str, tls: ssl.SSLContext | None) -> None:
        self._address, self._tls = address, tls
        host, _, port = address.rpartition(":")
        unix = address.startswith("unix:")
        super().__init__("localhost" if unix else host, None if unix else int(port), timeout=SECONDS)

    def connect(self) -> None:
        if not self._address.startswith("unix:"):
            super().connect()
            if self._tls is not None:
                self.sock = self._tls.wrap_socket(self.sock, server_hostname="localhost")
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._address.removeprefix("unix:"))


def ask(
    address: str,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Return the answer to one request at "host:port" or "unix:/path"."""
    connection = _Connection(address, tls)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def samples(address: str) -> dict[str, float]:
    """Return every sample of a controller's metrics by its name and labels ("name|label=value")."""
    families = text_string_to_metric_families(ask(address, "/metrics").text)
    return {
        s.name + "".join(f"|{k}={v}" for k, v in sorted(s.labels.items())): s.value for f in families for s in f.samples
    }
