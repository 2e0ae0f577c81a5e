"""A CA's directory and a program's: what is on disk, who may read it, and what a fault leaves behind."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from headgate_common import pki
from headgate_common.authority import Authority, Issued
from headgate_common.identity import IdentityFiles
from headgate_common.pki import PkiError, Role, Subject

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", NOW)


def issue(authority: Authority, name: str, role: Role = Role.HOST, now: datetime = NOW) -> x509.Certificate:
    return pki.certificates_from(authority.issue(Subject(role, name), pki.new_key().public_key(), now))[0]


def of(name: str, note: Issued) -> bool:
    return note.name == name


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path, authority: Authority) -> None:
    files, key = IdentityFiles(tmp_path / "pki"), pki.new_key()
    files.save(key, authority.issue(Subject(Role.HOST, "h1"), key.public_key(), NOW), authority.bundle())
    assert mode(tmp_path / "ca") == 0o700
    secret = {path.name for path in tmp_path.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()}
    assert secret == {"signing.pem", "identity.pem"}
    assert mode(tmp_path / "ca" / "signing.pem") == mode(files.identity) == 0o600


def test_a_ca_is_never_made_over_another(tmp_path: Path, authority: Authority) -> None:
    before = authority.bundle()
    with pytest.raises(PkiError, match="already"):
        Authority.create(tmp_path / "ca", NOW)
    assert authority.bundle() == before


def test_revoked_are_exactly_the_certificates_so_far(authority: Authority) -> None:
    first, second, other = issue(authority, "h1"), issue(authority, "h1"), issue(authority, "h2")
    assert len(authority.revoke(lambda note: of("h1", note), NOW)) == 2
    later = issue(authority, "h1")
    assert authority.revoked() == {first.serial_number, second.serial_number}
    assert authority.revoke(lambda note: of("h3", note), NOW) == []
    assert {int(note.serial, 16) for note in authority.issued()} >= {other.serial_number, later.serial_number}


def test_expired_certificates_are_forgotten(authority: Authority) -> None:
    issue(authority, "h1")
    issue(authority, "h2", now=NOW + 91 * DAY)
    assert [note.name for note in authority.issued()] == ["h2"]


def test_two_that_issue_at_once_forget_nothing(authority: Authority) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: issue(authority, f"h{number}"), range(32)))
    assert {note.number for note in authority.issued()} == {certificate.serial_number for certificate in made}


def test_a_new_ca_takes_over_while_the_one_before_is_trusted(authority: Authority) -> None:
    old = issue(authority, "h1")
    authority.rotate(NOW)
    new = issue(authority, "h2")
    for certificate in (old, new):
        pki.check_valid(certificate, authority.trusted(), NOW)
    assert pki.issuer_among(old, authority.trusted()) != pki.issuer_among(new, authority.trusted())


def test_a_ca_is_not_retired_while_somebodys_newest_certificate_is_from_it(authority: Authority) -> None:
    issue(authority, "ctl1", Role.CONTROLLER)
    issue(authority, "h1")
    issue(authority, "h2")
    authority.rotate(NOW)
    issue(authority, "h1")
    for attempt in (authority.retire, authority.rotate):
        with pytest.raises(PkiError, match="controller ctl1, host h2 have"):
            attempt(NOW)
    assert len(authority.trusted()) == 2
    issue(authority, "ctl1", Role.CONTROLLER)
    authority.revoke(lambda note: of("h2", note), NOW)
    authority.retire(NOW)
    assert len(authority.trusted()) == 1
    with pytest.raises(PkiError, match="another CA"):
        pki.check_valid(issue(Authority.create(authority._directory / "x", NOW), "h1"), authority.trusted(), NOW)


def test_a_change_of_ca_that_was_cut_short_can_be_repeated(tmp_path: Path, authority: Authority) -> None:
    signing = (tmp_path / "ca" / "signing.pem").read_bytes()
    issue(authority, "h1")
    authority.rotate(NOW)
    (tmp_path / "ca" / "signing.pem").write_bytes(signing)  # as if power had failed between the two files
    pki.check_valid(issue(authority, "h1"), authority.trusted(), NOW)
    authority.rotate(NOW)
    pki.check_valid(issue(authority, "h1"), authority.trusted(), NOW)


def test_a_damaged_list_of_certificates_is_told_and_nothing_is_taken_as_not_revoked(
    tmp_path: Path, authority: Authority
) -> None:
    issue(authority, "h1")
    (tmp_path / "ca" / "issued").write_text('{"serial": "1"')
    with pytest.raises(PkiError, match="issued is damaged"):
        authority.revoked()


def test_a_program_is_told_which_file_is_wrong(tmp_path: Path, authority: Authority) -> None:
    files, key = IdentityFiles(tmp_path), pki.new_key()
    with pytest.raises(PkiError, match=r"identity.pem cannot be read: No such file.*headgate pki"):
        files.load()
    files.save(key, authority.issue(Subject(Role.HOST, "h1"), key.public_key(), NOW), authority.bundle())
    assert files.load().subject == Subject(Role.HOST, "h1")
    files.identity.write_bytes(pki.key_pem(pki.new_key()) + files.load().certificate_pem)
    with pytest.raises(PkiError, match=r"identity.pem: .*do not belong together"):
        files.load()
    files.save(key, authority.issue(Subject(Role.HOST, "h1"), key.public_key(), NOW), authority.bundle())
    files.ca.write_text("")
    with pytest.raises(PkiError, match=r"ca.pem: There is no certificate"):
        files.load()


def test_a_certificate_of_another_key_is_not_put_there(tmp_path: Path, authority: Authority) -> None:
    files = IdentityFiles(tmp_path)
    with pytest.raises(PkiError, match="not of the key"):
        files.save(
            pki.new_key(),
            authority.issue(Subject(Role.HOST, "h1"), pki.new_key().public_key(), NOW),
            authority.bundle(),
        )
    assert not files.identity.exists()
