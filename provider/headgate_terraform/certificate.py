"""The certificate by which Terraform recognises the provider it started: made once, kept in the user's cache."""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

VALID = timedelta(days=365)
RENEW_SECONDS = 180 * 24 * 3600
"""The age at which a kept certificate is replaced, long before it ends."""

_END_OF_KEY = b"-----END PRIVATE KEY-----\n"


def load_certificate(cache: Path) -> tuple[bytes, bytes]:
    """Return key and certificate in PEM, from `cache` where it holds a fresh one.

    Making one costs a quarter of the provider's start, which Terraform does several times for every command. A cache
    that cannot be used is done without.
    """
    file = cache / "provider.pem"
    with suppress(OSError):
        if 0 <= time.time() - file.stat().st_mtime < RENEW_SECONDS and file.stat().st_uid == os.getuid():
            key, separator, certificate = file.read_bytes().partition(_END_OF_KEY)
            if separator and certificate:
                return key + separator, certificate
    key, certificate = _make()
    with suppress(OSError):
        _keep(file, key + certificate)
    return key, certificate


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Several providers may start at once: each writes its own file, and the last whole one stays.
    draft = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.replace(file)


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM)
