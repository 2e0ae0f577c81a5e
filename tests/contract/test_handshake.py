"""What a client is told when TLS, or its absence, keeps it from a controller: the fault, and what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from site_pki import SitePki

from headgate_common import pki
from headgate_common.handshake import explain
from headgate_common.identity import IdentityFiles
from headgate_common.pki import Role, Subject


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> SitePki:
    return SitePki(tmp_path_factory.mktemp("site"))


class Servers:
    """gRPC servers with one certificate each, or none."""

    def __init__(self, site: SitePki) -> None:
        self._site = site
        self._servers: list[grpc.Server] = []

    def serve(self, files: IdentityFiles | None, *, mutual: bool = False) -> int:
        """Return the port of a new one."""
        server = grpc.server(ThreadPoolExecutor(1))
        self._servers.append(server)
        if files is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair, roots = [(files.load().key_pem, files.load().certificate_pem)], self._site.authority.bundle()
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair, roots, mutual))
        server.start()
        return port

    def stop(self) -> None:
        for server in self._servers:
            server.stop(None).wait()


@pytest.fixture
def servers(site: SitePki) -> Iterator[Servers]:
    made = Servers(site)
    yield made
    made.stop()


def test_a_controller_of_another_ca_is_told_with_the_file(site: SitePki, servers: Servers, tmp_path: Path) -> None:
    port, other = servers.serve(site.issue(Role.CONTROLLER, "ctl1")), SitePki(tmp_path)
    wrong = str(other.authority.bundle_path)
    said = explain(f"localhost:{port}", plaintext=False, ca_file=wrong)
    assert said == (
        f"localhost:{port} has a certificate that no CA in {wrong} has signed: give the file of the CA that did."
    )
    assert "no CA in the system's CAs has signed" in explain(f"127.0.0.1:{port}", plaintext=False)
    assert explain(f"localhost:{port}", plaintext=False, ca_file=str(site.authority.bundle_path)) == ""


def test_an_expired_certificate_and_one_of_the_future_are_told(site: SitePki, servers: Servers) -> None:
    ca, now, day = str(site.authority.bundle_path), pki.utc_now(), timedelta(days=1)
    old = servers.serve(site.issue(Role.CONTROLLER, "old", now=now - 2 * day, lifetime=day))
    assert "has expired: renew it on the controller" in explain(f"localhost:{old}", plaintext=False, ca_file=ca)
    new = servers.serve(site.issue(Role.CONTROLLER, "new", now=now + day, lifetime=day))
    assert "is not valid yet: set the clocks" in explain(f"localhost:{new}", plaintext=False, ca_file=ca)


def test_a_certificate_for_other_names_is_told_with_the_one_that_is_missing(
    site: SitePki, servers: Servers, tmp_path: Path
) -> None:
    key, files = pki.new_key(), IdentityFiles(tmp_path)
    subject = Subject(Role.CONTROLLER, "ctl9", ("ctl9.example",))
    files.save(key, site.authority.issue(subject, key.public_key(), pki.utc_now()), site.authority.bundle())
    port, ca = servers.serve(files), str(site.authority.bundle_path)
    for host in ("localhost", "127.0.0.1"):
        said = explain(f"{host}:{port}", plaintext=False, ca_file=ca)
        assert f"for other names: have it issued for {host} too" in said


def test_plaintext_to_tls_and_tls_to_plaintext_are_told(site: SitePki, servers: Servers) -> None:
    secure, plain = servers.serve(site.issue(Role.CONTROLLER, "ctl1")), servers.serve(None)
    assert "wants TLS: give the file of its CA" in explain(f"localhost:{secure}", plaintext=True)
    assert "speaks no TLS: give the controller a certificate" in explain(f"localhost:{plain}", plaintext=False)
    assert explain(f"localhost:{plain}", plaintext=True) == ""


def test_a_certificate_that_the_client_lacks_is_told(site: SitePki, servers: Servers, tmp_path: Path) -> None:
    port = servers.serve(site.issue(Role.CONTROLLER, "ctl1"), mutual=True)
    ca, own = str(site.authority.bundle_path), str(site.issue(Role.HOST, "laptop").identity)
    assert "wants a certificate of the client" in explain(f"localhost:{port}", plaintext=False, ca_file=ca)
    assert explain(f"localhost:{port}", plaintext=False, ca_file=ca, certificate=(own,)) == ""
    stranger = str(SitePki(tmp_path).issue(Role.HOST, "laptop").identity)
    said = explain(f"localhost:{port}", plaintext=False, ca_file=ca, certificate=(stranger,))
    assert "does not take the client's certificate" in said


def test_what_is_not_there_or_silent_is_no_matter_of_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert explain("unix:/nowhere", plaintext=True) == ""
        assert explain(f"127.0.0.1:{port}", plaintext=False) == ""
    assert explain(f"127.0.0.1:{port}", plaintext=False) == ""
    assert explain(f"127.0.0.1:{port}", plaintext=True) == ""
