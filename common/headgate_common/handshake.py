"""Why client and controller do not come to speak: found out by another handshake, for which the words are known.

What gRPC says of a failed handshake differs from release to release and never says what to do.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

SECONDS = 2.0
ALERT_SECONDS = 0.5
"""How long a controller has to object to what the client showed; by TLS 1.3 it does so after the handshake."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
SETTINGS = 4
"""With the preface and an empty frame of settings a client begins; a server answers with its own.  Source: RFC 9113."""

EXPIRED, NOT_YET_VALID = 10, 9
OTHER_NAME = (62, 64)
"""Source: openssl-verify(1ssl), X509_V_ERR_…"""


def explain(endpoint: str, *, plaintext: bool, ca_file: str = "", certificate: Sequence[str] = ()) -> str:
    """Return why TLS, or its absence, keeps a client from what listens at "host:port"; empty if that is not it.

    `certificate` are the client's own certificate and key, if it has one.
    """
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")
    if endpoint.startswith("unix:") or not port.isdecimal():
        return ""
    place = (host, int(port))
    if plaintext:
        return f"{endpoint} wants TLS: give the file of its CA." if _speaks_tls(place) else ""
    try:
        return _fault(endpoint, place, ca_file, certificate)
    except ssl.SSLCertVerificationError as error:
        return f"{endpoint} {_untrusted(host, ca_file, error)}"
    except ssl.SSLError as error:
        if "CERTIFICATE_REQUIRED" in str(error) or "HANDSHAKE_FAILURE" in str(error):
            return _unwelcome(endpoint, certificate)
        if _speaks_in_the_clear(place):
            return f"{endpoint} speaks no TLS: give the controller a certificate (tls_certificate)."
        return f"{endpoint} does not agree on TLS: {error.reason or error}."
    except OSError:
        return ""


def _fault(endpoint: str, place: tuple[str, int], ca_file: str, certificate: Sequence[str]) -> str:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(*certificate)
    with socket.create_connection(place, SECONDS) as plain, context.wrap_socket(plain, server_hostname=place[0]) as tls:
        tls.settimeout(ALERT_SECONDS)
        try:
            objects = tls.recv(1) == b""
        except TimeoutError:
            objects = False
    return _unwelcome(endpoint, certificate) if objects else ""


def _unwelcome(endpoint: str, certificate: Sequence[str]) -> str:
    if certificate:
        return f"{endpoint} does not take the client's certificate: use one of the CA in its tls_client_ca."
    return f"{endpoint} wants a certificate of the client: give its file and that of its key."


def _untrusted(host: str, ca_file: str, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == EXPIRED:
        return "has a certificate that has expired: renew it on the controller (headgate pki issue controller)."
    if error.verify_code == NOT_YET_VALID:
        return "has a certificate that is not valid yet: set the clocks of both machines."
    if error.verify_code in OTHER_NAME:
        return f"has a certificate for other names: have it issued for {host} too (headgate pki issue … --address)."
    known = ca_file or "the system's CAs"
    return f"has a certificate that no CA in {known} has signed: give the file of the CA that did."


def _speaks_tls(place: tuple[str, int]) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(place, SECONDS) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _speaks_in_the_clear(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, SECONDS) as plain:
            plain.sendall(PREFACE)
            return plain.recv(9)[3:4] == bytes((SETTINGS,))
    except OSError:
        return False
