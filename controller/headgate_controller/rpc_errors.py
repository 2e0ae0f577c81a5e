"""Errors on the wire: one mapping from the error tree to the rich status of gRPC, around every method of every service.

Source: google/rpc/status.proto and error_details.proto; AIP-193.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
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


async def _abort(context: Any, error: Exception) -> None:
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


class Unreadable(NamedTuple):
    """Stands for a request that is not the message it should be."""

    why: str


class Call(Protocol):
    """One call that was let in."""

    def recognise(self) -> None:
        """See that its caller may still be answered."""

    def check(self, request: Any) -> None:
        """See that its caller may send a request."""

    def veiled(self, error: HeadgateError) -> HeadgateError:
        """Return an error as its caller may see it."""


Admit = Callable[[str, Any], Call]
"""Lets a call of a method ("/package.Service/Method") in, given its context; raises a HeadgateError if it must not."""


class Unlimited:
    """A call on a server whose every caller may do everything that it offers."""

    def recognise(self) -> None:
        """Do nothing."""

    def check(self, request: Any) -> None:
        """Do nothing."""

    def veiled(self, error: HeadgateError) -> HeadgateError:
        """Return the error as it is."""
        return error


def anybody(_method: str, _context: Any) -> Call:
    """Let every call in."""
    return Unlimited()


@dataclass(slots=True)
class Outcome:
    """How a call ends: the name of a gRPC status code."""

    code: str = "OK"


Watched = AbstractContextManager[Outcome]
Watch = Callable[..., Watched]
"""Stands around a call of a method, given its name and whether it `streams`."""


class Guard(grpc.aio.ServerInterceptor):  # grpc gives no other way than to inherit
    """Stands around every method of a server: who may not call is not let in, and whatever ends a call, its client is
    told in our words.
    """

    def __init__(self, admit: Admit, watch: Watch) -> None:
        self._admit = admit
        self._watch = watch

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any | None:
        """Return the method's handler with the guard around it; None if there is no such method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        return _guarded(handler, partial(self._admit, method), partial(self._watch, method))


def _guarded(handler: Any, admit: Callable[[Any], Call], watch: Callable[..., Watched]) -> Any:
    make, serve = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }[handler.request_streaming, handler.response_streaming]

    async def guarded(request: Any, context: Any) -> Any:
        call: Call = Unlimited()
        with watch(streams=handler.request_streaming or handler.response_streaming) as outcome:
            try:
                call = admit(context)
                readable = _readable(request, call) if handler.request_streaming else _checked(request, call)
                response = serve(readable, context)
                return await (_streamed(response, context, call) if hasattr(response, "__aiter__") else response)
            except (grpc.aio.AbortError, grpc.aio.UsageError):
                raise
            except grpc.aio.InternalError as error:
                # What was on its way could not be sent: whoever called is gone, and can be told nothing more.
                outcome.code = "CANCELLED"
                raise asyncio.CancelledError from error
            except Exception as error:
                outcome.code = error.code if isinstance(error, HeadgateError) else "INTERNAL"
                await _abort(context, call.veiled(error) if isinstance(error, HeadgateError) else error)

    return make(guarded, _deserializer(handler.request_deserializer), handler.response_serializer)


def _deserializer(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def deserialized(data: bytes) -> Any:
        try:
            return read(data)
        except DecodeError as error:
            return Unreadable(str(error))

    return deserialized


def _checked(request: Any, call: Call) -> Any:
    if isinstance(request, Unreadable):
        text = f"It cannot be read: {request.why}. Send the message that the method takes, in protobuf's encoding."
        raise InvalidError("", [Violation("", "UNREADABLE", text)])
    call.check(request)
    return request


async def _readable(requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:
    async for request in requests:
        call.recognise()
        yield _checked(request, call)


async def _streamed(responses: Any, context: Any, call: Call) -> None:
    """Send what a generator yields; it is closed with the call, whatever ends that."""
    async with aclosing(responses):
        async for response in responses:
            call.recognise()
            await context.write(response)
