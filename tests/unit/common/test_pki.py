"""What certificates say, and which are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headgate_common import pki
from headgate_common.pki import SERVER_NAME, PkiError, Role, Subject

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CA = pki.self_signed(NOW)


def certificate(subject: Subject, issuer: pki.Issuer = CA) -> x509.Certificate:
    return pki.issue(issuer, subject, pki.new_key().public_key(), NOW)


def usages(made: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_a_host_can_only_be_a_client_and_has_its_chassis_name_twice() -> None:
    made = certificate(Subject(Role.HOST, "h1.example_2"))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert usages(made) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert [name.value for name in names] == ["h1.example_2"]
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "h1.example_2"
    assert pki.subject_of(made) == Subject(Role.HOST, "h1.example_2")


def test_a_controller_is_known_by_one_name_wherever_it_is_reached() -> None:
    made = certificate(Subject(Role.CONTROLLER, "ctl1", ("ctl1.example", "192.0.2.1", "2001:db8::1")))
    assert ExtendedKeyUsageOID.SERVER_AUTH in usages(made)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert SERVER_NAME in names.get_values_for_type(x509.DNSName)
    assert pki.subject_of(made) == Subject(Role.CONTROLLER, "ctl1", ("ctl1.example", "192.0.2.1", "2001:db8::1"))


@pytest.mark.parametrize("name", ["", "-h1", "h1\n", "h1/CN=h2", "a" * 64, "ü", SERVER_NAME])
def test_a_name_that_is_no_chassis_name_gets_no_host_certificate(name: str) -> None:
    with pytest.raises(PkiError):
        Subject(Role.HOST, name)


@pytest.mark.parametrize("address", ["a b", "*.example", "", "192.0.2.1/24", "x" * 300])
def test_a_controller_is_reached_by_names_and_addresses_only(address: str) -> None:
    with pytest.raises(PkiError, match="neither an IP address nor a name"):
        Subject(Role.CONTROLLER, "ctl1", (address,))


def test_certificates_are_valid_for_a_clock_that_is_a_little_behind_and_then_no_longer() -> None:
    made, trusted = certificate(Subject(Role.HOST, "h1")), [CA.certificate]
    pki.check_valid(made, trusted, NOW - timedelta(minutes=4))
    pki.check_valid(made, trusted, NOW + 89 * DAY)
    with pytest.raises(PkiError, match="h1 has expired at 2026-05-30"):
        pki.check_valid(made, trusted, NOW + 90 * DAY)
    with pytest.raises(PkiError, match="clock says 2026-02-28"):
        pki.check_valid(made, trusted, NOW - timedelta(minutes=6))


def test_a_certificate_of_another_ca_is_refused_though_the_names_are_the_same() -> None:
    made = certificate(Subject(Role.HOST, "h1"), pki.self_signed(NOW))
    with pytest.raises(PkiError, match="another CA"):
        pki.check_valid(made, [CA.certificate], NOW)


def test_a_certificate_is_renewed_when_a_third_of_its_life_is_left() -> None:
    due = pki.renewal_due(certificate(Subject(Role.HOST, "h1")))
    assert abs(due - (NOW + 60 * DAY)) < timedelta(minutes=10)


def test_a_certificate_never_outlives_its_ca() -> None:
    late = NOW + pki.CA_LIFETIME - 10 * DAY
    made = pki.issue(CA, Subject(Role.HOST, "h1"), pki.new_key().public_key(), late)
    assert made.not_valid_after_utc == CA.certificate.not_valid_after_utc
    with pytest.raises(PkiError, match="pki rotate"):
        pki.issue(CA, Subject(Role.HOST, "h1"), pki.new_key().public_key(), NOW + pki.CA_LIFETIME)


def test_serial_numbers_differ() -> None:
    assert len({certificate(Subject(Role.HOST, "h1")).serial_number for _ in range(20)}) == 20


def test_of_a_signing_request_only_name_and_key_count() -> None:
    key = pki.new_key()
    name, public = pki.requested(pki.signing_request(key, "h1"))
    assert (name, public) == ("h1", key.public_key())


def rsa_request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(rsa.generate_private_key(65537, 2048), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def tampered_request() -> bytes:
    pem = pki.signing_request(pki.new_key(), "h1")
    der = x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER).replace(b"h1", b"h2")
    return x509.load_der_x509_csr(der).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", rsa_request()])
def test_what_is_no_signing_request_of_an_elliptic_key_is_refused(pem: bytes) -> None:
    with pytest.raises(PkiError):
        pki.requested(pem)


def test_a_signing_request_by_somebody_without_the_key_is_refused() -> None:
    with pytest.raises(PkiError, match="not signed by the key"):
        pki.requested(tampered_request())


def test_a_certificate_that_names_others_besides_is_no_hosts() -> None:
    key, name = pki.new_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "h1")])
    builder = x509.CertificateBuilder(CA.certificate.subject, name, key.public_key(), 1, NOW, NOW + DAY)
    names = x509.SubjectAlternativeName([x509.DNSName("h1"), x509.DNSName("h2")])
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    with pytest.raises(PkiError, match="h1, h2"):
        pki.subject_of(builder.add_extension(names, critical=False).sign(CA.key, hashes.SHA256()))
    with pytest.raises(PkiError, match="what it is for"):
        pki.subject_of(CA.certificate)


def test_a_key_and_its_certificate_may_share_a_file() -> None:
    key = pki.new_key()
    pem = pki.key_pem(key) + pki.certificate_pem(CA.certificate)
    assert pki.key_from(pem).public_key() == key.public_key()
    assert pki.certificates_from(pem) == [CA.certificate]
    assert isinstance(key.curve, ec.SECP256R1)


def test_a_signing_request_of_any_size_is_refused_before_it_is_read() -> None:
    padded = pki.signing_request(pki.new_key(), "h1") + b"\n" * pki.LARGEST_REQUEST
    with pytest.raises(PkiError, match="bytes, more than"):
        pki.requested(padded)
