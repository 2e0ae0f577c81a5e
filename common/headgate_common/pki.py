"""Certificates of a site: what they say, how they are made and judged. Nothing here touches the disk or the clock.

Every certificate is of one role. Hosts can only be clients: with a host's certificate nobody can pose as a controller
or as a database, whatever name is in it. Controllers and OVN's databases are servers, and clients of each other.

Source: RFC 5280; a certificate's common name is what OVN's role "ovn-controller" compares with a chassis' name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAME = "headgate-controller"
"""In every controller's certificate: by it hosts know a controller, wherever they reach it."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a machine's clock may be behind: certificates are valid from so much before they are made."""

CA_LIFETIME = timedelta(days=3650)

LARGEST_REQUEST = 16 * 1024
"""Bytes of a signing request; one for an elliptic key has some hundred. Anybody may send one."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END (?:[A-Z]+ )?PRIVATE KEY-----", re.DOTALL)
_DNS_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*")


class PkiError(ValueError):
    """A certificate, key or request cannot be made or accepted; the message says why and what to do."""


class Role(Enum):
    """Who a certificate is for."""

    CONTROLLER = "controller"
    HOST = "host"


LIFETIMES = {Role.CONTROLLER: timedelta(days=365), Role.HOST: timedelta(days=90)}
_USAGES = {
    Role.CONTROLLER: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    Role.HOST: (ExtendedKeyUsageOID.CLIENT_AUTH,),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names; `addresses` are names and addresses by which API clients reach a controller.

    Raises:
        PkiError: the name or an address is none.
    """

    role: Role
    name: str
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.name):
            raise PkiError(
                f"{self.name!r} cannot be in a certificate; use letters, digits, dots, hyphens and underscores, "
                "at most 63, as in a chassis name."
            )
        if self.role is Role.HOST and (self.name == SERVER_NAME or self.addresses):
            raise PkiError(f"A host's certificate holds its chassis name alone, and that cannot be {SERVER_NAME}.")
        for address in self.addresses:
            _general_name(address)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as text, unencrypted: it belongs in a file of mode 0600 and nowhere else."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def any_key_from(pem: bytes) -> PrivateKeyTypes:
    """Return the private key that is in `pem`, beside whatever else is; another CA's may be of any sort.

    Raises:
        PkiError: there is none that can be used.
    """
    found = _KEY.search(pem)
    try:
        return serialization.load_pem_private_key(found[0] if found else b"", None)
    except (ValueError, TypeError):
        raise PkiError("There is no private key in it.") from None


def key_from(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key that is in `pem`, as this module makes them.

    Raises:
        PkiError: there is none that can be used.
    """
    key = any_key_from(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError("Its private key is not on an elliptic curve; make one with `headgate pki`.")
    return key


def certificates_from(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates that are in `pem`, in their order.

    Raises:
        PkiError: there is none, or one is damaged.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise PkiError(f"There is no certificate in it that can be read: {error}.") from error


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as text."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def self_signed(now: datetime) -> Issuer:
    """Return a new CA, which signs the certificates of programs and no other CA's."""
    key = new_key()
    # Two CAs of a site are told apart by their names, while one takes over from the other.
    subject = _name(f"Headgate CA {x509.random_serial_number():x}"[:20])
    builder = _builder(subject, subject, key.public_key(), now, CA_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return Issuer(builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256()), key)


def issue(
    issuer: Issuer, subject: Subject, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta | None = None
) -> x509.Certificate:
    """Return a certificate of `key` for `subject`, which never outlives its issuer.

    Raises:
        PkiError: the issuer has expired.
    """
    left = issuer.certificate.not_valid_after_utc - now
    if left <= timedelta(0):
        raise PkiError("The CA's own certificate has expired; make another CA with `headgate pki rotate`.")
    name = _name(subject.name)
    life = min(lifetime or LIFETIMES[subject.role], left)
    builder = _builder(name, issuer.certificate.subject, key, now, life)
    own = [subject.name] if subject.role is Role.HOST else [subject.name, SERVER_NAME, *subject.addresses]
    names = [_general_name(text) for text in dict.fromkeys(own)]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(signs=False), True),
        (x509.ExtendedKeyUsage(_USAGES[subject.role]), False),
        (x509.SubjectAlternativeName(names), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, hashes.SHA256())


def signing_request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Return what a host sends to have its key certified, as text."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def requested(pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Return the name and the key of a signing request; all else that it asks for is ignored.

    Raises:
        PkiError: it is none, or whoever sent it does not have the key.
    """
    if len(pem) > LARGEST_REQUEST:
        raise PkiError(f"The signing request has {len(pem)} bytes, more than {LARGEST_REQUEST}; send one for one key.")
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        sound = request.is_signature_valid
    except Exception as error:  # the library has no common type for what is wrong with hostile input
        raise PkiError("The signing request cannot be read; send PKCS #10 in PEM.") from error
    if not sound:
        raise PkiError("The signing request is not signed by the key in it.")
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.key_size < 256:
        raise PkiError("The key of the signing request must be on an elliptic curve of 256 bits or more.")
    return _common_name(request.subject), key


def subject_of(certificate: x509.Certificate) -> Subject:
    """Return whom a certificate names, and in which role.

    Raises:
        PkiError: it is of no role of ours, or its names contradict each other.
    """
    name = _common_name(certificate.subject)
    try:
        extensions = certificate.extensions
        usages = tuple(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        alternative = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise PkiError(
            f"The certificate of {name!r} does not say what it is for; make it with `headgate pki`."
        ) from error
    role = next((role for role, wanted in _USAGES.items() if set(usages) == set(wanted)), None)
    if role is None:
        raise PkiError(f"The certificate of {name!r} is neither a host's nor a controller's.")
    names = [str(general.value) for general in alternative]
    if role is Role.HOST:
        if names != [name]:
            raise PkiError(f"The certificate of {name!r} names {', '.join(names)} besides.")
        return Subject(role, name)
    return Subject(role, name, tuple(text for text in names if text not in (name, SERVER_NAME)))


def issuer_among(certificate: x509.Certificate, authorities: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """Return which of the CAs has signed a certificate, None if none has."""
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return authority
    return None


def check_valid(certificate: x509.Certificate, authorities: Sequence[x509.Certificate], now: datetime) -> None:
    """Return if a certificate can be used now.

    Raises:
        PkiError: it has expired, is not valid yet, or no CA of `authorities` has signed it.
    """
    name = _common_name(certificate.subject)
    clock = f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC."
    if now >= certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc
        raise PkiError(f"The certificate of {name} has expired at {end:%Y-%m-%d %H:%M} UTC; {clock}")
    if now < certificate.not_valid_before_utc:
        start = certificate.not_valid_before_utc
        raise PkiError(f"The certificate of {name} is not valid before {start:%Y-%m-%d %H:%M} UTC; {clock} Set it.")
    if issuer_among(certificate, authorities) is None:
        raise PkiError(f"The certificate of {name} is from another CA than those in ca.pem.")


def renewal_due(certificate: x509.Certificate) -> datetime:
    """Return when a certificate is to be renewed: when a third of its life is left."""
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - life / 3


def utc_now() -> datetime:
    """Return the time, as certificates have it."""
    return datetime.now(UTC)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + lifetime)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        pass
    if not _DNS_NAME.fullmatch(text):
        raise PkiError(f"{text!r} is neither an IP address nor a name of a machine.")
    return x509.DNSName(text)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
