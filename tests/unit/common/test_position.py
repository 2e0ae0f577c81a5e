"""Streams of changes that break off anywhere are told as if they never had."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from headgate_common.position import Position

Said = tuple[int, str]
"""Revision and name; a mark has no name."""


def stream(log: list[list[str]], after: int) -> Iterator[Said]:
    """Yield what a controller tells whose revisions changed these names, the first revision being 1."""
    if after == 0:
        newest = {name: revision for revision, names in enumerate(log, start=1) for name in names}
        yield from ((newest[name], name) for name in sorted(newest))
    for revision in range(after + 1, len(log) + 1) if after else ():
        yield from ((revision, name) for name in log[revision - 1])
    yield len(log), ""


names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)


@given(st.lists(names, min_size=2, max_size=8), st.lists(st.integers(0, 6), max_size=12), st.integers(1, 2))
def test_streams_that_break_off_anywhere_tell_each_change_once(
    log: list[list[str]], lengths: list[int], after: int
) -> None:
    position, told = Position(after), list[Said]()
    for length in [*lengths, len(log) * 4 + 1]:
        for number, (revision, name) in enumerate(stream(log, position.after)):
            if number == length:
                break
            if position.take(revision, name) and name:
                told.append((revision, name))
    assert told == [(r, name) for r, changed in enumerate(log, start=1) if r > after for name in changed]


@given(st.lists(names, min_size=1, max_size=8), st.integers(0, 5))
def test_what_there_is_at_first_comes_again_until_it_was_told_to_its_end(log: list[list[str]], length: int) -> None:
    position = Position(0)
    said = list(stream(log, 0))
    for revision, name in said[: min(length, len(said) - 1)]:
        assert position.take(revision, name)
    assert position.after == 0
    for revision, name in said:
        assert position.take(revision, name)
    assert position.after == len(log)
