"""The host stream by certificates: who is let in, who is refused with which words on both sides, and what is renewed
under streams that go on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from controller_site import Controller
from host_stream import host_stream
from refusal import of
from site_pki import Site, SitePki

from api import Api
from headgate.v1 import host_link_pb2 as pb
from headgate_common import pki
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.pki import Role
from headgate_hostagent.certificates import Certificates
from headgate_hostagent.config import AgentConfig
from headgate_hostagent.stream import Link
from headgate_lab.waiting import wait_until

SECONDS = 10.0
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    made = Site(run_directory / "pki")
    with made.running():
        yield made


def expired(site: SitePki, name: str) -> Identity:
    return site.issue(Role.HOST, name, now=pki.utc_now() - 91 * DAY).load()


def refusal(site: Site, identity: Identity, host: str) -> grpc.RpcError:
    """Return how a host is refused."""
    with host_stream(site.hosts, identity) as stream:
        stream.hello(host)
        ended = stream.end()
    assert isinstance(ended, grpc.RpcError)
    return ended


def shaken_off(site: Site, identity: Identity | None) -> None:
    """See that no handshake succeeds: whoever it is never gets to say a word."""
    trusted = site.own.load()
    credentials = grpc.ssl_channel_credentials(trusted.ca_pem)
    if identity is not None:
        credentials = grpc.ssl_channel_credentials(trusted.ca_pem, identity.key_pem, identity.certificate_pem)
    options = [("grpc.ssl_target_name_override", pki.SERVER_NAME), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(site.hosts, credentials, options=options) as channel:
        call = channel.unary_unary("/headgate.v1.HostLinkService/Connect")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def says(site: Site, words: str) -> bool:
    return words in site.controller.log.read_text()


def await_said(site: Site, words: str) -> None:
    wait_until(lambda: says(site, words), seconds=SECONDS, what=f"the controller to log {words!r}")


def test_a_host_is_let_in_by_its_own_certificate_and_told_which_cas_to_trust(site: Site) -> None:
    with host_stream(site.hosts, site.host("h1")) as stream:
        stream.hello("h1", protocol=2)
        assert stream.accept().put["chassis"].chassis.encap_ip == "192.0.2.1"
        assert stream.trusts.get(timeout=SECONDS).encode() == site.authority.bundle()


def test_the_certificate_of_another_chassis_is_refused(site: Site) -> None:
    told = of(refusal(site, site.host("h2"), "h1"))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "CERTIFICATE_REFUSED")
    assert "of h2, and its agent says it is h1" in told.message
    await_said(site, told.message)


def test_a_revoked_certificate_is_refused_and_one_issued_afterwards_is_not(site: Site) -> None:
    identity = site.host("r1")
    site.revoke("r1")
    told = of(refusal(site, identity, "r1"))
    assert (told.code, "of r1 is revoked" in told.message) == ("UNAUTHENTICATED", True)
    await_said(site, "The certificate of r1 is revoked")
    with host_stream(site.hosts, site.host("r1")) as stream:
        stream.hello("r1")
        stream.accept()


def test_a_certificate_that_is_revoked_ends_the_stream_it_opened_and_no_other(site: Site) -> None:
    with host_stream(site.hosts, site.host("r2")) as revoked, host_stream(site.hosts, site.host("r3")) as other:
        for name, stream in (("r2", revoked), ("r3", other)):
            stream.hello(name)
            stream.accept()
        site.revoke("r2")
        ended = revoked.end()
        assert isinstance(ended, grpc.RpcError)
        assert "of r2 is revoked" in of(ended).message
        other.say(report=pb.Report())
        assert other._call.is_active()


def test_a_host_that_is_turned_away_says_so_and_only_by_its_own_certificate(site: Site) -> None:
    def condition(name: str) -> str:
        return next((c.message for c in client.get(f"hosts/{name}").status.conditions), "")

    client = Api(site.controller.api)
    for name in ("c1", "c2"):
        with host_stream(site.hosts, site.host(name)) as stream:
            stream.hello(name)
            stream.accept()
    wait_until(lambda: "is not connected" in condition("c1"), seconds=SECONDS, what="the host to be away")
    refusal(site, site.host("c2"), "c1")
    assert "is turned away: The certificate is of c2, and its agent says it is c1" in condition("c2")
    assert "turned away" not in condition("c1"), "whose name was only claimed"
    identity = site.host("c1")
    site.revoke("c1")
    refusal(site, identity, "c1")
    assert "is turned away: The certificate of c1 is revoked" in condition("c1")
    with host_stream(site.hosts, site.host("c1")) as stream:
        stream.hello("c1")
        stream.accept()
        assert condition("c1") == ""
    wait_until(lambda: condition("c1"), seconds=SECONDS, what="the host to be away again")
    assert "turned away" not in condition("c1")
    client.close()


def test_a_certificate_that_expires_ends_the_stream_it_opened(site: Site) -> None:
    brief = site.issue(Role.HOST, "brief", lifetime=timedelta(seconds=4)).load()
    with host_stream(site.hosts, brief) as stream:
        stream.hello("brief")
        stream.accept()
        ended = stream.end()
    assert isinstance(ended, grpc.RpcError)
    assert "of brief has expired" in of(ended).message


def test_an_expired_certificate_is_refused(site: Site) -> None:
    shaken_off(site, expired(site, "e1"))
    await_said(site, "certificate has expired")


def test_a_certificate_of_another_ca_is_refused_though_the_names_are_the_same(site: Site, tmp_path: Path) -> None:
    shaken_off(site, SitePki(tmp_path).host("h1"))
    await_said(site, "unable to get local issuer certificate")


def test_without_a_certificate_nobody_is_let_in(site: Site) -> None:
    shaken_off(site, None)
    await_said(site, "PEER_DID_NOT_RETURN_A_CERTIFICATE")


def test_the_host_stream_is_never_in_the_clear_on_tcp(site: Site) -> None:
    with grpc.insecure_channel(site.hosts) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/headgate.v1.HostLinkService/Connect")(b"", timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_controllers_certificate_is_no_hosts(site: Site) -> None:
    told = of(refusal(site, site.own.load(), "ctl1"))
    assert "of ctl1 is a controller's, and no host's" in told.message
    await_said(site, told.message)


def presented(site: Site, identity: Identity, directory: Path) -> int:
    """Return the serial number of the certificate that the controller shows in a handshake."""
    files = IdentityFiles(directory)
    files.save(identity.key, identity.certificate_pem, identity.ca_pem)
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(str(files.identity))
    context.set_alpn_protocols(["h2"])
    host, _, port = site.hosts.rpartition(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=pki.SERVER_NAME) as secure,
    ):
        shown = secure.getpeercert()
    assert shown is not None
    return int(str(shown["serialNumber"]), 16)


def test_certificates_of_both_sides_are_renewed_under_a_stream_that_goes_on(site: Site, tmp_path: Path) -> None:
    identity = site.host("n1")
    with host_stream(site.hosts, identity) as stream:
        stream.hello("n1")
        stream.accept()
        before = presented(site, identity, tmp_path)
        site.issue(Role.CONTROLLER, "ctl1")
        after = site.own.load().certificate.serial_number
        assert presented(site, site.host("n1"), tmp_path) == after != before
        stream.say(report=pb.Report(failures={"x": "y"}))
        assert stream._call.is_active()


@pytest.fixture
def rotated(run_directory: Path) -> Iterator[Site]:
    made = Site(run_directory / "rotated")
    with made.running():
        yield made


def test_another_ca_takes_over_without_a_dropped_stream(rotated: Site, tmp_path: Path) -> None:
    site, old = rotated, rotated.host("h1")
    with host_stream(site.hosts, old) as stream, host_stream(site.hosts, site.host("h2")) as other:
        for name, one in (("h1", stream), ("h2", other)):
            one.hello(name, protocol=2)
            one.accept()
            one.trusts.get(timeout=SECONDS)
        site.authority.rotate(pki.utc_now())
        both = stream.trusts.get(timeout=SECONDS)
        assert len(pki.certificates_from(both.encode())) == 2
        new = site.host("h1")
        for identity in (old, new):
            presented(site, identity, tmp_path)
        site.host("h2")
        site.issue(Role.CONTROLLER, "ctl1")
        site.authority.retire(pki.utc_now())
        assert len(pki.certificates_from(stream.trusts.get(timeout=SECONDS).encode())) == 1
        wait_until(lambda: len(site.own.load().authorities) == 1, seconds=SECONDS, what="the CA beside the controller")
        presented(site, new, tmp_path)
        shaken_off(site, old)
        for one in (stream, other):
            one.say(report=pb.Report())
            assert one._call.is_active(), "streams go on with what they were opened with"


class Mute:
    """An agent's conversation that says hello and nothing more."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.heard = asyncio.Event()

    def greeting(self) -> pb.ConnectRequest:
        return pb.ConnectRequest(hello=pb.Hello(host=self._host, protocol=2, oldest_protocol=1))

    async def hear(self, response: pb.ConnectResponse) -> list[pb.ConnectRequest]:
        self.heard.set()
        return []

    async def reports(self) -> AsyncIterator[pb.ConnectRequest]:
        await asyncio.Event().wait()
        yield pb.ConnectRequest()


