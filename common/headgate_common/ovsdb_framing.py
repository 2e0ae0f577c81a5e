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


LARGEST_MESSAGE = 512 * 1024 * 1024
"""Bytes of one message: a database of a million rows, read as a whole, is less."""


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

        Raises: ValueError: what arrived is no JSON, or has no end.
        """
        self._buffer += data
        if len(self._buffer) > LARGEST_MESSAGE:
            raise ValueError(f"a message has more than {LARGEST_MESSAGE} bytes")
        outside = self._outside_strings(data)
        self._depth += outside.count(b"{") - outside.count(b"}")
        whole = self._depth == 0 and not self._in_string
        several = _BOUNDARY.search(outside)
        if not whole and not several:
            return []
        buffer, self._buffer = self._buffer, bytearray()
        if not several:
            return _one(buffer)
        values, used = _split(bytes(buffer), whole=whole)
        self._buffer = buffer[used:]
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


def _one(buffer: bytearray) -> list[Any]:
    """Return the object that the buffer is; what is only white space is none."""
    try:
        return [orjson.loads(buffer)]
    except orjson.JSONDecodeError:
        if buffer.strip():
            raise
        return []


def _split(view: bytes, *, whole: bool) -> tuple[list[Any], int]:
    """Return the objects at the start of `view`, and how many bytes they take; `whole` if nothing else is there."""
    values: list[Any] = []
    used = 0
    try:
        for boundary in _BOUNDARY.finditer(view):
            end = boundary.start() + 1
            values.append(orjson.loads(view[used:end]))
            used = end
        if whole:
            values.append(orjson.loads(view[used:]))
            used = len(view)
    except orjson.JSONDecodeError:
        # A string holds what looks like a boundary; tried again and again, that could cost the square of its length.
        more, further = _split_by_tokens(view[used:])
        values += more
        used += further
        if whole and view[used:].strip():
            raise
    return values, used


def _split_by_tokens(view: bytes) -> tuple[list[Any], int]:
    """Return the whole objects at the start of `view`, and how many bytes they take."""
    values: list[Any] = []
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
