"""Errors on the wire: one mapping from the error tree to the rich status of gRPC.

Source: google/rpc/status.proto and error_details.proto; AIP-193.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from headgate_controller.errors import HeadgateError, InvalidError, Violation

DOMAIN = "headgate"
STATUS_DETAILS = "grpc-status-details-bin"

MOST_BYTES = 7_500
"""Size of an error on the wire: of trailers above 8 KiB clients show nothing but that they are too large.

Source: grpc_types.h, GRPC_ARG_MAX_METADATA_SIZE.
"""

MOST_OF_MESSAGE, MOST_OF_METADATA, MOST_OF_VIOLATION, MOST_OF_FIELD = 1_200, 1_000, 600, 200
"""Bytes of one text in an error; what a client sent is repeated in it, and may be of any size."""

REMARK = 120
"""Bytes kept free for the remark that there are more faults."""

log = logging.getLogger(__name__)


def to_status(error: HeadgateError) -> Status:
    """Return the rich status that a client receives for `error`; texts are shortened to what a client can receive."""
    status = Status(code=grpc.StatusCode[error.code].value[0], message=shortened(str(error), MOST_OF_MESSAGE))
    metadata = {key: _shortened_list(value) for key, value in error.metadata.items()}
    status.details.append(_packed(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)))
    if isinstance(error, InvalidError):
        room = MOST_BYTES - REMARK - status.ByteSize() - len(quote(status.message))
        status.details.append(_packed(_bad_request(error.violations, room)))
    return status


def _bad_request(violations: tuple[Violation, ...], room: int) -> BadRequest:
    """Return the violations, as many as there is room for, and how many more there are."""
    bad = BadRequest()
    for count, violation in enumerate(violations):
        description = shortened(violation.description, MOST_OF_VIOLATION)
        field = shortened(violation.field, MOST_OF_FIELD)
        bad.field_violations.add(field=field, description=description, reason=violation.reason)
        if bad.ByteSize() > room:
            del bad.field_violations[-1]
            text = f"There are {len(violations) - count} more faults; correct these first."
            bad.field_violations.add(reason="MORE_FAULTS", description=text)
            break
    return bad


def shortened(text: str, most: int) -> str:
    """Return a text of at most that many bytes in UTF-8; it loses its middle, since fixes stand at the end."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    tail = most // 3
    return raw[: most - tail - 3].decode(errors="ignore") + "…" + raw[-tail:].decode(errors="ignore")


def _shortened_list(text: str) -> str:
    """Return a text, or as many elements of a list separated by commas, as may be sent."""
    raw = text.encode()
    if "," not in text or len(raw) <= MOST_OF_METADATA:
        return shortened(text, MOST_OF_METADATA)
    return raw[:MOST_OF_METADATA].decode(errors="ignore").rpartition(",")[0]


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


async def abort(context: Any, error: Exception) -> None:
    """End a call with `error`; one that is not ours to show becomes INTERNAL with an id to look for in the log."""
    if isinstance(error, HeadgateError):
        status = to_status(error)
        await context.abort(
            grpc.StatusCode[error.code], status.message, ((STATUS_DETAILS, status.SerializeToString()),)
        )
    incident = uuid.uuid4().hex[:12]
    log.error("request failed", extra={"incident": incident}, exc_info=error)
    await context.abort(
        grpc.StatusCode.INTERNAL, f"An internal error happened; the controller's log has it as incident {incident}."
    )
