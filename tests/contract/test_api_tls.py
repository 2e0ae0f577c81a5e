"""The API by TLS: what it is served with, when it refuses to start, and who is refused in the handshake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Controller, controlling
from refusal import refusal
from site_pki import SitePki
from tls_site import TlsSite
from token_site import SECONDS

from api import Api
from headgate.v1 import intent_pb2
from headgate_common import pki
from headgate_common.config import load
from headgate_common.pki import Role
from headgate_controller import app
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until


@pytest.fixture
def client(shared_tls_site: TlsSite) -> Iterator[Api]:
    made = Api(shared_tls_site.address, token=shared_tls_site.token()[1], credentials=shared_tls_site.credentials())
    yield made
    made.close()


def test_every_address_is_served_by_tls_and_asks_for_a_token(shared_tls_site: TlsSite, client: Api) -> None:
    client.create("projects/tls/vpcs/a")
    client.delete("projects/tls/vpcs/a")
    nobody = Api(shared_tls_site.address, credentials=shared_tls_site.credentials())
    assert refusal(nobody.get, "projects/tls/vpcs/a").reason == "TOKEN_MISSING"
    nobody.close()


def test_a_renewed_certificate_is_used_without_a_restart_and_open_streams_go_on(
    shared_tls_site: TlsSite, client: Api
) -> None:
    watch = client.intent.Watch(intent_pb2.WatchRequest(name_prefix="projects/renewed/"), timeout=30)
    assert next(watch).name == ""
    before = shared_tls_site.serial()
    shared_tls_site.pki.issue(Role.CONTROLLER, "ctl1")
    after = shared_tls_site.files.load().certificate.serial_number
    assert before != after == shared_tls_site.serial()
    client.create("projects/renewed/vpcs/a")
    assert next(change.name for change in watch if change.name) == "projects/renewed/vpcs/a"
    watch.cancel()
    client.delete("projects/renewed/vpcs/a")


def test_a_certificate_that_cannot_be_used_does_not_replace_the_one_before(shared_tls_site: TlsSite) -> None:
    serial, file = shared_tls_site.serial(), shared_tls_site.files.identity
    good = file.read_bytes()
    for bad in (b"", b"half a -----BEGIN CERTIFICATE-----", good[: len(good) // 2]):
        file.write_bytes(bad)
        assert shared_tls_site.serial() == serial
    said = shared_tls_site.controller.said()
    assert "certificate not read" in said
    file.write_bytes(good)
    file.touch()
    wait_until(lambda: shared_tls_site.serial() == serial, seconds=SECONDS, what="the certificate to be read")


def test_with_a_client_ca_clients_need_a_certificate_besides_their_token(run_directory: Path) -> None:
    site = TlsSite(run_directory / "mutual", tls_client_ca=str(run_directory / "mutual/ca/ca.pem"))
    with controlling(site.controller):
        token, holder = site.token()[1], site.pki.issue(Role.HOST, "laptop").load()
        with_certificate = site.credentials(private_key=holder.key_pem, certificate_chain=holder.certificate_pem)
        api = Api(site.address, token=token, credentials=with_certificate)
        api.create("projects/a/vpcs/a")
        api.close()
        for token_or_not, credentials in ((token, site.credentials()), ("", with_certificate)):
            api = Api(site.address, token=token_or_not, credentials=credentials)
            with pytest.raises(grpc.RpcError) as caught:
                api.channel.unary_unary("/headgate.v1.VpcService/ListVpcs")(b"", timeout=SECONDS)
            assert caught.value.code().name == ("UNAUTHENTICATED" if not token_or_not else "UNAVAILABLE")
            api.close()


# What keeps it from starting.


def refused(directory: Path, **settings: Any) -> str:
    """Return what a controller with these settings is refused with."""
    config = load(ControllerConfig, Controller(directory, **settings).configure(), {}, {})
    with pytest.raises(HeadgateError) as caught:
        asyncio.run(asyncio.wait_for(app.run(config, asyncio.Event()), SECONDS))
    said = str(caught.value)
    assert len(said.splitlines()) == 1, said
    return said


@pytest.fixture(scope="module")
def site_pki(tmp_path_factory: pytest.TempPathFactory) -> SitePki:
    return SitePki(tmp_path_factory.mktemp("pki"))


def test_an_exposed_address_without_tokens_is_refused(tmp_path: Path, site_pki: SitePki) -> None:
    certificate = str(site_pki.issue(Role.CONTROLLER, "ctl1").identity)
    said = refused(tmp_path, listen=[f"0.0.0.0:{free_port()}"], tls_certificate=certificate, require_tokens=False)
    assert "require_tokens: it is false" in said
    assert "set it to true" in said


def test_files_that_cannot_be_served_with_are_refused_with_the_setting_and_the_fix(
    tmp_path: Path, site_pki: SitePki
) -> None:
    good, other = (site_pki.issue(Role.CONTROLLER, name) for name in ("good", "other"))
    long_ago = pki.utc_now() - timedelta(days=30)
    old = site_pki.issue(Role.CONTROLLER, "old", now=long_ago, lifetime=timedelta(days=10))
    certificate_only = tmp_path / "only.pem"
    certificate_only.write_bytes(good.load().certificate_pem)
    text = tmp_path / "text.pem"
    text.write_text("hello")
    for settings, words in (
        ({"tls_certificate": "/nowhere/c.pem"}, "tls_certificate: /nowhere/c.pem cannot be read: No such file"),
        ({"tls_certificate": str(text)}, f"tls_certificate: {text}: There is no certificate in it"),
        ({"tls_certificate": str(certificate_only)}, f"tls_key: {certificate_only} holds no private key"),
        (
            {"tls_certificate": str(good.identity), "tls_key": str(other.identity)},
            f"{other.identity} is not the key of {good.identity}",
        ),
        ({"tls_certificate": str(good.identity), "tls_client_ca": str(text)}, f"tls_client_ca: {text}"),
        ({"tls_certificate": str(old.identity)}, "has expired at"),
        ({"tls_key": str(good.identity)}, "they are nothing without tls_certificate"),
    ):
        assert words in refused(tmp_path / "controller", listen=[f"0.0.0.0:{free_port()}"], **settings)
