"""How a host gets its first certificate and how it renews it, with the real controller."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from controller_site import environment
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.duration_pb2 import Duration
from host_stream import channel, host_stream
from refusal import of
from site_pki import Site

from headgate.v1 import pki_pb2, pki_pb2_grpc
from headgate_common import pki
from headgate_common.enrolment import Enrolment
from headgate_common.identity import Identity, IdentityFiles
from headgate_common.pki import Role, Subject
from headgate_hostagent.certificates import Certificates
from headgate_hostagent.config import AgentConfig
from headgate_hostagent.renewal import Renewal
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until

SECONDS = 10.0


class Enrolling(Site):
    """A site that hosts enrol with."""

    api = ""

    def call(self, method: str, request: Any) -> Any:
        """Call a method of the API."""
        with grpc.insecure_channel(self.controller.api) as api:
            return getattr(pki_pb2_grpc.PkiServiceStub(api), method)(request, timeout=SECONDS)  # type: ignore[no-untyped-call]

    def invite(self, host: str, **lifetime: int) -> Enrolment:
        """Return the token of a new enrolment."""
        wanted = Duration(**lifetime) if lifetime else None
        return Enrolment.parse(
            self.call("CreateEnrolment", pki_pb2.CreateEnrolmentRequest(host=host, lifetime=wanted)).token
        )

    def invite_unasked(self, host: str) -> Enrolment:
        """Return a token that looks like one of this site's, without a controller."""
        return Enrolment("0" * 32, pki.fingerprint(self.authority.trusted()[0]), host)

    def enrol(self, secret: str, request: bytes) -> pki_pb2.Certificate:
        """Ask for a certificate."""
        return self.call("Enrol", pki_pb2.EnrolRequest(secret=secret, signing_request=request.decode()))


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Enrolling]:
    made = Enrolling(run_directory / "enrol")
    with made.running():
        yield made


def refused(site: Enrolling, method: str, request: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        site.call(method, request)
    return of(caught.value)


def refused_enrolment(site: Enrolling, secret: str, request: bytes) -> Any:
    return refused(site, "Enrol", pki_pb2.EnrolRequest(secret=secret, signing_request=request.decode()))


def test_a_new_host_gets_a_certificate_for_its_token_and_connects_with_it(site: Enrolling) -> None:
    key, token = pki.new_key(), site.invite("e1")
    assert (token.host, token.ca_fingerprint) == ("e1", pki.fingerprint(site.authority.trusted()[0]))
    answer = site.enrol(token.secret, pki.signing_request(key, "e1"))
    certificate = pki.certificates_from(answer.certificate.encode())[0]
    authorities = tuple(pki.certificates_from(answer.ca_certificates.encode()))
    assert pki.subject_of(certificate) == Subject(Role.HOST, "e1")
    with host_stream(site.hosts, Identity(key, certificate, authorities)) as stream:
        stream.hello("e1")
        stream.accept()


def test_a_token_is_good_for_one_key_which_may_ask_again_if_its_answer_was_lost(site: Enrolling) -> None:
    token, request = site.invite("e2"), pki.signing_request(pki.new_key(), "e2")
    site.enrol(token.secret, request)
    site.enrol(token.secret, request)
    told = refused_enrolment(site, token.secret, pki.signing_request(pki.new_key(), "e2"))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "ENROLMENT_REFUSED")
    assert "was used before" in told.message


def test_a_revoked_host_does_not_come_back_by_the_token_that_it_used(site: Enrolling) -> None:
    token, request = site.invite("e9"), pki.signing_request(pki.new_key(), "e9")
    site.enrol(token.secret, request)
    site.revoke("e9")
    told = refused_enrolment(site, token.secret, request)
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "ENROLMENT_REFUSED")
    assert "is revoked; have another token made: headgate pki invite e9" in told.message
    later, anew = site.invite("e9"), pki.signing_request(pki.new_key(), "e9")
    site.enrol(later.secret, anew)
    site.enrol(later.secret, anew)
    assert refused_enrolment(site, token.secret, request).reason == "ENROLMENT_REFUSED"


