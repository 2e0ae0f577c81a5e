"""What clients of the API do alike: where endpoints and token come from, and to whom they speak in the clear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

ENDPOINTS, CA_FILE = "HEADGATE_ENDPOINTS", "HEADGATE_CA_FILE"
TOKEN, TOKEN_FILE = "HEADGATE_TOKEN", "HEADGATE_TOKEN_FILE"
"""Variables of the environment."""

SENDABLE = re.compile(r"[!-~]+")
HOST_PORT = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})")


def token_from(environment: Mapping[str, str], file: str = "") -> str:
    """Return the token: that of the file if one is named, else of the environment; empty if there is none.

    Raises:
        ValueError: the file cannot be read, or what is there can be no token; the message never holds it.
    """
    path = file or ("" if environment.get(TOKEN) else environment.get(TOKEN_FILE, ""))
    if not path:
        return checked_token(environment.get(TOKEN, ""), TOKEN)
    try:
        return checked_token(Path(path).read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"The file of the token, {path}, cannot be read: {why}.") from error


def checked_token(text: str, where: str) -> str:
    """Return a token without the white space around it.

    Raises:
        ValueError: it can be none; the message says where it is, and not what.
    """
    token = text.strip()
    if token and not SENDABLE.fullmatch(token):
        raise ValueError(f"{where} holds no token: these are one word, as `headgate token create` prints it.")
    return token


def is_plaintext(endpoint: str, *, tls: bool) -> bool:
    """Return whether "host:port" or "unix:/path" is spoken to in the clear: unix sockets always are, other machines
    never, this machine unless `tls` was asked for.
    """
    return endpoint.startswith("unix:") or (not tls and is_loopback(endpoint.rpartition(":")[0].strip("[]")))


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_endpoint(text: str) -> None:
    """See that something is "host:port", "[v6]:port" or "unix:/path".

    Raises:
        ValueError: it is none of these.
    """
    match = HOST_PORT.fullmatch(text)
    if not text.startswith("unix:/") and (match is None or not 0 < int(match[1]) < 65536):
        raise ValueError(f'"{text}" is not an endpoint; write "host:port" or "unix:/path".')


def endpoints_from(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return where controllers listen, as the environment says; empty if it does not."""
    return tuple(part for text in environment.get(ENDPOINTS, "").split(",") if (part := text.strip()))
