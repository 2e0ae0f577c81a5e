"""Terraform's values as bytes: whatever arrives is a value, or refused in words."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzzing import damaged, fuzzing, kept
from headgate_terraform.values import UNKNOWN, MalformedValueError, decode, encode

DEEP = 100_000


@fuzzing(500)
@given(damaged(kept("msgpack")))
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x91" * DEEP)
@example(b"\x81" * DEEP)
def test_fuzz_whatever_is_sent_as_messagepack_is_a_value_or_refused(data: bytes) -> None:
    with suppress(MalformedValueError):
        encode(decode(data))


@fuzzing(200)
@given(damaged([json.dumps({"a": [1, 2.5, None, "x"], "b": {}}).encode()]))
@example(b"[" * DEEP)
@example(b'{"a":' * DEEP)
@example(b"1" * 5_000)
@example(b"\xff")
def test_fuzz_whatever_is_sent_as_json_is_a_value_or_refused(data: bytes) -> None:
    with suppress(MalformedValueError):
        decode(b"", data)


def test_what_is_no_value_is_refused_in_words() -> None:
    for encoded in ((b"\xc1", b""), (b"", b"{")):
        with pytest.raises(MalformedValueError, match="What Terraform sent is no value"):
            decode(*encoded)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@fuzzing(200)
@given(VALUES)
def test_fuzz_a_value_that_is_sent_and_read_back_is_sent_alike_again(value: object) -> None:
    assert encode(decode(encode(value))) == encode(value)