def test_a_newer_token_takes_the_place_of_those_made_for_the_host_before(site: Enrolling) -> None:
    older, newer = site.invite("e10"), site.invite("e10")
    assert refused_enrolment(site, older.secret, pki.signing_request(pki.new_key(), "e10")).code == "UNAUTHENTICATED"
    site.enrol(newer.secret, pki.signing_request(pki.new_key(), "e10"))


def test_of_two_that_use_a_token_at_once_one_is_served(site: Enrolling) -> None:
    token = site.invite("e3")
    requests = [pki.signing_request(pki.new_key(), "e3") for _ in range(8)]

    async def ask(api: grpc.aio.Channel, request: bytes) -> bool:
        stub = pki_pb2_grpc.PkiServiceStub(api)  # type: ignore[no-untyped-call]
        try:
            await stub.Enrol(pki_pb2.EnrolRequest(secret=token.secret, signing_request=request.decode()))
        except grpc.aio.AioRpcError:
            return False
        return True

    async def scenario() -> list[bool]:
        async with grpc.aio.insecure_channel(site.controller.api) as api:
            return await asyncio.gather(*(ask(api, request) for request in requests))

    assert sum(asyncio.run(scenario())) == 1


def test_a_token_is_good_for_its_host_alone(site: Enrolling) -> None:
    token = site.invite("e4")
    told = refused_enrolment(site, token.secret, pki.signing_request(pki.new_key(), "e5"))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "ENROLMENT_REFUSED")
    site.enrol(token.secret, pki.signing_request(pki.new_key(), "e4"))


def test_a_token_expires(site: Enrolling) -> None:
    token = site.invite("e6", seconds=1)
    deadline = time.monotonic() + 1
    wait_until(lambda: time.monotonic() > deadline, seconds=5, what="a second to pass")
    told = refused_enrolment(site, token.secret, pki.signing_request(pki.new_key(), "e6"))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "ENROLMENT_REFUSED")


def test_refused_enrolments_are_logged_with_the_peer_and_without_the_secret(site: Enrolling) -> None:
    secret = "5ec3e7" * 5 + "00"
    for _ in range(30):
        refused_enrolment(site, secret, pki.signing_request(pki.new_key(), "e11"))
    log = site.controller.log.read_text()
    assert secret not in log
    lines = [line for line in log.splitlines() if "authentication failed" in line and "ENROLMENT_REFUSED" in line]
    assert 0 < len(lines) < 15


def test_a_request_that_cannot_be_signed_leaves_the_token_good(site: Enrolling) -> None:
    token = site.invite("e7")
    for request in (b"", b"nonsense", pki.signing_request(pki.new_key(), "e7").replace(b"M", b"N")):
        told = refused_enrolment(site, token.secret, request)
        assert (told.code, set(told.words)) == ("INVALID_ARGUMENT", {"signing_request"})
    site.enrol(token.secret, pki.signing_request(pki.new_key(), "e7"))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "a/b"}, "host"),
        ({"host": pki.SERVER_NAME}, "host"),
        ({"host": "h", "lifetime": Duration(seconds=-1)}, "lifetime"),
        ({"host": "h", "lifetime": Duration(seconds=8 * 86_400)}, "lifetime"),
        ({"host": "h", "lifetime": Duration()}, "lifetime"),
    ],
)
def test_an_enrolment_that_makes_no_sense_is_refused(site: Enrolling, wanted: dict[str, Any], field: str) -> None:
    told = refused(site, "CreateEnrolment", pki_pb2.CreateEnrolmentRequest(**wanted))
    assert (told.code, set(told.words)) == ("INVALID_ARGUMENT", {field})


def test_no_secret_of_an_enrolment_and_no_key_is_at_rest_or_in_the_log(site: Enrolling) -> None:
    token, key = site.invite("e8"), pki.new_key()
    site.enrol(token.secret, pki.signing_request(key, "e8"))
    private = pki.key_pem(key).splitlines()[1]
    for path in site.controller.database.parent.glob("headgate.db*"):
        assert token.secret.encode() not in path.read_bytes(), path
        assert bytes.fromhex(token.secret) not in path.read_bytes(), path
    log = site.controller.log.read_bytes()
    assert token.secret.encode() not in log
    assert private not in log
    assert b"certificate issued host=hosts/e8" in log


