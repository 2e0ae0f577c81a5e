"""The standard methods of every kind: one servicer over the schema, no kind known by name.

Source: AIP-131 to AIP-135, AIP-155 (request_id), AIP-158 (pages), AIP-160 (filter), AIP-163 (validate_only).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from headgate_controller.api.filters import parse_filter
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, NotFoundError, Violation
from headgate_controller.intent import existing
from headgate_controller.mutations import Create, Delete, Mutation, Request, Update
from headgate_controller.names import parent_of
from headgate_controller.realisation import Realisation
from headgate_controller.rpc_errors import answering
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.writer import Outcome, Writer

DEFAULT_PAGE, LARGEST_PAGE = 1_000, 10_000


class Resources:
    """Serves the standard methods of one kind."""

    def __init__(
        self, schema: Schema, codec: KindCodec, committed: Committed, writer: Writer, realisation: Realisation
    ) -> None:
        self._schema = schema
        self._codec = codec
        self._committed = committed
        self._writer = writer
        self._realisation = realisation
        self._type = codec.resource.type

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the kind's service."""
        service: ServiceDescriptor = self._codec.descriptor.file.services_by_name[
            f"{self._codec.descriptor.name}Service"
        ]
        methods = {
            "Get": self.get,
            "List": self.list,
            "Create": self.create,
            "Update": self.update,
            "Delete": self.delete,
        }
        handlers = {}
        for method in service.methods:
            verb = next(verb for verb in methods if method.name.startswith(verb))
            handlers[method.name] = _unary(method, methods[verb])
        return grpc.method_handlers_generic_handler(service.full_name, handlers)

    def shown(self, noun: Any) -> Any:
        """Return the message that clients see for a noun."""
        message = self._codec.to_message(noun)
        self._realisation.fill(noun, message)
        return message

    def _looked_at(self, noun: Any) -> Any:
        message = self.shown(noun)
        if message.reconciling:
            self._realisation.ask(noun)
        return message

    async def get(self, request: Any, _context: Any) -> Any:
        """Return one resource."""
        noun = existing(self._committed.world, request.name)
        if not isinstance(noun, self._codec.kind.noun):
            raise NotFoundError(request.name)
        return self._looked_at(noun)

    async def list(self, request: Any, _context: Any) -> Any:
        """Return one page of resources, in the order of their names."""
        wanted = parse_filter(self._codec, request.filter)
        size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
        after = base64.urlsafe_b64decode(request.page_token.encode()).decode() if request.page_token else ""
        found = sorted(
            (n for n in self._candidates(request) if n.name > after and wanted(n)), key=lambda noun: noun.name
        )
        page = found[:size]
        response = self._response_class()()
        getattr(response, response.DESCRIPTOR.fields[0].name).extend([self._looked_at(noun) for noun in page])
        if len(found) > size:
            response.next_page_token = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
        return response

    def _response_class(self) -> type[Any]:
        name = f"List{self._codec.descriptor.name}sResponse"
        return message_factory.GetMessageClass(self._codec.descriptor.file.message_types_by_name[name])

    def _candidates(self, request: Any) -> Iterator[Any]:
        parent = getattr(request, "parent", "")
        wanted = None if not parent else tuple(parent.split("/"))
        for noun in self._committed.world.of_kind(self._codec.kind.noun):
            if (request.show_deleting or not noun.meta.deleting) and (
                wanted is None or _within(parent_of(noun.name), wanted)
            ):
                yield noun

    async def create(self, request: Any, _context: Any) -> Any:
        """Create a resource."""
        message = getattr(request, self._type)
        parent = f"{request.parent}/" if hasattr(request, "parent") else ""
        name = f"{parent}{self._codec.resource.plural}/{getattr(request, f'{self._type}_id')}"
        if message.name not in ("", name):
            raise InvalidError(
                name, [Violation("name", "NAME_DIFFERS", f"{message.name!r} is not {name!r}; leave it empty.")]
            )
        outcome = await self._submit(request, creation(self._schema, self._codec, name, message))
        return self.shown(outcome.nouns[0])

    async def update(self, request: Any, _context: Any) -> Any:
        """Change the fields that the mask names."""
        message = getattr(request, self._type)
        mask = tuple(request.update_mask.paths)
        outcome = await self._submit(request, Update(self._codec, message.name, message, mask, message.etag))
        return self.shown(outcome.nouns[0])

    async def delete(self, request: Any, _context: Any) -> Empty:
        """Delete a resource, now or when nothing refers to it any more."""
        await self._submit(request, Delete(request.name, request.etag, request.when_unreferenced))
        return Empty()

    async def _submit(self, request: Message, mutation: Mutation) -> Outcome:
        return await self._writer.submit(as_request(request, [mutation]))


def as_request(request: Any, mutations: list[Mutation]) -> Request:
    """Return the request of the queue that a request of the API means."""
    fingerprint = sha256(request.SerializeToString(deterministic=True)).digest() if request.request_id else b""
    return Request(mutations, request.validate_only, request.request_id, fingerprint)


def creation(schema: Schema, codec: KindCodec, name: str, message: Any) -> Create:
    """Return the mutation that creates a resource from a client's message.

    Raises:
        InvalidError: the name or fields break rules; all faults at once.
    """
    faults: list[Violation] = []
    try:
        schema.check_name(codec, name)
    except InvalidError as error:
        faults.extend(error.violations)
    noun = codec.from_client(name, message, faults)
    if faults:
        raise InvalidError(name, faults)
    return Create(codec, codec.with_uid(noun, str(uuid.uuid4())))


def _within(parent: str, wanted: tuple[str, ...]) -> bool:
    """Return whether a parent is the one wanted; "-" stands for any id (AIP-159)."""
    parts = parent.split("/")
    return len(parts) == len(wanted) and all(want in ("-", part) for part, want in zip(parts, wanted, strict=True))


def _unary(method: MethodDescriptor, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
    request = message_factory.GetMessageClass(method.input_type)
    return grpc.unary_unary_rpc_method_handler(
        answering(handler),
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
