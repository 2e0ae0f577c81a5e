"""IntentService: batches, the watch, waiting until the data plane agrees, and (`plan_sessions`) plans."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from sqlalchemy import Engine

from headgate.v1 import intent_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.plan_sessions import Abroad, PlanSessions
from headgate_controller.api.resources import as_request, creation, unpacked
from headgate_controller.api.shown import Shown
from headgate_controller.errors import InvalidError, OutOfRangeError, Violation
from headgate_controller.intent import existing
from headgate_controller.mutations import Delete, Mutation, Update
from headgate_controller.names import project_of
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.database import changes_after
from headgate_controller.store.writer import Writer

MOST_MUTATIONS = 1_000
WATCH_PAGE = 500
DEFAULT_DEADLINE = 60.0
LONGEST_DEADLINE = 3600.0
SERVICE = "headgate.v1.IntentService"


class IntentService:
    """Serves what works on resources of every kind."""

    def __init__(
        self,
        schema: Schema,
        committed: Committed,
        writer: Writer,
        engine: Engine,
        realisation: Realisation,
        shown: Shown,
        foreign: Abroad,
    ) -> None:
        self._schema = schema
        self._committed = committed
        self._writer = writer
        self._engine = engine
        self._realisation = realisation
        self._shown = shown
        self._plans = PlanSessions(schema, committed, foreign)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        methods: dict[str, Any] = {
            "Batch": grpc.unary_unary_rpc_method_handler(
                self.batch, intent_pb2.BatchRequest.FromString, intent_pb2.BatchResponse.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                self.watch, intent_pb2.WatchRequest.FromString, intent_pb2.WatchResponse.SerializeToString
            ),
            "AwaitRealised": grpc.unary_unary_rpc_method_handler(
                self.await_realised,
                intent_pb2.AwaitRealisedRequest.FromString,
                intent_pb2.AwaitRealisedResponse.SerializeToString,
            ),
            "PlanSession": self._plans.handler(),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def batch(self, request: intent_pb2.BatchRequest, _context: Any) -> intent_pb2.BatchResponse:
        """Apply several mutations in one revision."""
        if not 0 < len(request.mutations) <= MOST_MUTATIONS:
            fault = Violation(
                "mutations",
                "BAD_SIZE",
                f"It has {len(request.mutations)} entries; between 1 and {MOST_MUTATIONS} are allowed.",
            )
            raise InvalidError("", [fault])
        faults: list[Violation] = []
        mutations = [
            m
            for i, one in enumerate(request.mutations)
            if (m := self._mutation(one, f"mutations[{i}]", faults)) is not None
        ]
        if faults:
            raise InvalidError("", faults)
        try:
            outcome = await self._writer.submit(as_request(request, mutations))
        except InvalidError as error:
            raise (_in_batch(error) if len(mutations) == 1 else error) from error
        response = intent_pb2.BatchResponse(revision=outcome.revision)
        response.resources.extend(AnyMessage() if noun is None else self._shown.packed(noun) for noun in outcome.nouns)
        return response

    def _mutation(self, mutation: intent_pb2.Mutation, path: str, faults: list[Violation]) -> Mutation | None:
        """Return one mutation of a batch; None, and `faults` with the path in front, if it is refused."""
        try:
            match mutation.WhichOneof("action"):
                case "create":
                    codec, message = unpacked(self._schema, mutation.create)
                    return creation(self._schema, codec, message.name, message)
                case "update":
                    codec, message = unpacked(self._schema, mutation.update.resource)
                    self._schema.check_name(codec, message.name)
                    return Update(codec, message.name, message, tuple(mutation.update.update_mask.paths), message.etag)
                case "delete":
                    return Delete(mutation.delete.name, mutation.delete.etag, mutation.delete.when_unreferenced)
        except InvalidError as error:
            faults.extend(_below(path, error))
            return None
        faults.append(Violation(path, "EXACTLY_ONE", "Exactly one of create, update and delete is needed."))
        return None

    async def watch(self, request: intent_pb2.WatchRequest, _context: Any) -> AsyncIterator[intent_pb2.WatchResponse]:
        """Stream changes as they are committed."""
        self._check_watch(request)
        seen = request.after_revision
        if seen == 0:
            seen = self._committed.world.revision
            for response in self._everything(request):
                yield response
            yield intent_pb2.WatchResponse(revision=seen)
        while True:
            newest = self._committed.world.revision
            changes = await asyncio.to_thread(changes_after, self._engine, seen, WATCH_PAGE)
            for change in changes:
                seen = change[0]
                # What is gone may have been of a kind that is not there any more; nobody could read it.
                if change[2] in self._schema.codecs and self._wanted(request, change[1]):
                    yield self._change(*change)
            if not changes or seen >= newest:
                yield intent_pb2.WatchResponse(revision=seen)
                await self._committed.after(seen)

    def _check_watch(self, request: intent_pb2.WatchRequest) -> None:
        known = self._schema.by_type
        faults = [
            Violation(f"types[{i}]", "UNKNOWN_KIND", f"{name!r} is no type of resource; known are {', '.join(known)}.")
            for i, name in enumerate(request.types)
            if name not in known
        ]
        if faults:
            raise InvalidError("", faults)
        newest = self._committed.world.revision
        if not 0 <= request.after_revision <= newest:
            raise OutOfRangeError(
                f"There is no revision {request.after_revision}; the newest is {newest}. Begin again with 0."
            )

    def _everything(self, request: intent_pb2.WatchRequest) -> Iterator[intent_pb2.WatchResponse]:
        """Yield what there is now, one by one: to put all of it into words would keep others from the event loop."""
        world = self._committed.world
        for name in sorted(world.resources):
            if self._wanted(request, name):
                noun: Any = world.resources[name]
                response = intent_pb2.WatchResponse(revision=noun.meta.revision, name=name)
                response.resource.CopyFrom(self._shown.packed(noun))
                response.time.FromNanoseconds(noun.meta.update_time)
                yield response

    def _wanted(self, request: intent_pb2.WatchRequest, name: str) -> bool:
        types = request.types
        return (
            name.startswith(request.name_prefix)
            and (not types or self._schema.codec_of(name).resource.type in types)
            and caller.get().sees(project_of(name))
        )

    def _change(self, revision: int, name: str, kind: str, time: int, after: bytes | None) -> intent_pb2.WatchResponse:
        response = intent_pb2.WatchResponse(revision=revision, name=name)
        response.time.FromNanoseconds(time)
        if after is not None:
            codec = self._schema.codecs[kind]
            response.resource.CopyFrom(self._shown.packed(codec.from_store(codec.message.FromString(after))))
        return response

    async def await_realised(
        self, request: intent_pb2.AwaitRealisedRequest, _context: Any
    ) -> intent_pb2.AwaitRealisedResponse:
        """Answer when the data plane agrees, or at the deadline with what is missing."""
        deadline = request.deadline.ToNanoseconds() / 1e9 if request.HasField("deadline") else DEFAULT_DEADLINE
        noun = existing(self._committed.world, request.name)
        await self._realisation.wait(
            noun, request.generation or noun.meta.generation, min(max(deadline, 0), LONGEST_DEADLINE)
        )
        present = existing(self._committed.world, request.name)
        status = self._realisation.status(present)
        return intent_pb2.AwaitRealisedResponse(
            realised=status.realised_generation >= (request.generation or noun.meta.generation), status=status
        )


def _below(path: str, error: InvalidError) -> Iterator[Violation]:
    """Yield the faults of a part of a request, with its path in front."""
    for fault in error.violations:
        yield replace(fault, field=f"{path}.{fault.field}" if fault.field else path)


def _in_batch(error: InvalidError) -> InvalidError:
    """Return an error of the only mutation of a batch as one of the batch."""
    return InvalidError(error.metadata["resource"], _below("mutations[0]", error))