def test_a_controller_without_the_ca_says_where_to_make_a_certificate(run_directory: Path, tmp_path: Path) -> None:
    site = Enrolling(run_directory / "no-ca", ca_dir=str(tmp_path / "elsewhere"))
    with site.running():
        told = refused(site, "CreateEnrolment", pki_pb2.CreateEnrolmentRequest(host="h1"))
        assert (told.code, told.reason) == ("FAILED_PRECONDITION", "NO_AUTHORITY")
        assert "headgate pki issue host" in told.message
        with pytest.raises(grpc.RpcError) as caught:
            renew(site, site.host("h1"), "h1")
        assert of(caught.value).reason == "NO_AUTHORITY"


def renew(site: Enrolling, identity: Identity, name: str) -> pki_pb2.Certificate:
    with channel(site.hosts, identity) as hosts:
        request = pki_pb2.RenewRequest(signing_request=pki.signing_request(pki.new_key(), name).decode())
        return pki_pb2_grpc.PkiServiceStub(hosts).Renew(request, timeout=SECONDS)  # type: ignore[no-untyped-call, no-any-return]


def test_a_host_renews_its_own_certificate_and_no_other(site: Enrolling) -> None:
    identity = site.host("r1")
    renewed = pki.certificates_from(renew(site, identity, "r1").certificate.encode())[0]
    assert pki.subject_of(renewed) == Subject(Role.HOST, "r1")
    with pytest.raises(grpc.RpcError) as caught:
        renew(site, identity, "r2")
    assert of(caught.value).faults == {("signing_request", "WRONG_HOST")}
    site.revoke("r1")
    with pytest.raises(grpc.RpcError) as caught:
        renew(site, identity, "r1")
    assert of(caught.value).reason == "CERTIFICATE_REFUSED"


