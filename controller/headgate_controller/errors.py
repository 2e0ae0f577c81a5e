"""Errors that a caller of the API caused or can act on: one tree, mapped to gRPC in one place (`rpc_errors.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of one field.

    `field` is its path in the message ("external_subnets[internet].subnet"), `reason` stable, `description` what is
    wrong and what to do. `passing` means that the fault depends on other resources, so that the same request may
    succeed later: another holds the address, another must be created first.

    A fault between two resources names the other one: `holder` has what is asked for, whatever else may still change
    about it; `needs` is not there, or not as it would have to be. "…/-" stands for anything below that name.
    """

    field: str
    reason: str
    description: str
    passing: bool = False
    holder: str = ""
    needs: str = ""

    @property
    def top(self) -> str:
        """The first segment of the path: the field of the resource itself."""
        return self.field.partition(".")[0].partition("[")[0]


class HeadgateError(Exception):
    """Base of the tree; `code` is the name of a gRPC status code, `reason` stable and machine-readable."""

    code: ClassVar[str] = "UNKNOWN"
    reason: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.metadata: Mapping[str, str] = metadata


class InvalidError(HeadgateError):
    """The request, or the network it asks for, breaks rules; all faults at once."""

    code, reason = "INVALID_ARGUMENT", "INVALID"

    def __init__(self, name: str, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        text = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in self.violations)
        retriable = {"retriable": "true"} if all(v.passing for v in self.violations) else {}
        super().__init__(f"{name or 'The request'} is refused: {text}", resource=name, **retriable)


class NotFoundError(HeadgateError):
    """There is no such resource."""

    code, reason = "NOT_FOUND", "NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no {name}.", resource=name)


class AlreadyExistsError(HeadgateError):
    """The name is taken; `retriable` if by a resource that is on its way out."""

    code, reason = "ALREADY_EXISTS", "ALREADY_EXISTS"

    def __init__(self, name: str, *, deleting_because_of: Iterable[str] = ()) -> None:
        holders = sorted(deleting_because_of)
        if holders:
            super().__init__(
                f"{name} is being deleted and still used by {', '.join(holders)}.", resource=name, retriable="true"
            )
        else:
            super().__init__(f"{name} exists already.", resource=name)


def _listed(users: list[str]) -> str:
    return ",".join(users[:100])


class InUseError(HeadgateError):
    """The resource cannot be deleted while others refer to it."""

    code, reason = "FAILED_PRECONDITION", "IN_USE"

    def __init__(self, name: str, referrers: Iterable[str]) -> None:
        users = sorted(referrers)
        shown = ", ".join(users[:10]) + (f" and {len(users) - 10} more" if len(users) > 10 else "")
        super().__init__(
            f"{name} is used by {shown}. Delete these first, "
            "or delete with when_unreferenced to let it vanish with the last of them.",
            resource=name,
            referrers=_listed(users),
        )


class ProtectedError(HeadgateError):
    """The resource cannot be deleted, by whatever way, before its protection is lifted."""

    code, reason = "FAILED_PRECONDITION", "DELETION_PROTECTED"

    def __init__(self, name: str, referrers: Iterable[str]) -> None:
        super().__init__(
            f"{name} is protected against deletion. Update it with deletion_protection = false first, then delete it.",
            resource=name,
            referrers=_listed(sorted(referrers)),
        )


class StaleEtagError(HeadgateError):
    """The caller's copy is out of date; read again and retry (AIP-134)."""

    code, reason = "ABORTED", "STALE_ETAG"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has changed since you read it (the etag differs). Read it again and repeat the change.",
            resource=name,
        )


class RequestReusedError(HeadgateError):
    """A request_id came back with another request."""

    code, reason = "INVALID_ARGUMENT", "REQUEST_ID_REUSED"


class OutOfRangeError(HeadgateError):
    """The log does not reach back that far."""

    code, reason = "OUT_OF_RANGE", "REVISION_COMPACTED"


class InconsistentError(HeadgateError):
    """The store refuses what memory allows; nothing was changed, and repeating the request cannot help."""

    code, reason = "INTERNAL", "STORE_INCONSISTENT"


class UnknownKindError(HeadgateError):
    """A kind is missing, or cannot be loaded; a fault of the configuration."""

    code, reason = "FAILED_PRECONDITION", "UNKNOWN_KIND"


class ExhaustedError(HeadgateError):
    """More is asked for than one caller, or all together, may have at a time."""

    code, reason = "RESOURCE_EXHAUSTED", "TOO_MUCH"


class BusyError(HeadgateError):
    """More is under way than there is room for; the same request succeeds later, and nothing of it was done."""

    code, reason = "RESOURCE_EXHAUSTED", "BUSY"

    def __init__(self, message: str) -> None:
        super().__init__(message, retriable="true")


class TooLargeError(HeadgateError):
    """A message, or a body, has more bytes than are taken."""

    code, reason = "RESOURCE_EXHAUSTED", "TOO_LARGE"


class IdleError(HeadgateError):
    """The caller has been silent for too long."""

    code, reason = "DEADLINE_EXCEEDED", "IDLE"


class UnavailableError(HeadgateError):
    """Cannot be served now; the same request may succeed later."""

    code, reason = "UNAVAILABLE", "UNAVAILABLE"


class NotLeadingError(UnavailableError):
    """Another controller leads the site, or none does for now: clients and agents ask the next of theirs."""

    reason = "NOT_LEADING"
