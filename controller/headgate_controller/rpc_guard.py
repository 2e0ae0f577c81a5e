"""Stands around every method of every gRPC server: who calls, how much may come, and how errors are told.

What is bounded here is told in docs/reference/limits.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError

from headgate_controller.errors import HeadgateError, IdleError, InvalidError, TooLargeError, Violation
from headgate_controller.rpc_errors import abort

MOST_METHODS = 1_000
"""Methods whose handlers are remembered: a server that answers every path would else remember all that are tried."""

STALLED_SECONDS = 60.0
"""How long a client of a stream may read nothing; then it ends, and holds no more than the words that say so."""

LOOKS = 4
"""How often in that time it is looked whether one has been over."""

LARGEST_REQUEST = 1024 * 1024
"""Bytes of a request, or of one message of a stream, of a method that is not of these; no resource is that large."""

LARGEST_OF_METHOD: Mapping[str, int] = {
    "/headgate.v1.IntentService/Batch": 8 * 1024 * 1024,
    "/headgate.v1.AdminService/Restore": 4 * 1024 * 1024,
    # A host's report has some hundred bytes for each of its ports.
    "/headgate.v1.HostLinkService/Connect": 16 * 1024 * 1024,
}


NOTHING: AbstractAsyncContextManager[object] = nullcontext()
"""What a call holds that need not wait."""


class Call(Protocol):
    """One call that was let in, and is under way until `end`."""

    def recognise(self) -> None:
        """See that its caller may still be answered."""

    def check(self, request: Any) -> None:
        """See that its caller may send a request."""

    def veiled(self, error: HeadgateError) -> HeadgateError:
        """Return an error as its caller may see it."""

    @property
    def reading(self) -> AbstractAsyncContextManager[object]:
        """What is held while the only request is read."""

    @property
    def listing(self) -> AbstractAsyncContextManager[object]:
        """What is held while a list is made, which takes the event loop for long."""

    def take(self, size: int) -> None:
        """Hold the only request, or the only answer, of that many bytes, or raise a HeadgateError."""

    def end(self) -> None:
        """Let go of everything."""


Admit = Callable[[str, Any], Call]
"""Lets a call of a method ("/package.Service/Method") in, given its context; raises a HeadgateError if it must not."""


class Unlimited:
    """A call on a server whose every caller may do everything that it offers."""

    reading = listing = NOTHING

    def recognise(self) -> None:
        """Do nothing."""

    def check(self, request: Any) -> None:
        """Do nothing."""

    def veiled(self, error: HeadgateError) -> HeadgateError:
        """Return the error as it is."""
        return error

    def take(self, size: int) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


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
        self._guarded: dict[str, Any] = {}

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any | None:
        """Return the method's handler with the guard around it, the same for every call; None if there is no such
        method.
        """
        path = handler_call_details.method
        known = self._guarded.get(path)
        if known is None and (handler := await continuation(handler_call_details)) is not None:
            known = _guarded(_Method(path, handler), partial(self._admit, path), partial(self._watch, path))
            if len(self._guarded) < MOST_METHODS:
                self._guarded[path] = known
        return known


class _Method:
    """A method of a server, and how large its requests may be."""

    def __init__(self, path: str, handler: Any) -> None:
        self.handler = handler
        self.streams = handler.request_streaming or handler.response_streaming
        self.serve = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        self._name = path.rpartition("/")[2]
        self.lists = self._name.startswith("List")
        self._most = LARGEST_OF_METHOD.get(path, LARGEST_REQUEST)

    def parsed(self, data: bytes) -> Any:
        """Return a request.

        Raises:
            TooLargeError: it has too many bytes. InvalidError: it is not the message that it should be.
        """
        if len(data) > self._most:
            raise TooLargeError(
                f"The request has {len(data)} bytes, and {self._name} takes {self._most} at most; send less at a time."
            )
        try:
            return self.handler.request_deserializer(data)
        except DecodeError as error:
            text = f"It cannot be read: {error}. Send the message that the method takes, in protobuf's encoding."
            raise InvalidError("", [Violation("", "UNREADABLE", text)]) from error


def _guarded(method: _Method, admit: Callable[[Any], Call], watch: Callable[..., Watched]) -> Any:
    """Return the handler of a method with the guard around it.

    To gRPC the requests of every method are streams: it reads the only one of others before it calls a handler, that
    is, before it is known who calls.
    """

    async def guarded(requests: AsyncIterator[bytes], context: Any) -> Any:
        call: Call = Unlimited()
        with watch(streams=method.streams) as outcome:
            try:
                call = admit(context)
                _at_the_end(call.end)
                if method.handler.request_streaming:
                    asked: Any = _readable(requests, call, method)
                else:
                    asked = await _only(context, call, method)
                response = method.serve(asked, context)
                if hasattr(response, "__aiter__"):
                    return await _streamed(response, context, call)
                if method.handler.response_streaming:
                    return await response
                async with call.listing if method.lists else NOTHING:
                    return _taken(await response, call, method)
            except (grpc.aio.AbortError, grpc.aio.UsageError):
                raise
            except grpc.aio.InternalError as error:
                # What was on its way could not be sent: whoever called is gone, and can be told nothing more.
                outcome.code = "CANCELLED"
                raise asyncio.CancelledError from error
            except Exception as error:
                outcome.code = error.code if isinstance(error, HeadgateError) else "INTERNAL"
                await abort(context, call.veiled(error) if isinstance(error, HeadgateError) else error)

    if method.handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(guarded, None, method.handler.response_serializer)
    return grpc.stream_unary_rpc_method_handler(guarded)


def _at_the_end(end: Callable[[], None]) -> None:
    """Have something done when the call is over, its answer taken: gRPC serves each call in a task of its own.

    What the call's context offers for that makes a cycle of every call, which only the collector would clear away.
    """
    task = asyncio.current_task()
    assert task is not None
    task.add_done_callback(lambda _: end())


async def _only(context: Any, call: Call, method: _Method) -> Any:
    """Return the only request of a call; whoever lets it be waited for has one of its own calls the less.

    Raises:
        HeadgateError: it cannot be taken, or its caller may not send it.
    """
    async with call.reading:
        data = await context.read()
    if data is grpc.aio.EOF:
        raise InvalidError("", [Violation("", "UNREADABLE", "There is no request; send the message of the method.")])
    call.take(len(data))
    request = method.parsed(data)
    call.check(request)
    return request


def _taken(answer: Any, call: Call, method: _Method) -> bytes:
    """Return the only answer of a call as bytes, which it holds until its client has taken them."""
    data = bytes(method.handler.response_serializer(answer))
    call.take(len(data))
    return data


async def _readable(requests: AsyncIterator[bytes], call: Call, method: _Method) -> AsyncIterator[Any]:
    async for data in requests:
        request = method.parsed(data)
        call.recognise()
        call.check(request)
        yield request


class _Patience:
    """Ends the writes of a stream whose client reads nothing; one timer looks now and then, since most writes are done
    at once and a timer for each would cost more than they.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._since: float | None = None
        self._timer = self._loop.call_later(STALLED_SECONDS / LOOKS, self._look)
        self.over = False

    async def write(self, context: Any, response: Any) -> None:
        """Send a message."""
        self._since = self._loop.time()
        await context.write(response)
        self._since = None

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._since is not None and self._loop.time() - self._since >= STALLED_SECONDS:
            assert self._task is not None
            self.over = self._task.cancel()
        else:
            self._timer = self._loop.call_later(STALLED_SECONDS / LOOKS, self._look)


async def _streamed(responses: Any, context: Any, call: Call) -> None:
    """Send what a generator yields; it is closed with the call, whatever ends that.

    Raises:
        IdleError: the client reads nothing for long. It is told when it reads again, and holds its place until then.
    """
    patience = _Patience()
    try:
        async with aclosing(responses):
            async for response in responses:
                call.recognise()
                await patience.write(context, response)
    except asyncio.CancelledError as error:
        if not patience.over:
            raise
        text = f"Nothing of the answer has been read for {STALLED_SECONDS:g} seconds; ask again, and read."
        raise IdleError(text) from error
    finally:
        patience.end()