class Told(logging.Handler):
    """Waits for an agent to log why it has no stream."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "controller away" and not self.reason.done():
            self.reason.set_result(record.__dict__["reason"])


async def agent_says(controller: str, directory: Path, host: str) -> str:
    """Return why the agent of a host has no stream, by its own log."""
    config = AgentConfig(host=host, controllers=[controller], pki_dir=str(directory))
    told, logger = Told(), logging.getLogger("headgate_hostagent.stream")
    logger.addHandler(told)
    task = asyncio.create_task(Link(config.controllers, Mute(host), Certificates(config)).run())
    try:
        return await asyncio.wait_for(told.reason, SECONDS)
    finally:
        logger.removeHandler(told)
        task.cancel()


def test_an_agent_says_why_it_is_refused(site: Site, tmp_path: Path) -> None:
    def said(name: str, directory: Path | None = None) -> str:
        return asyncio.run(agent_says(site.hosts, directory or site.directory / "host" / name, name))

    site.host("a1")
    assert "is of host a1, and this is host b1" in said("b1", site.directory / "host" / "a1")
    site.revoke("a1")
    assert "The certificate of a1 is revoked" in said("a1")
    expired(site, "a2")
    assert "of a2 has expired at" in said("a2")
    assert "headgate pki enrol" in said("a2")
    assert "identity.pem cannot be read" in said("a3", tmp_path / "nothing")
    foreign = SitePki(tmp_path / "foreign")
    foreign.host("a3")
    theirs = foreign.directory / "host" / "a3"
    assert "of no CA in this host's ca.pem" in said("a3", theirs)
    IdentityFiles(theirs).save_ca(site.authority.bundle())
    assert "from another CA than those in ca.pem" in said("a3", theirs)
    IdentityFiles(theirs).save_ca(site.authority.bundle() + foreign.authority.bundle())
    assert "refused this host's certificate" in said("a3", theirs)


def agent_says_of(certificate: IdentityFiles, site: Site, host: str) -> str:
    """Return why the agent of a host has no stream to somebody who answers with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.identity)
    context.set_alpn_protocols(["h2"])

    async def answer() -> str:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            return await agent_says(address, site.directory / "host" / host, host)
        finally:
            server.close()

    return asyncio.run(answer())


