"""What keeps a controller from starting, or from going on: said in one line with the fix, and with an exit status."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from controller_site import Controller, controlling, run
from ovsdb_server import NB_SCHEMA, eventually, serving
from site_pki import SitePki

from api import Api
from headgate.v1 import intent_pb2
from headgate_common.config import load
from headgate_common.pki import Role, utc_now
from headgate_controller import app, turns
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_controller.site import Site


class Refused(Protocol):
    """Returns what a controller with these settings is refused with, before it serves anything."""

    def __call__(self, **settings: Any) -> str: ...


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """In this process: a program of its own for each of so many cases would take a second each."""

    def start(**settings: Any) -> str:
        config = load(ControllerConfig, Controller(tmp_path, **settings).configure(), {}, {})
        with pytest.raises(HeadgateError) as caught:
            asyncio.run(app.run(config, asyncio.Event()))
        said = str(caught.value)
        assert len(said.splitlines()) == 1, said
        return said

    return start


@pytest.fixture(scope="module")
def first(run_directory: Path) -> Iterator[Controller]:
    """A controller that runs; one before it died and left its socket."""
    controller = Controller(run_directory / "first")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(controller.api.removeprefix("unix:"))
    with controlling(controller) as running:
        yield running


def ended(controller: Controller) -> tuple[int, str]:
    """Return the exit status of a controller that ends by itself, and what it said."""
    controller.launch()
    try:
        return controller.status(), controller.said()
    finally:
        controller.kill()


def test_a_program_that_is_refused_its_address_says_so_and_ends(run_directory: Path) -> None:
    status, said = ended(Controller(run_directory / "refused", listen=["0.0.0.0:7443"]))
    assert status == 1
    assert said == (
        "headgate-controller: Cannot listen on 0.0.0.0:7443: it is not on loopback, "
        "and without TLS no other is allowed; set tls_certificate, or use 127.0.0.1:port or unix:/path.\n"
    )


@pytest.mark.parametrize("address", ["[::]:7443", "192.0.2.1:7443", ":7443", "example.org:1", "7443"])
@pytest.mark.parametrize("setting", ["listen", "http_listen"])
def test_an_address_that_is_not_on_loopback_is_refused(refused: Refused, setting: str, address: str) -> None:
    said = refused(**{setting: [address]})
    assert f"Cannot listen on {address}: it is not on loopback" in said
    assert "set tls_certificate, or use 127.0.0.1:port or unix:/path" in said


def test_hosts_are_not_met_without_a_certificate_that_can_be_used(refused: Refused, tmp_path: Path) -> None:
    pki, year = SitePki(tmp_path / "pki"), timedelta(days=400)
    cases = {
        tmp_path / "nothing": "identity.pem cannot be read: No such file or directory; make it with `headgate pki",
        pki.issue(Role.HOST, "h1").ca.parent: "identity.pem is the certificate of a host",
        pki.issue(Role.CONTROLLER, "old", now=utc_now() - year).ca.parent: "of old has expired",
    }
    for directory, words in cases.items():
        for address in ("127.0.0.1:7444", "0.0.0.0:7444"):
            said = refused(host_listen=[address], pki_dir=str(directory))
            assert said.startswith("host_listen: hosts are met with certificates only. pki_dir: ")
            assert words in said


@pytest.mark.parametrize("setting", ["listen", "http_listen"])
def test_a_port_that_is_taken_is_refused(refused: Refused, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert f"Cannot listen on {address}: Address already in use" in refused(**{setting: [address]})


@pytest.mark.parametrize("port", ["65536", "0", "x", "-1", ""])
def test_a_port_that_is_none_is_refused(refused: Refused, port: str) -> None:
    assert f"Cannot listen on 127.0.0.1:{port}: {port!r} is no port" in refused(listen=[f"127.0.0.1:{port}"])


def test_a_socket_that_is_in_use_is_refused_and_not_taken_away(refused: Refused, first: Controller) -> None:
    for address in (first.api, first.api.replace("unix:", "unix://")):
        assert f"Cannot listen on {address}: it is in use" in refused(listen=[address])
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(first.api.removeprefix("unix:")) == 0, "the first one listens still"


def test_a_directory_that_is_not_there_is_named(refused: Refused, run_directory: Path) -> None:
    said = refused(listen=[f"unix:{run_directory}/none/api.sock"])
    assert "none/api.sock: there is no such directory" in said


def test_a_second_controller_on_the_same_database_is_refused(refused: Refused, first: Controller) -> None:
    said = refused(database=first.settings["database"])
    assert f"Another controller has {first.database}" in said
    assert "Stop that one; several share a PostgreSQL" in said


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("sqlite:////dev/null/headgate.db", "Check its URL, its permissions and the disk"),
        ("sqlite:////proc/headgate.db", "Check its URL, its permissions and the disk"),
        ("no url", "Check its URL"),
        ("nosql://x", "Check the URL"),
        ("mysql+nodriver://127.0.0.1:1/headgate", "Check the URL"),
        ("oracle://127.0.0.1:1/headgate", "install the driver"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(refused: Refused, database: str, words: str) -> None:
    said = refused(database=database)
    assert database in said
    assert words in said


@pytest.mark.parametrize("scheme", ["nosql", "mysql+nodriver", "no url, sqlite"])
def test_a_refused_database_is_named_without_its_password(refused: Refused, scheme: str) -> None:
    said = refused(database=f"{scheme}://headgate:s3c/ret@127.0.0.1:1/headgate")
    assert f"{scheme}://headgate:***@127.0.0.1:1/headgate" in said
    assert "s3c" not in said


def test_a_file_that_is_no_database_is_refused_and_kept(refused: Refused, run_directory: Path) -> None:
    file = run_directory / "precious.txt"
    file.write_text("Not a database at all.\n" * 100)
    assert "file is not a database" in refused(database=f"sqlite:///{file}")
    assert file.read_text() == "Not a database at all.\n" * 100


@pytest.mark.parametrize("setting", ["northbound", "southbound"])
@pytest.mark.parametrize("remote", ["nonsense", "ssl:192.0.2.1", "tcp:192.0.2.1", "udp:192.0.2.1:6641", ""])
def test_an_address_of_ovn_that_is_none_is_refused(refused: Refused, setting: str, remote: str) -> None:
    said = refused(**{setting: remote})
    assert f"{setting}: {remote!r} is neither unix:/path nor ssl:address:port" in said


@pytest.mark.parametrize("setting", ["northbound", "southbound"])
def test_a_database_by_certificate_needs_one(refused: Refused, setting: str, tmp_path: Path) -> None:
    said = refused(**{setting: "ssl:192.0.2.1:6641", "pki_dir": str(tmp_path), "northbound_pki_dir": str(tmp_path)})
    assert f"{setting}: it is reached by a certificate. {tmp_path}/identity.pem cannot be read" in said


@pytest.mark.parametrize("module", ["no.such.module", "json"])
def test_an_extra_kind_that_is_none_is_refused(refused: Refused, module: str) -> None:
    assert f"extra_kinds: {module} cannot be used" in refused(extra_kinds=[module])


def test_a_range_of_the_site_that_is_none_is_refused(refused: Refused) -> None:
    assert "service_network" in refused(service_network="100.64.1.1/24")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lissten": ["127.0.0.1:1"]}, "lissten: there is no such key; did you mean listen?"),
        ({"listen": "127.0.0.1:1"}, "listen: expected a list of texts"),
        ({"log_level": "loud"}, "loud"),
        ({"bfd_interval_ms": "fast"}, "bfd_interval_ms: expected a whole number"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused_with_status_2(
    run_directory: Path, settings: dict[str, Any], words: str
) -> None:
    status, said = ended(Controller(run_directory / "unreadable", **settings))
    assert status == 2
    assert len(said.splitlines()) == 1, said
    assert said.startswith("headgate-controller: ")
    assert words in said


def test_a_controller_that_is_told_to_stop_stops_though_clients_hang_on(run_directory: Path) -> None:
    controller = Controller(run_directory / "stopped")
    with controlling(controller):
        api = Api(controller.api)
        watch = api.intent.Watch(intent_pb2.WatchRequest())
        assert next(watch).revision == 0
        controller.stop()
        assert "stopped" in controller.said()
        watch.cancel()
        api.close()


def test_a_controller_that_another_has_replaced_ends_with_words(run_directory: Path) -> None:
    with serving(run_directory / "replaced", NB_SCHEMA) as northbound:
        run("ovn-nbctl", f"--db={northbound.remote}", "init")
        run("ovn-nbctl", f"--db={northbound.remote}", "set", "NB_Global", ".", "external_ids:headgate-epoch=99")
        status, said = ended(Controller(run_directory / "follower", northbound=northbound.remote))
    assert status == 1
    last = said.splitlines()[-1]
    assert last.startswith("headgate-controller: Another controller leads the site now (epoch 1 is over")
    assert "Traceback" not in said


def test_a_controller_that_begins_anew_keeps_nothing_of_what_was_before(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, lives = run_directory / "anew", list[weakref.ref[turns.Site]]()
    config = ControllerConfig(
        listen=[f"unix:{directory}/api.sock"],
        host_listen=[f"unix:{directory}/hosts.sock"],
        http_listen=[],
        database=f"sqlite:///{directory}/headgate.db",
        northbound=f"unix:{directory}/nb.sock",
        southbound=f"unix:{directory}/sb.sock",
    )

    def noted(*parts: Any) -> turns.Site:
        site = Site(*parts)
        lives.append(weakref.ref(site))
        asyncio.get_running_loop().call_later(0.1, site.writer.in_doubt.set)
        return site

    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(config, stop))
        await eventually(lambda: len(lives) > 3)
        stop.set()
        await running

    directory.mkdir()
    monkeypatch.setattr(turns, "Site", noted)
    asyncio.run(live())
    gc.collect()
    assert [life() is None for life in lives[:2]] == [True, True]
