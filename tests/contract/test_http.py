"""What the controller serves by HTTP: health, and the ways of the server itself."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from controller_site import Controller, controlling
from http_client import ask
from site_pki import SitePki

from headgate_common import pki
from headgate_common.pki import Role
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until


def test_a_controller_that_runs_is_healthy_and_says_what_keeps_it_from_being_ready(run_directory: Path) -> None:
    with controlling(Controller(run_directory / "alone")) as controller:
        assert (ask(controller.http, "/healthz").status, ask(controller.http, "/healthz").text) == (200, "ok\n")
        answer = ask(controller.http, "/readyz")
        assert answer.status == 503
        assert answer.json["northbound"] == f"{controller.settings['northbound']} is not connected"


def test_a_controller_in_step_with_ovn_is_ready(shared_controller: Controller) -> None:
    wait_until(lambda: ask(shared_controller.http, "/readyz").status == 200, seconds=20, what="the controller ready")
    assert ask(shared_controller.http, "/readyz").json == {"northbound": "ok", "southbound": "ok"}


def test_health_is_served_on_tcp_and_on_several_addresses_at_once(run_directory: Path) -> None:
    directory, port = run_directory / "several", free_port()
    addresses = [f"unix:{directory}/http.sock", f"127.0.0.1:{port}"]
    with controlling(Controller(directory, http_listen=addresses)):
        assert [ask(address, "/healthz").status for address in addresses] == [200, 200]


@pytest.mark.parametrize("path", ["/", "/nothing", "/healthz/", "/healthz/x", "//healthz", "/%00"])
def test_a_path_that_is_none_is_refused_with_those_that_are(shared_controller: Controller, path: str) -> None:
    answer = ask(shared_controller.http, path)
    assert answer.status == 404
    assert "there are /healthz" in answer.text


def test_the_http_server_stops_with_the_controller_though_clients_hang_on(run_directory: Path) -> None:
    controller = Controller(run_directory / "hung")
    with controlling(controller), socket.socket(socket.AF_UNIX) as idle, socket.socket(socket.AF_UNIX) as half:
        for hanging in (idle, half):
            hanging.connect(controller.http.removeprefix("unix:"))
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        controller.stop()
        assert "stopped" in controller.said()


def test_no_address_means_no_server(run_directory: Path) -> None:
    with controlling(Controller(run_directory / "unserved", http_listen=[])) as controller:
        assert not Path(controller.http.removeprefix("unix:")).exists()


def test_with_a_certificate_tcp_is_served_by_tls_wherever_it_listens_and_renewed_without_a_restart(
    run_directory: Path,
) -> None:
    directory, port = run_directory / "https", free_port()
    site_pki = SitePki(directory)
    files = site_pki.issue(Role.CONTROLLER, "ctl1")
    addresses = [f"unix:{directory}/controller/http.sock", f"0.0.0.0:{port}"]
    settings = {"http_listen": addresses, "tls_certificate": str(files.identity), "require_tokens": True}
    tls = ssl.create_default_context(cadata=site_pki.authority.bundle().decode())
    with controlling(Controller(directory / "controller", **settings)) as controller:
        assert ask(f"localhost:{port}", "/healthz", tls=tls).status == 200
        assert ask(f"localhost:{port}", "/terraform/state/a/b", tls=tls).status == 401
        assert ask(controller.http, "/terraform/state/a/b").status == 404
        with pytest.raises(OSError, match=r"reset|closed|Remote"):
            ask(f"localhost:{port}", "/healthz")
        before = serial(port)
        site_pki.issue(Role.CONTROLLER, "ctl1")
        renewed = files.load().certificate.serial_number
        assert before != serial(port) == renewed
        files.identity.write_bytes(b"")
        assert serial(port) == renewed, "what cannot be used replaces nothing"


def serial(port: int) -> int:
    """Return the serial number of the certificate that a new connection meets."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=20)
    return pki.certificates_from(pem.encode())[0].serial_number


def test_an_exposed_address_without_tokens_is_refused(run_directory: Path) -> None:
    settings = {"http_listen": [f"0.0.0.0:{free_port()}"], "require_tokens": False}
    controller = Controller(run_directory / "exposed", **settings)
    controller.launch()
    assert controller.status() == 1
    assert "require_tokens: it is false" in controller.said()
