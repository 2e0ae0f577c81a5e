"""One plan session with a controller: steps go out as they come, answers come back by their ids."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import grpc
import grpc.aio

from headgate.v1 import intent_pb2
from headgate_terraform.client import Client
from headgate_terraform.kinds import find_method

DIAL_SECONDS = 2.0
"""How long controllers that do not answer are tried; a plan goes on without them."""

ANSWER_SECONDS = 30.0

Violations = Sequence[intent_pb2.PlanViolation]


class SessionEndedError(Exception):
    """There is no session, or no longer; in words for the user, or none if it is not worth any."""


class PlanStream:
    """A session. It is opened by the first step that wants an answer, and never opened again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._steps: asyncio.Queue[intent_pb2.PlanSessionRequest] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[Violations]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._ended: SessionEndedError | None = None
        self._last_id = 0

    def tell(self, step: intent_pb2.PlanSessionRequest) -> None:
        """Send a step that is not answered."""
        if self._ended is None:
            self._steps.put_nowait(step)

    async def ask(self, step: intent_pb2.PlanSessionRequest) -> Violations:
        """Return what stands against a step.

        Raises:
            SessionEndedError: there is nobody to ask.
        """
        if self._ended is not None:
            raise self._ended
        self._reading = self._reading or asyncio.create_task(self._read())
        self._last_id += 1
        answer: asyncio.Future[Violations] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = answer
        sent = intent_pb2.PlanSessionRequest()
        sent.CopyFrom(step)
        sent.id = self._last_id
        self._steps.put_nowait(sent)
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            self.close("The controller does not answer.")
            raise self._ended or SessionEndedError from None

    def close(self, words: str = "") -> None:
        """End the session; those who wait for an answer get none."""
        self._ended = self._ended or SessionEndedError(words)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._ended)
        self._waiting.clear()
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        """Open the stream and hand its answers out, until it ends."""
        method = find_method(intent_pb2.DESCRIPTOR, "IntentService", "PlanSession")
        words = "The controller ended the session."
        try:
            async for answer in await self._client.stream(method, self._sent(), seconds=DIAL_SECONDS):
                if waiting := self._waiting.pop(answer.id, None):
                    with suppress(asyncio.InvalidStateError):
                        waiting.set_result(answer.violations)
        except grpc.aio.AioRpcError as error:
            # An older controller knows no sessions; there is nothing that a user could do about it, or should.
            words = "" if error.code() is grpc.StatusCode.UNIMPLEMENTED else error.details() or error.code().name
        except TimeoutError:
            words = "No controller can be reached."
        self._reading = None
        self.close(words)

    async def _sent(self) -> AsyncIterator[intent_pb2.PlanSessionRequest]:
        while True:
            yield await self._steps.get()
