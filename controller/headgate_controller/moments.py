"""Durations and points in time, which on the wire are messages: nouns hold them in nanoseconds.

Source: google/protobuf/duration.proto, timestamp.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

DURATION, TIMESTAMP = Duration.DESCRIPTOR.full_name, Timestamp.DESCRIPTOR.full_name
SECOND = 1_000_000_000


def is_moment(field: FieldDescriptor) -> bool:
    """Return whether a field holds one value though it is a message."""
    return field.message_type is not None and field.message_type.full_name in (DURATION, TIMESTAMP)


def nanoseconds(value: Any) -> int:
    """Return what a message of either type holds.

    Raises:
        ValueError: it is out of the type's range, or its two parts do not fit together.
    """
    value.ToJsonString()  # the only one of its methods that checks
    return int(value.seconds) * SECOND + int(value.nanos)


def parse_duration(text: str) -> int:
    """Return the nanoseconds of a duration as JSON writes it: "90s"."""
    duration = Duration()
    duration.FromJsonString(text)
    return nanoseconds(duration)


def duration(value: int) -> Duration:
    """Return the message of a duration."""
    written = Duration()
    written.FromNanoseconds(value)
    return written


def timestamp(value: int) -> Timestamp:
    """Return the message of a point in time."""
    written = Timestamp()
    written.FromNanoseconds(value)
    return written
