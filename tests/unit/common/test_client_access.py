"""Where a client's endpoints and token come from, and to whom it speaks in the clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate_common.client_access import check_endpoint, endpoints_from, is_plaintext, token_from


def test_a_file_that_is_named_comes_before_the_environment_and_that_before_its_file(tmp_path: Path) -> None:
    named, listed = tmp_path / "named", tmp_path / "listed"
    named.write_text(" hg_named\n")
    listed.write_text("hg_listed\n")
    environment = {"HEADGATE_TOKEN": "hg_set", "HEADGATE_TOKEN_FILE": str(listed)}
    assert token_from(environment, str(named)) == "hg_named"
    assert token_from(environment) == "hg_set"
    assert token_from({"HEADGATE_TOKEN_FILE": str(listed)}) == "hg_listed"
    assert token_from({}) == ""


@pytest.mark.parametrize("text", ["", "localhost", "a:0", "a:70000", "http://a:1", "unix:relative", "[::1]", "::1:1"])
def test_what_is_no_endpoint_is_told_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not an endpoint; write "host:port" or "unix:/path"'):
        check_endpoint(text)


@pytest.mark.parametrize("text", ["localhost:7443", "[::1]:7443", "192.0.2.1:1", "unix:/run/headgate/api.sock"])
def test_what_is_an_endpoint_is_taken(text: str) -> None:
    check_endpoint(text)


def test_several_endpoints_are_separated_by_commas() -> None:
    assert endpoints_from({"HEADGATE_ENDPOINTS": " a:1, unix:/b ,,"}) == ("a:1", "unix:/b")
    assert endpoints_from({}) == ()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere, cannot be read: No such file"):
        token_from({}, str(tmp_path / "nowhere"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="binary, cannot be read: it is no text"):
        token_from({}, str(tmp_path / "binary"))


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "hg_\u00fc", "\x00"])
def test_what_can_be_no_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="HEADGATE_TOKEN holds no token") as caught:
        token_from({"HEADGATE_TOKEN": text})
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "tls", "plaintext"),
    [
        ("unix:/run/headgate/api.sock", True, True),
        ("localhost:7443", False, True),
        ("127.0.0.2:7443", False, True),
        ("[::1]:7443", False, True),
        ("localhost:7443", True, False),
        ("ctl1.example:7443", False, False),
        ("192.0.2.1:7443", False, False),
        ("localhost.example:7443", False, False),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_clear(endpoint: str, tls: bool, plaintext: bool) -> None:
    assert is_plaintext(endpoint, tls=tls) is plaintext
