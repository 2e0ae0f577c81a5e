"""The file of keys: what is refused, and that no refusal shows a key."""

import base64
import os
from pathlib import Path

import pytest

from headgate_controller.store.keyring import KeyFileError, Keyring, SealedError, read_keyring

KEY = base64.b64encode(os.urandom(32)).decode()


@pytest.mark.parametrize(
    ("lines", "mode", "words"),
    [
        (["nonsense"], 0o600, "line 1 of"),
        ([KEY, KEY[:-8]], 0o600, "line 2 of"),
        (["# made in May", "", KEY[4:]], 0o600, "line 3 of"),
        (["# nothing"], 0o600, "holds no key"),
        (["\u00e4"], 0o600, "it is not text"),
        ([KEY], 0o640, "chmod 600 it"),
        ([KEY], 0o604, "chmod 600 it"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_not_shown(
    tmp_path: Path, lines: list[str], mode: int, words: str
) -> None:
    file = tmp_path / "state.key"
    file.write_text("\n".join(lines))
    file.chmod(mode)
    with pytest.raises(KeyFileError) as caught:
        read_keyring(str(file))
    assert str(caught.value).startswith("state_key_file: ")
    assert words in str(caught.value)
    assert not [line for line in lines if line and line in str(caught.value)]


def test_what_is_sealed_opens_with_any_key_of_the_file_and_only_as_what_it_is_about() -> None:
    old, new = os.urandom(32), os.urandom(32)
    before, after = Keyring([old]), Keyring([new, old])
    sealed = before.seal(b"content", "a state")
    assert b"content" not in sealed
    assert after.open(before.current, sealed, "a state") == b"content"
    assert after.current not in ("", before.current)
    with pytest.raises(SealedError, match="is not what was sealed"):
        after.open(before.current, sealed, "another state")
    with pytest.raises(SealedError, match=before.current):
        Keyring([new]).open(before.current, sealed, "a state")


def test_without_keys_nothing_is_sealed() -> None:
    keyring = read_keyring("")
    assert (keyring.current, keyring.seal(b"content", "a state")) == ("", b"content")
