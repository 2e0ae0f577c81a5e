"""Keys that keep what is stored from being read by whoever gets hold of a file: the database, or a backup of it.

The file has a key in each line, 32 random bytes in base64; lines that begin with # are remarks. What is written is
sealed with the first key, what is read may be sealed with any. So a key is changed by putting a new one on top, and the
old one may go when nothing is sealed with it any more.

Source: NIST SP 800-38D (AES-GCM); with nonces of 96 random bits a key is good for 2^32 seals.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headgate_controller.errors import HeadgateError

KEY_BYTES = 32
NONCE_BYTES = 12
OTHERS = 0o077
"""Permissions of everybody but the owner."""

CLEAR = ""
"""Stands for the key of what is not sealed."""


class KeyFileError(HeadgateError):
    """The file of keys cannot be used."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_KEY_FILE"


class SealedError(HeadgateError):
    """Something is sealed with a key that is not there, or has been changed by somebody."""

    code, reason = "FAILED_PRECONDITION", "SEALED"


class Keyring:
    """Seals with its first key, opens with any; without keys nothing is sealed."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys: Mapping[str, AESGCM] = {_id_of(key): AESGCM(key) for key in keys}
        self.current = next(iter(self._keys), CLEAR)
        """The id of the key that seals."""

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content sealed with the current key; it opens only as what it is about."""
        if self.current == CLEAR:
            return content
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[self.current].encrypt(nonce, content, about.encode())

    def open(self, key: str, sealed: bytes, about: str) -> bytes:
        """Return what was sealed with the key of that id.

        Raises:
            SealedError: the key is not there, or this is not what was sealed.
        """
        if key == CLEAR:
            return sealed
        if key not in self._keys:
            text = f"{about} is sealed with the key {key}, which is not in state_key_file; add the line that holds it."
            raise SealedError(text)
        try:
            return self._keys[key].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            text = f"{about} is not what was sealed with the key {key}: the database was changed, or is damaged."
            raise SealedError(text) from error


def read_keyring(path: str) -> Keyring:
    """Return the keys of a file; none if the path is empty.

    Raises:
        KeyFileError: it cannot be read, others may read it, or a line of it is no key. The message shows none.
    """
    if not path:
        return Keyring()
    try:
        file = Path(path)
        if file.stat().st_mode & OTHERS:
            raise KeyFileError(f"state_key_file: others than its owner may use {path}; chmod 600 it.")
        lines = [line.strip() for line in file.read_text("ascii").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise KeyFileError(f"state_key_file: {path} cannot be read: {why}.") from error
    keys = [_key(line, path, number) for number, line in enumerate(lines, start=1) if line and line[0] != "#"]
    if not keys:
        raise KeyFileError(f"state_key_file: {path} holds no key; head -c 32 /dev/urandom | base64 makes one.")
    return Keyring(keys)


def about_secret(name: str) -> str:
    """Return what the secrets of a resource are sealed as."""
    return f"secrets of {name}"


def about_state(path: str, number: int) -> str:
    """Return what a version of a state is sealed as."""
    return f"version {number} of the state {path}"


def _key(line: str, path: str, number: int) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(
            f"state_key_file: line {number} of {path} is not {KEY_BYTES} bytes in base64; "
            "head -c 32 /dev/urandom | base64 makes a key."
        )
    return key


def _id_of(key: bytes) -> str:
    return sha256(b"headgate key\0" + key).hexdigest()[:16]