def test_a_host_that_poses_as_a_controller_is_not_believed(site: Site) -> None:
    site.host("h9")
    said = agent_says_of(site.issue(Role.HOST, "h8"), site, "h9")
    assert "CERTIFICATE_VERIFY_FAILED: unsupported certificate purpose" in said


def test_a_host_whose_clock_is_hours_behind_or_ahead_says_so_on_both_sides(site: Site) -> None:
    hours, now = timedelta(hours=5), pki.utc_now()
    for name, made, words in (("c1", now + hours, "is not valid before"), ("c2", now - 91 * DAY, "has expired at")):
        site.issue(Role.HOST, name, now=made)
        said = asyncio.run(agent_says(site.hosts, site.directory / "host" / name, name))
        assert f"The certificate of {name} {words}" in said
        assert f"this machine's clock says {now:%Y-%m-%d %H}" in said
    site.host("c3")
    for made, words in ((now + hours, "is not yet valid"), (now - 2 * hours, "has expired")):
        theirs = site.issue(Role.CONTROLLER, "ctl9", now=made, lifetime=hours)
        said = agent_says_of(theirs, site, "c3")
        assert f"certificate {words}" in said
        assert f"by this host's clock, which says {now:%Y-%m-%d %H}" in said


def test_who_may_open_a_socket_is_its_owner_alone(run_directory: Path) -> None:
    controller = Controller(run_directory / "modes")
    controller.start()
    try:
        for address in (controller.api, controller.hosts):
            assert Path(address.removeprefix("unix:")).stat().st_mode & 0o777 == 0o600
    finally:
        controller.kill()
