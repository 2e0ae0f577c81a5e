"""What a plan session is told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from google.protobuf.message import Message

from headgate_controller.annotations import rule_of
from headgate_controller.codec import LAST_COMMON_FIELD, KindCodec
from headgate_controller.errors import Violation


class Patience(Enum):
    """What becomes of a fault that steps not told yet may cure."""

    WAIT = "wait"
    """It is found, and open."""

    MANAGED = "managed"
    """It is passed over if what the client manages may cure it; other resources stay as they are."""

    ALL = "all"
    """It is passed over."""


class Finding(NamedTuple):
    """A fault of a planned resource. It is `open` while what the session has not been told yet may cure it."""

    fault: Violation
    open: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource that is to be created or updated, as far as it is known: fields below those that `unknown` names are
    left out. `mask` names the fields that an update changes. A `replacement` takes the place of the resource that was
    planned under its name before.
    """

    codec: KindCodec
    name: str
    message: Message
    unknown: frozenset[str] = frozenset()
    mask: tuple[str, ...] = ()
    replacement: bool = False

    def passed_over(self, fault: Violation) -> bool:
        """Return whether a fault is one of a field that is not known yet."""
        return fault.top in self.unknown

    @property
    def incomplete(self) -> bool:
        """Whether something is unknown that rules may depend on: all but plain values that stand for themselves."""
        fields = (self.codec.descriptor.fields_by_name.get(name) for name in self.unknown)
        return any(
            field is None
            or (
                field.number > LAST_COMMON_FIELD
                and (field.message_type is not None or bool(rule_of(field).format or rule_of(field).references))
            )
            for field in fields
        )
