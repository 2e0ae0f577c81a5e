"""Where one JSON message ends and the next begins: OVSDB writes them back to back, with nothing between.

Whole chunks are counted at the speed of C, and only a chunk that holds a boundary is looked at token by token, so that
a message of many megabytes costs little more than its parsing.

Source: RFC 7047, section 4.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

# A string never closed before the end of the buffer is taken whole, so that its braces are not counted.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}]', re.DOTALL)
_BOUNDARY = re.compile(rb"}\s*{")


class JsonStream:
    """Turns chunks of bytes, cut anywhere, into the JSON objects they carry, in order."""

    __slots__ = ("_buffer", "_depth", "_escape", "_in_string")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._depth = 0
        self._in_string = False
        self._escape = b""

    def feed(self, data: bytes) -> list[Any]:
        """Return the objects that `data` completes.

        Raises: ValueError: what arrived is no JSON.
        """
        self._buffer += data
        outside = self._outside_strings(data)
        self._depth += outside.count(b"{") - outside.count(b"}")
        if self._depth == 0 and not self._in_string:
            return self._whole()
        if _BOUNDARY.search(outside):
            values, used = _split(self._buffer)
            del self._buffer[:used]
            return values
        return []

    def _whole(self) -> list[Any]:
        """Return what the buffer holds, which ends where an object ends: nearly always exactly one."""
        buffer, self._buffer = self._buffer, bytearray()
        try:
            return [orjson.loads(buffer)]
        except orjson.JSONDecodeError:
            values, used = _split(buffer)
            if buffer[used:].strip():
                raise
            return values

    def _outside_strings(self, data: bytes) -> bytes:
        text = self._escape + data
        self._escape = b""
        if b"\\" in text:
            text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
            if text.endswith(b"\\"):
                text, self._escape = text[:-1], b"\\"
        parts = text.split(b'"')
        outside = parts[1::2] if self._in_string else parts[::2]
        self._in_string ^= len(parts) % 2 == 0
        return b'""'.join(outside)


def _split(buffer: bytearray) -> tuple[list[Any], int]:
    """Return the whole objects at the start of `buffer`, and how many bytes they take."""
    values: list[Any] = []
    view = bytes(buffer)
    depth = used = 0
    for token in _TOKEN.finditer(view):
        if token[0] == b"{":
            depth += 1
        elif token[0] == b"}":
            depth -= 1
            if depth == 0:
                values.append(orjson.loads(view[used : token.end()]))
                used = token.end()
    return values, used
