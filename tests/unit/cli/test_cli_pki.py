"""`headgate pki` on a CA's own machine."""

from pathlib import Path

import pytest

from command_line import CommandLine, Printed
from headgate_common.authority import Authority
from headgate_common.identity import IdentityFiles


@pytest.fixture
def ca(tmp_path: Path, headgate: CommandLine) -> Path:
    assert headgate("pki", "init", "--ca", str(tmp_path / "ca")).status == 0
    return tmp_path / "ca"


def issue(headgate: CommandLine, ca: Path, role: str, name: str, *more: str) -> Printed:
    return headgate("pki", "issue", role, name, "--ca", str(ca), "--out", str(ca.parent / name), *more)


def test_a_site_has_its_certificates_in_three_commands(headgate: CommandLine, ca: Path) -> None:
    assert "of controller ctl1, until 20" in issue(headgate, ca, "controller", "ctl1", "--address", "192.0.2.1").out
    assert issue(headgate, ca, "host", "h1").status == 0
    assert IdentityFiles(ca.parent / "ctl1").load().subject.addresses == ("192.0.2.1",)
    shown = headgate("pki", "show", "--ca", str(ca)).table
    assert [line[:2] for line in shown[1:]] == [["ROLE", "NAME"], ["controller", "ctl1"], ["host", "h1"]]
    assert headgate("pki", "show", str(ca.parent / "h1")).out.startswith("host h1\n")


def test_no_command_prints_a_key(headgate: CommandLine, ca: Path) -> None:
    printed = [
        issue(headgate, ca, "host", "h1"),
        issue(headgate, ca, "controller", "c"),
        headgate("pki", "rotate", "--ca", str(ca)),
    ]
    printed += [headgate("pki", *words) for words in (["show", "--ca", str(ca)], ["show", str(ca.parent / "h1")])]
    printed += [headgate("pki", "central", str(ca.parent / "c"))]
    secrets = [
        line
        for path in ca.parent.rglob("*.pem")
        for line in path.read_text().partition("PRIVATE KEY-----")[2].splitlines()[1:3]
    ]
    assert secrets
    for one in printed:
        assert one.status == 0
        assert not [line for line in secrets if line in one.out + one.err]


def test_a_second_ca_in_a_directory_is_refused(headgate: CommandLine, ca: Path) -> None:
    again = headgate("pki", "init", "--ca", str(ca))
    assert (again.status, again.out) == (1, "")
    assert "already" in again.err


def test_the_certificate_of_one_is_not_replaced_by_that_of_another(headgate: CommandLine, ca: Path) -> None:
    issue(headgate, ca, "host", "h1")
    refused = headgate("pki", "issue", "host", "h2", "--ca", str(ca), "--out", str(ca.parent / "h1"))
    assert refused.status == 1
    assert "is the certificate of h1" in refused.err


def test_faults_are_told_in_words(headgate: CommandLine, ca: Path) -> None:
    assert "No such file or directory. `headgate pki init`" in headgate("pki", "show", "--ca", str(ca / "nowhere")).err
    assert "letters, digits" in issue(headgate, ca, "host", "h 1").err
    assert "no certificate to host h9" in headgate("pki", "revoke", "host", "h9", "--ca", str(ca)).err


def test_revoked_certificates_are_shown_as_such(headgate: CommandLine, ca: Path) -> None:
    issue(headgate, ca, "host", "h1")
    assert headgate("pki", "revoke", "host", "h1", "--ca", str(ca)).out == "1 of host h1 revoked\n"
    assert headgate("pki", "show", "--ca", str(ca)).table[-1][4] != "-"
    assert Authority(ca).revoked()


def test_a_ca_is_replaced_in_steps_that_refuse_to_cut_anybody_off(headgate: CommandLine, ca: Path) -> None:
    issue(headgate, ca, "host", "h1")
    assert headgate("pki", "rotate", "--ca", str(ca)).status == 0
    refused = headgate("pki", "retire", "--ca", str(ca))
    assert (refused.status, "host h1 has its newest certificate" in refused.err) == (1, True)
    issue(headgate, ca, "host", "h1")
    assert headgate("pki", "retire", "--ca", str(ca)).status == 0
