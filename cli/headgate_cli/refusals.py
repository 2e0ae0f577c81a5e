"""What a failed call says, in words: google.rpc.Status from its trailing metadata, or at least its code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from headgate_cli.errors import CliError, NotFoundError, UnreachableError

DETAILS = "grpc-status-details-bin"
"""Where gRPC carries the rich status."""

REFERRERS = "referrers"
"""Metadata of a refused deletion: who uses the resource, separated by commas."""

ADVICE = {
    grpc.StatusCode.UNAUTHENTICATED: "The token is taken from --token-file, HEADGATE_TOKEN or HEADGATE_TOKEN_FILE.",
    grpc.StatusCode.UNIMPLEMENTED: "The controller does not know this kind: is it of the same version?",
}


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of one field of a request: where, a stable reason, and words that say the fix."""

    field: str
    reason: str
    description: str


class RefusedError(CliError):
    """The controller answered, and said no.

    `reason` is the machine-readable one, `metadata` what came with it; `faults` are those of single fields.
    """

    def __init__(
        self, message: str, reason: str, metadata: Mapping[str, str], faults: Sequence[FieldFault] = ()
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = metadata
        self.faults = tuple(faults)


def is_unanswered(error: grpc.RpcError) -> bool:
    """Whether no controller answered at all."""
    silent = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    return silent and not _packed_status(error)


def unreachable(error: grpc.RpcError, endpoints: Sequence[str]) -> UnreachableError:
    """Return the error for a controller that is not there."""
    return UnreachableError(
        f"Cannot reach a controller at {', '.join(endpoints)}: {error.details()}\n"
        "Is it running? --endpoint or HEADGATE_ENDPOINTS say where it listens."
    )


def read_refusal(error: grpc.RpcError) -> CliError:
    """Return the error for a call that the controller refused: its words, and each fault of a field on a line."""
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(error.details() or "There is no such resource.")
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(_packed_status(error)).details:
        detail.Unpack(info)
        detail.Unpack(bad)
    faults = [FieldFault(v.field, v.reason, v.description) for v in bad.field_violations]
    lines = [f"  {v.field}: {v.description} ({v.reason})" for v in faults]
    words = "Refused:" if faults else error.details() or error.code().name
    advice = [ADVICE[error.code()]] if error.code() in ADVICE else []
    return RefusedError("\n".join([words, *lines, *advice]), info.reason, dict(info.metadata), faults)


def _packed_status(error: grpc.RpcError) -> bytes:
    trailing: Any = error.trailing_metadata() or ()
    value = dict(trailing).get(DETAILS, b"")
    return value if isinstance(value, bytes) else b""
