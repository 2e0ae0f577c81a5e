"""What a failed call says, in words."""

from collections.abc import Mapping, Sequence

import grpc

from headgate_cli.errors import CliError, NotFoundError, NotLeadingError, UnreachableError
from headgate_common import refusals
from headgate_common.refusals import Fault, is_explained, is_taken

REFERRERS = "referrers"
"""Metadata of a refused deletion: who uses the resource, separated by commas."""

SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)
"""The codes of calls to a controller that is not there, stopped while they waited, or takes too long."""

ADVICE = {
    grpc.StatusCode.UNAUTHENTICATED: "The token is taken from --token-file, HEADGATE_TOKEN or HEADGATE_TOKEN_FILE.",
    grpc.StatusCode.UNIMPLEMENTED: "The controller does not know this kind: is it of the same version?",
}


class RefusedError(CliError):
    """The controller answered, and said no.

    `reason` is the machine-readable one, `metadata` what came with it; `faults` are those of single fields.
    """

    def __init__(self, message: str, reason: str, metadata: Mapping[str, str], faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = metadata
        self.faults = tuple(faults)


def is_unanswered(error: grpc.RpcError) -> bool:
    """Whether no controller answered, or none that leads."""
    return error.code() in SILENT and not is_taken(error)


def unreachable(error: grpc.RpcError, endpoints: Sequence[str]) -> UnreachableError:
    """Return the error for a controller that is not there, or does not lead."""
    if is_explained(error):
        return NotLeadingError(f"{error.details()}\nAsked were {', '.join(endpoints)}.")
    return UnreachableError(
        f"Cannot reach a controller at {', '.join(endpoints)}: {error.details()}\n"
        "Is it running? --endpoint or HEADGATE_ENDPOINTS say where it listens."
    )


def read_refusal(error: grpc.RpcError) -> CliError:
    """Return the error for a call that the controller refused: its words, and each fault of a field on a line."""
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(error.details() or "There is no such resource.")
    said = refusals.read_refusal(error)
    lines = [f"  {fault.field}: {fault.text} ({fault.reason})" for fault in said.faults]
    words = "Refused:" if said.faults else said.message or said.code.name
    advice = [ADVICE[said.code]] if said.code in ADVICE else []
    return RefusedError("\n".join([words, *lines, *advice]), said.reason, said.metadata, said.faults)
