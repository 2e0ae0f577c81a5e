"""Durations and points in time, as people write them and as the API holds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_terraform.moments import duration, duration_text, parse_duration, parse_time, spell_duration, timestamp


@pytest.mark.parametrize(
    ("text", "nanoseconds", "shortest"),
    [
        ("0s", 0, "0s"),
        ("1h30m", 5_400_000_000_000, "1h30m"),
        ("5400s", 5_400_000_000_000, "1h30m"),
        ("1.5h", 5_400_000_000_000, "1h30m"),
        ("90s", 90_000_000_000, "1m30s"),
        ("0.1s", 100_000_000, "100ms"),
        ("1.000000001s", 1_000_000_001, "1s1ns"),
        ("250ms", 250_000_000, "250ms"),
        ("1us", 1_000, "1us"),
        ("30m1h", 5_400_000_000_000, "1h30m"),
    ],
)
def test_a_duration_is_exact_and_has_one_shortest_spelling(text: str, nanoseconds: int, shortest: str) -> None:
    assert parse_duration(text) == nanoseconds
    assert spell_duration(nanoseconds) == shortest
    assert duration_text(duration(text)) == shortest


@given(st.integers(0, 10**19))
def test_every_duration_is_read_as_it_is_spelled(nanoseconds: int) -> None:
    assert parse_duration(spell_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 s", "1h 30m", "1d", "1.s", ".5s", "1e3s", "٣s "])
def test_what_is_no_duration_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match='is not a duration; write for example "5m"'):
        parse_duration(text)


def test_a_point_in_time_is_the_same_wherever_it_is_looked_at_from() -> None:
    assert parse_time("2026-01-01T01:00:00+01:00") == parse_time("2026-01-01T00:00:00.000Z")
    assert timestamp("2026-01-01T00:00:00.000000001Z").nanos == 1


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"])
def test_what_is_no_point_in_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not a point in time; write for example"):
        parse_time(text)
