"""The provider block: its schema, what environment variables say where it says nothing, and what it comes to."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headgate_common.client_access import (
    CA_FILE,
    check_endpoint,
    checked_token,
    endpoints_from,
    is_plaintext,
    token_from,
)
from headgate_terraform import formats
from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar
from headgate_terraform.names import check_id
from headgate_terraform.paths import Path, Problem
from headgate_terraform.timeouts import parse_timeout
from headgate_terraform.validation import validate
from headgate_terraform.values import UNKNOWN, Value

DESCRIPTION = "Virtual networks of Headgate, for clusters of Linux/KVM hosts."
DNS = "dns:///"
DEFAULT_PROJECT = "default"
DEFAULT_DEADLINE = "5m"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a controller listens; `plaintext` only where nobody can listen in."""

    target: str
    plaintext: bool


def parse_endpoint(text: str, *, tls: bool) -> Endpoint:
    """Return the endpoint that "host:port", "[v6]:port" or "unix:/path" names.

    Unix sockets are never encrypted, other machines always, this machine if `tls` was configured.

    Raises:
        ValueError: it is none of these.
    """
    check_endpoint(text)
    return Endpoint(text if text.startswith("unix:/") else f"{DNS}{text}", plaintext=is_plaintext(text, tls=tls))


def _check_endpoint(text: str) -> str | None:
    try:
        check_endpoint(text)
    except ValueError as error:
        return str(error)
    return None


def _check_token(text: str) -> str | None:
    try:
        checked_token(text, "token")
    except ValueError as error:
        return str(error)
    return None


def _check_wait(text: str) -> str | None:
    return None if text in ("all", "none") else f'"{text}" is not one of all, none.'


def _text(name: str, description: str, *checks: object, sensitive: bool = False) -> Attribute:
    scalar = Scalar(type="string", checks=checks)  # type: ignore[arg-type]
    return Attribute(name=name, element=scalar, optional=True, sensitive=sensitive, description=description)


SHAPE = Object(
    attributes=(
        Attribute(
            name="endpoints",
            element=Scalar(type="string", checks=(_check_endpoint,)),
            nesting=Nesting.LIST,
            optional=True,
            description='Where controllers listen: "host:port" or "unix:/path"; the next is tried where one does not '
            "answer. Also HEADGATE_ENDPOINTS, separated by commas.",
        ),
        _text(
            "token",
            "What the provider authenticates with. Also HEADGATE_TOKEN, or the file that HEADGATE_TOKEN_FILE names.",
            _check_token,
            sensitive=True,
        ),
        _text("project", 'The project of what names no parent; "default" if not set. Also HEADGATE_PROJECT.', check_id),
        Attribute(
            name="tls",
            element=Object(
                attributes=(
                    _text("ca_file", "The certificates to trust, in PEM; by default those of the system."),
                    _text("cert_file", "The provider's own certificate, in PEM."),
                    _text("key_file", "The key of `cert_file`, in PEM."),
                )
            ),
            optional=True,
            description="How to encrypt. Connections to other machines always are; those to loopback only with this. "
            "HEADGATE_CA_FILE stands for `ca_file` alone.",
        ),
        _text("wait", 'Whether to wait until the network is as intended: "all" (default) or "none".', _check_wait),
        _text(
            "deadline",
            'How long one change may take, the wait included: "5m" (default).',
            formats.checked(parse_timeout),
        ),
    )
)
"""The attributes of the provider block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A provider block with the environment and the defaults in it.

    `project` is UNKNOWN, and `endpoints` empty, while they depend on resources that do not exist yet.
    """

    endpoints: tuple[Endpoint, ...] = ()
    token: str = ""
    project: Value = DEFAULT_PROJECT
    tls: Mapping[str, str | None] | None = None
    wait: bool = True
    deadline: float = 300.0


def complete(config: dict[str, Value], environment: Mapping[str, str]) -> dict[str, Value]:
    """Return the provider block with what the environment says where it says nothing."""
    fallback = {
        "endpoints": list(endpoints_from(environment)) or None,
        "token": _token(environment),
        "tls": {"ca_file": ca, "cert_file": None, "key_file": None} if (ca := environment.get(CA_FILE)) else None,
        "project": environment.get("HEADGATE_PROJECT") or DEFAULT_PROJECT,
        "wait": "all",
        "deadline": DEFAULT_DEADLINE,
    }
    return {name: fallback.get(name) if value is None else value for name, value in config.items()}


def _token(environment: Mapping[str, str]) -> str | None:
    try:
        return token_from(environment) or None
    except ValueError:
        return None


def problems(config: dict[str, Value], environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with a completed provider block."""
    yield from validate(SHAPE, config)
    if config["token"] is None:
        try:
            token_from(environment)
        except ValueError as error:
            yield Problem("Unusable token", str(error), Path(("token",)))
    tls = config["tls"]
    if isinstance(tls, dict) and (tls["cert_file"] is None) != (tls["key_file"] is None):
        yield Problem("Incomplete tls", "cert_file and key_file are needed together.", Path(("tls",)))
    for name, file in tls.items() if isinstance(tls, dict) else ():
        if isinstance(file, str) and not os.access(file, os.R_OK):
            yield Problem("Unreadable file", f"{file} cannot be read.", Path(("tls", name)))


def settle(config: dict[str, Value]) -> Settings:
    """Return the settings of a completed provider block without problems."""
    tls = config["tls"] if isinstance(config["tls"], dict) else None
    endpoints = config["endpoints"] if isinstance(config["endpoints"], list) else []
    return Settings(
        endpoints=tuple(parse_endpoint(e, tls=tls is not None) for e in endpoints if e is not UNKNOWN),
        token=config["token"] if isinstance(config["token"], str) else "",
        project=config["project"],
        tls=tls,
        wait=config["wait"] != "none",
        deadline=parse_timeout(config["deadline"]) if isinstance(config["deadline"], str) else 300.0,
    )
