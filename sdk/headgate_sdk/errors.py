"""Errors: what the controller refused, with every fault; that it was not reached; that hosts did not follow in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc

from headgate_common.refusals import Fault, is_taken, read_refusal


class HeadgateError(Exception):
    """Base of everything that a call can fail with."""


class UnreachableError(HeadgateError):
    """No controller answered in time; whether the change was made is not known."""


class RefusedError(HeadgateError):
    """The controller answered, and said no.

    `reason` is for programs ("STALE_ETAG"), `metadata` what came with it ("referrers"), `faults` everything that is
    wrong with the request, as far as it is about fields.
    """

    def __init__(
        self, message: str, *, reason: str = "", faults: Sequence[Fault] = (), metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("\n".join([message, *(f"  {f.field}: {f.text} ({f.reason})" for f in faults)]))
        self.reason = reason
        self.faults = tuple(faults)
        self.metadata = dict(metadata or {})


class NotFoundError(RefusedError):
    """There is no resource of that name."""


class AlreadyExistsError(RefusedError):
    """The name is taken."""


class InvalidError(RefusedError):
    """The request breaks rules; `faults` holds every one."""


class NotRealisedError(HeadgateError):
    """The resource is stored, but the network was not as intended by the deadline.

    `waiting_for` holds, for each host that has not followed, why ("" stands for the controller itself).
    """

    def __init__(self, name: str, waiting_for: Mapping[str, str], conditions: Mapping[str, str]) -> None:
        found = [f"  {host or 'the controller'}: {why}" for host, why in waiting_for.items()]
        found += [f"  {reason}: {text}" for reason, text in conditions.items()]
        super().__init__("\n".join([f"{name} is stored, but the network does not follow yet.", *found]))
        self.name = name
        self.waiting_for = dict(waiting_for)
        self.conditions = dict(conditions)


SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""The codes of calls to a controller that is not there, or that stopped while they waited."""

KINDS: Mapping[grpc.StatusCode, type[RefusedError]] = {
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidError,
}


def is_unanswered(error: BaseException) -> bool:
    """Return whether no controller that leads took the request on, so that another may be asked."""
    return isinstance(error, grpc.RpcError) and error.code() in SILENT and not is_taken(error)


def refusal(error: grpc.RpcError) -> HeadgateError:
    """Return what a failed call says, as an error of this module."""
    code, words = error.code(), error.details() or error.code().name
    if is_unanswered(error) or code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UnreachableError(f"No controller answered in time: {words}")
    said = read_refusal(error)
    kind = KINDS.get(code, RefusedError)
    return kind(words, reason=said.reason, faults=said.faults, metadata=said.metadata)
