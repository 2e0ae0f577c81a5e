"""Durations and points in time as people write them, to the nanosecond."""

import re
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

SECOND: Final = 1_000_000_000
_UNITS: Final = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
_PART: Final = re.compile(r"(\d+)(?:\.(\d+))?(ms|us|ns|h|m|s)")


def parse_duration(text: str) -> int:
    """Return the nanoseconds that "90s", "1h30m", "1.5s" or "500ms" stand for.

    Raises:
        ValueError: it is not of that form.
    """
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f'"{text}" is not a duration; write for example "5m", "90s" or "1h30m"')
    return sum(_nanoseconds(*part.groups()) for part in parts)


def _nanoseconds(whole: str, fraction: str | None, unit: str) -> int:
    digits = fraction or ""
    return int(whole + digits) * _UNITS[unit] // int(10 ** len(digits))


def spell_duration(nanoseconds: int) -> str:
    """Return the shortest spelling in whole units: "1h30m"."""
    spelled, left = "", nanoseconds
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        spelled += f"{count}{unit}" if count else ""
    return spelled or "0s"


def duration(text: str) -> Duration:
    """Return the message of a duration."""
    message = Duration()
    message.FromNanoseconds(parse_duration(text))
    return message


def duration_text(message: Duration) -> str:
    """Return a message's duration, in its shortest spelling."""
    return spell_duration(message.ToNanoseconds())


def timestamp(text: str) -> Timestamp:
    """Return the message of a point in time written after RFC 3339.

    Raises:
        ValueError: it is none, or not between the years 1 and 9999.
    """
    message = Timestamp()
    try:
        message.FromJsonString(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a point in time; write for example "2026-01-31T15:04:05Z"') from None
    return message


def parse_time(text: str) -> int:
    """Return the nanoseconds since the epoch of a point in time.

    Raises:
        ValueError: it is none.
    """
    return timestamp(text).ToNanoseconds()


def time_text(message: Timestamp) -> str:
    """Return a message's point in time, in UTC."""
    return str(message.ToJsonString())
