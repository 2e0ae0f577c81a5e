"""Packets that ask one question: whether A reaches B, and as whom B sees it.

Sockets are opened in the namespace of A and used from the lab's own process: no process per probe, nothing to leave
behind.
"""

import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass

from headgate_lab.namespaces import Namespace

ECHO_INTERVAL_SECONDS = 0.2
"""Pause between two pings of one probe; the first packet to a new tunnel peer is lost while ARP runs."""

ECHO_REPLY, ECHO_REQUEST = 0, 8
"""Source: RFC 792."""

SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe saw: whether an answer came, which client address the other side named (TCP), and in words."""

    reached: bool
    words: str
    source: str | None = None


def ping(namespace: Namespace, address: str, *, seconds: float) -> Outcome:
    """Send ICMP echoes until one is answered *by that address* or the time is over."""
    ident, token = secrets.randbelow(1 << 16), secrets.token_bytes(16)
    deadline = time.monotonic() + seconds
    words, sequence = SILENCE, 0
    with namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        while (left := deadline - time.monotonic()) > 0:
            try:
                raw.sendto(_echo_request(ident, sequence, token), (address, 0))
            except OSError as error:
                words = error.strerror or str(error)
            replier = _replier(raw, ident, token, until=time.monotonic() + min(left, ECHO_INTERVAL_SECONDS))
            if replier == address:
                return Outcome(reached=True, words="reply")
            if replier:
                words = f"reply from {replier}"
            sequence += 1
    return Outcome(reached=False, words=words)


def connect(namespace: Namespace, address: str, port: int, *, seconds: float) -> Outcome:
    """Connect by TCP and read which client address the listener saw."""
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(seconds)
        try:
            client.connect((address, port))
            source = client.recv(64).decode()
        except TimeoutError:
            return Outcome(reached=False, words=SILENCE)
        except OSError as error:
            return Outcome(reached=False, words=(error.strerror or str(error)).lower())
    return Outcome(reached=True, words=f"seen as {source}", source=source)


class Listener:
    """A TCP listener in a namespace that tells every client which source address it sees, until closed."""

    def __init__(self, namespace: Namespace, port: int) -> None:
        self._socket = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("", port))
        self._socket.listen(64)
        self._thread = threading.Thread(target=self._serve, daemon=True, name=f"{namespace.name}:{port}")
        self._thread.start()

    def close(self) -> None:
        """Stop listening; the namespace is free to go."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, (source, _port) = self._socket.accept()
            except OSError:
                return
            with client:
                try:
                    client.sendall(source.encode())
                except OSError:
                    continue


def _echo_request(ident: int, sequence: int, token: bytes) -> bytes:
    body = struct.pack("!HH", ident, sequence & 0xFFFF) + token
    checksum = _checksum(struct.pack("!BBH", ECHO_REQUEST, 0, 0) + body)
    return struct.pack("!BBH", ECHO_REQUEST, 0, checksum) + body


def _checksum(data: bytes) -> int:
    """Return the Internet checksum of an even number of bytes.  Source: RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _replier(raw: socket.socket, ident: int, token: bytes, *, until: float) -> str | None:
    """Return who answered this probe by `until`; a raw socket also hears everybody else's ICMP."""
    while (left := until - time.monotonic()) > 0:
        raw.settimeout(left)
        try:
            packet, (source, _port) = raw.recvfrom(2048)
        except TimeoutError:
            return None
        icmp = packet[(packet[0] & 0x0F) * 4 :]
        if icmp[0] == ECHO_REPLY and icmp[4:6] == struct.pack("!H", ident) and icmp[8:] == token:
            return str(source)
    return None
