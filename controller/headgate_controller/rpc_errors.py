"""Errors on the wire: one mapping from the error tree to the rich status of gRPC.

Source: google/rpc/status.proto and error_details.proto; AIP-193.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from headgate_controller.errors import HeadgateError, InvalidError

DOMAIN = "headgate"
STATUS_DETAILS = "grpc-status-details-bin"

log = logging.getLogger(__name__)
T = TypeVar("T")


def to_status(error: HeadgateError) -> Status:
    """Return the rich status that a client receives for `error`."""
    status = Status(code=grpc.StatusCode[error.code].value[0], message=str(error))
    status.details.append(_packed(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=dict(error.metadata))))
    if isinstance(error, InvalidError):
        bad = BadRequest()
        for violation in error.violations:
            bad.field_violations.add(field=violation.field, description=violation.description, reason=violation.reason)
        status.details.append(_packed(bad))
    return status


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> None:
    """End a call with `error`; one that is not ours to show becomes INTERNAL with an id to look for in the log."""
    if isinstance(error, HeadgateError):
        status = to_status(error)
        await context.abort(grpc.StatusCode[error.code], str(error), ((STATUS_DETAILS, status.SerializeToString()),))
    incident = uuid.uuid4().hex[:12]
    log.error("request failed", extra={"incident": incident}, exc_info=error)
    await context.abort(
        grpc.StatusCode.INTERNAL, f"An internal error happened; the controller's log has it as incident {incident}."
    )


Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[T]]


def answering(handler: Handler[T]) -> Handler[T]:
    """Make a unary handler end its call with the right status when it raises."""

    @functools.wraps(handler)
    async def answered(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> T:
        try:
            return await handler(request, context)
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        except Exception as error:
            await abort(context, error)
            raise

    return answered
