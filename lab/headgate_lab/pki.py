"""The certificates of a lab: a CA of its own, and a certificate on the disk of the central machine and of each host."""

from collections.abc import Mapping
from pathlib import Path

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import IdentityFiles
from headgate_common.pki import Role, Subject

LOOPBACK_NAMES = ("localhost", "127.0.0.1")
"""How users of a lab call its controller."""


def make_certificates(ca: Path, central: Path, hosts: Mapping[str, Path]) -> None:
    """Make a CA in a directory, and certificates in those of the central machine and of each host.

    As `headgate pki init` and `headgate pki issue` do, in one process: five of them would take seconds.
    """
    authority = Authority.create(ca, pki.utc_now())
    certify_central(ca, central)
    for name, directory in hosts.items():
        _issue(authority, Subject(Role.HOST, name), directory)


def certify_central(ca: Path, directory: Path) -> None:
    """Make another certificate of the central machine, which runs the controller and OVN's databases."""
    _issue(Authority(ca), Subject(Role.CONTROLLER, "central", LOOPBACK_NAMES), directory)


def _issue(authority: Authority, subject: Subject, directory: Path) -> None:
    key = pki.new_key()
    certificate = authority.issue(subject, key.public_key(), pki.utc_now())
    IdentityFiles(directory).save(key, certificate, authority.bundle())