def test_nothing_is_renewed_on_the_port_of_the_api(site: Enrolling) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        site.call("Renew", pki_pb2.RenewRequest(signing_request="x"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def renewing(site: Enrolling, host: str, until: Any, after: Any = lambda renewal: None) -> None:
    """Run a host's renewal until something is so."""
    config = AgentConfig(host=host, controllers=[site.hosts], pki_dir=str(site.directory / "host" / host))
    renewal = Renewal(config.controllers, Certificates(config))
    task = asyncio.create_task(renewal.run())
    after(renewal)
    try:
        await asyncio.to_thread(wait_until, until, seconds=SECONDS, what="a renewed certificate")
    finally:
        task.cancel()


def test_a_host_renews_by_itself_before_its_certificate_expires(site: Enrolling) -> None:
    files = site.issue(Role.HOST, "s1", lifetime=timedelta(minutes=2))
    before = files.load()
    asyncio.run(renewing(site, "s1", lambda: files.load().certificate != before.certificate))
    after = files.load()
    assert after.key.public_key() != before.key.public_key()
    assert after.certificate.not_valid_after_utc - pki.utc_now() > timedelta(days=89)


def test_a_host_takes_a_certificate_of_a_new_ca_at_once(run_directory: Path) -> None:
    site = Enrolling(run_directory / "new-ca")
    with site.running():
        files = site.issue(Role.HOST, "s2")
        site.authority.rotate(pki.utc_now())
        files.save_ca(site.authority.bundle())
        newest = site.authority.trusted()[0]
        asyncio.run(
            renewing(
                site,
                "s2",
                lambda: pki.issuer_among(files.load().certificate, [newest]) is not None,
                Renewal.authorities_changed,
            )
        )
        site.issue(Role.CONTROLLER, "ctl1")
        site.authority.retire(pki.utc_now())


def test_a_controller_renews_its_own_certificate_where_the_ca_is(run_directory: Path) -> None:
    site = Enrolling(run_directory / "self")
    before = site.issue(Role.CONTROLLER, "ctl1", lifetime=timedelta(minutes=2)).load()
    with site.running():
        wait_until(
            lambda: site.own.load().certificate != before.certificate, seconds=SECONDS, what="a renewed certificate"
        )
        assert site.own.load().subject == before.subject, "with the same addresses"
        with host_stream(site.hosts, site.host("h1")) as stream:
            stream.hello("h1")
            stream.accept()


class Command(NamedTuple):
    """What `headgate pki enrol` did."""

    status: int
    out: str
    err: str


def enrol_by_command(controller: str, token: object, directory: Path) -> Command:
    """Run the command line of a new host, which knows nothing but its token."""
    done = subprocess.run(
        [sys.executable, "-m", "headgate_cli", "pki", "enrol", "--controller", controller, "--out", str(directory)],
        input=f"{token}\n",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Command(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def remote(run_directory: Path) -> Iterator[Enrolling]:
    """A site whose API is reached by TLS, with the certificate of the host stream."""
    site = Enrolling(run_directory / "remote")
    site.api = f"127.0.0.1:{free_port()}"
    site.controller.settings |= {
        "listen": [site.controller.api, site.api],
        "tls_certificate": str(site.own.identity),
    }
    with site.running():
        yield site


def test_a_new_host_enrols_with_nothing_but_a_token(remote: Enrolling, tmp_path: Path) -> None:
    token = remote.invite("n1")
    done = enrol_by_command(remote.api, token, tmp_path / "pki")
    assert (done.status, done.err) == (0, "")
    assert "of host n1, until" in done.out
    identity = IdentityFiles(tmp_path / "pki").load()
    assert (tmp_path / "pki" / "identity.pem").stat().st_mode & 0o777 == 0o600
    with host_stream(remote.hosts, identity) as stream:
        stream.hello("n1")
        stream.accept()
    again = enrol_by_command(remote.api, token, tmp_path / "pki")
    assert (again.status, "was used before" in again.err) == (1, True)
    assert IdentityFiles(tmp_path / "pki").load().certificate == identity.certificate, "what there was is kept"


def test_a_host_that_lost_its_certificate_while_it_enrolled_gets_it_by_the_same_command(
    remote: Enrolling, tmp_path: Path
) -> None:
    token, directory = remote.invite("n7"), tmp_path / "pki"
    obstacle = directory / "ca.pem.new"
    obstacle.mkdir(parents=True)
    lost = enrol_by_command(remote.api, token, directory)
    assert (lost.status, str(obstacle) in lost.err) == (1, True)
    obstacle.rmdir()
    assert enrol_by_command(remote.api, token, directory).status == 0
    assert IdentityFiles(directory).load().subject == Subject(Role.HOST, "n7")
    assert sorted(file.name for file in directory.iterdir()) == ["ca.pem", "identity.pem"]


def test_on_first_contact_a_controller_of_another_site_is_not_shown_the_secret(
    remote: Enrolling, run_directory: Path, tmp_path: Path
) -> None:
    other = Enrolling(run_directory / "impostor")
    token, before = other.invite_unasked("n2"), remote.controller.log.read_text().count("Enrol")
    done = enrol_by_command(remote.api, token, tmp_path / "pki")
    assert (done.status, done.out) == (1, "")
    assert "is not of the site that the token is for" in done.err
    assert not (tmp_path / "pki").exists()
    assert remote.controller.log.read_text().count("Enrol") == before


def test_what_keeps_a_host_from_enrolling_is_told_in_words(remote: Enrolling, site: Enrolling, tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    assert "made by `headgate pki invite`" in enrol_by_command(remote.api, "hge_x", directory).err
    nowhere = enrol_by_command(f"127.0.0.1:{free_port()}", remote.invite("n3"), directory)
    assert (nowhere.status, "is not reached: " in nowhere.err) == (3, True)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        plain.settimeout(SECONDS)
        address = f"127.0.0.1:{plain.getsockname()[1]}"

        def answer() -> None:
            accepted, _ = plain.accept()
            accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            accepted.close()

        answering = threading.Thread(target=answer)
        answering.start()
        unencrypted = enrol_by_command(address, remote.invite("n4"), directory)
        answering.join()
    assert (unencrypted.status, "does not speak TLS" in unencrypted.err) == (3, True)
    IdentityFiles(directory).save(*made_for(remote, "n5"))
    assert "is the certificate of n5" in enrol_by_command(remote.api, remote.invite("n6"), directory).err


def made_for(site: Enrolling, name: str) -> tuple[ec.EllipticCurvePrivateKey, bytes, bytes]:
    identity = site.host(name)
    return identity.key, identity.certificate_pem, identity.ca_pem
