"""A client of HTTP/2 that sends calls of gRPC and never reads: what no library of gRPC's would do.

Source: RFC 9113, sections 3.4 (preface) and 4.1 (frames); RFC 7541, section 6.2.2 (header fields); gRPC over HTTP2.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
SECONDS = 5.0
"""How long the server may take to read more."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def field(name: str, value: str) -> bytes:
    """Return a header field, not compressed and not remembered; both texts are shorter than 127 bytes."""
    parts = (name.encode(), value.encode())
    assert all(len(part) < 127 for part in parts)
    return b"\0" + b"".join(bytes([len(part)]) + part for part in parts)


def call(stream: int, method: str, token: str, message: bytes) -> bytes:
    """Return the frames of one call."""
    fields = {":method": "POST", ":scheme": "http", ":path": method, ":authority": "localhost", "te": "trailers"}
    fields |= {"content-type": "application/grpc", "authorization": f"Bearer {token}"}
    headers = b"".join(field(name, value) for name, value in fields.items())
    body = b"\0" + struct.pack("!I", len(message)) + message
    return frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, body)


def flood(address: str, method: str, token: str, message: bytes, calls: int) -> socket.socket:
    """Return a connection on which so many calls were sent, as far as the server read them, and nothing was read."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b""))
    with suppress(OSError):
        for number in range(calls):
            connection.sendall(call(2 * number + 1, method, token, message))
    return connection


def pipelined(address: str, request: bytes, times: int) -> socket.socket:
    """Return a connection on which so many requests of HTTP/1.1 were sent, as far as the server read them."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    with suppress(OSError):
        for _ in range(times):
            connection.sendall(request)
    return connection
