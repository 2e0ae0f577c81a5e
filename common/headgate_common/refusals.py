"""What a refused call of the API says, before each client puts it in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc

BUSY = "BUSY"
"""The reason of a refusal that nothing is wrong with the request: it is to be sent again, a little later."""

DETAILS = "grpc-status-details-bin"
"""Where gRPC carries the rich status (google.rpc.Status) in a call's trailing metadata."""

NOT_LEADING = "NOT_LEADING"
"""The reason by which a controller says that another is to be asked."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: where, why in one word for programs, and in words with the fix."""

    field: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the API: its code, its words and its details."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def read_refusal(error: grpc.RpcError) -> Refusal:
    """Return what a failed call says; of one that no controller answered, that is gRPC's own words."""
    # Only the unlucky pay for the import.
    from google.rpc import error_details_pb2, status_pb2

    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(_packed_status(error)).details:
        detail.Unpack(info)
        detail.Unpack(bad)
    faults = tuple(Fault(v.field, v.reason, v.description) for v in bad.field_violations)
    return Refusal(error.code(), error.details() or "", info.reason, dict(info.metadata), faults)


def is_explained(error: grpc.RpcError) -> bool:
    """Return whether a controller says why: then one has answered, whatever the code."""
    return bool(_packed_status(error))


def is_taken(error: grpc.RpcError) -> bool:
    """Return whether a controller that leads its site says why; one that stands by only says who does."""
    return is_explained(error) and read_refusal(error).reason != NOT_LEADING


def is_busy(error: BaseException) -> bool:
    """Return whether a call was refused only because too much was under way, so that it may be repeated."""
    if not isinstance(error, grpc.RpcError) or error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return False
    return read_refusal(error).reason == BUSY


def _packed_status(error: grpc.RpcError) -> bytes:
    trailing: Any = error.trailing_metadata() or ()
    value = dict(trailing).get(DETAILS, b"")
    return value if isinstance(value, bytes) else b""
