"""What a client is told of an error, all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it; `faults` are (field, reason), `words` what is said of each field."""

    code: str
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    faults: set[tuple[str, str]]
    words: dict[str, str]


def refusal(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Refusal:
    """Return the error that a call ends with; streams are read to their end."""
    with pytest.raises(grpc.RpcError) as caught:
        _consumed(call(*arguments, **keywords))
    return of(caught.value)


def _consumed(answer: Any) -> list[Any]:
    return list(answer) if hasattr(answer, "initial_metadata") else []


def of(error: Any) -> Refusal:
    """Return an error as a client sees it."""
    trailers = dict(error.trailing_metadata() or ())
    assert "grpc-status-details-bin" in trailers, f"no details: {error}"
    status = Status.FromString(trailers["grpc-status-details-bin"])
    info, bad = ErrorInfo(), BadRequest()
    for packed in status.details:
        assert packed.Unpack(info) or packed.Unpack(bad)
    assert status.message == error.details()
    assert (status.code, True) == (error.code().value[0], bool(info.reason))
    return Refusal(
        error.code().name,
        error.details(),
        info.reason,
        info.domain,
        dict(info.metadata),
        {(v.field, v.reason) for v in bad.field_violations},
        {v.field: v.description for v in bad.field_violations},
    )
