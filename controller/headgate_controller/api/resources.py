"""The standard methods of every kind: one servicer over the schema, no kind known by name.

Source: AIP-131 to AIP-135, AIP-155 (request_id), AIP-158 (pages), AIP-160 (filter), AIP-163 (validate_only).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from hashlib import sha256
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message

from headgate_controller.api.callers import caller
from headgate_controller.api.filters import parse_filter
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.intent import existing
from headgate_controller.mutations import Create, Delete, Mutation, Request, Update
from headgate_controller.names import parent_of, project_of
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.writer import Outcome, Writer

DEFAULT_PAGE, LARGEST_PAGE = 1_000, 10_000
LONGEST_REQUEST_ID = 64
AT_A_TIME = 100
"""Resources that are looked at before others have the event loop: some milliseconds."""


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
        methods = {
            "Get": self.get,
            "List": self.list,
            "Create": self.create,
            "Update": self.update,
            "Delete": self.delete,
        }
        handlers = {}
        for verb, handler in methods.items():
            method = self._method(verb)
            handlers[method.name] = _unary(method, handler)
        return grpc.method_handlers_generic_handler(self._service.full_name, handlers)

    @property
    def _service(self) -> ServiceDescriptor:
        return self._codec.descriptor.file.services_by_name[f"{self._codec.descriptor.name}Service"]

    def _method(self, verb: str) -> MethodDescriptor:
        return next(method for method in self._service.methods if method.name.startswith(verb))

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
        return self._looked_at(existing(self._committed.world, self._name(request.name)))

    def _name(self, name: str) -> str:
        """Return a name that a client gave.

        Raises:
            InvalidError: it can be no name of this kind; a resource of another is out of reach here.
        """
        self._schema.check_name(self._codec, name)
        return name

    async def list(self, request: Any, _context: Any) -> Any:
        """Return one page of resources, in the order of their names."""
        wanted = parse_filter(self._codec, request.filter)
        size, after = _page(request)
        found = [noun async for noun in _unhurried(self._candidates(request)) if noun.name > after and wanted(noun)]
        found.sort(key=lambda noun: noun.name)
        page = found[:size]
        response: Any = message_factory.GetMessageClass(self._method("List").output_type)()
        getattr(response, response.DESCRIPTOR.fields[0].name).extend(
            [self._looked_at(noun) async for noun in _unhurried(page)]
        )
        if len(found) > size:
            response.next_page_token = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
        return response

    def _candidates(self, request: Any) -> Iterator[Any]:
        parent = getattr(request, "parent", "")
        wanted, principal = None if not parent else tuple(parent.split("/")), caller.get()
        for noun in self._committed.world.of_kind(self._codec.kind.noun):
            if (
                (request.show_deleting or not noun.meta.deleting)
                and (wanted is None or _within(parent_of(noun.name), wanted))
                and principal.sees(project_of(noun.name))
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
        name = self._name(message.name)
        outcome = await self._submit(request, Update(self._codec, name, message, mask, message.etag))
        return self.shown(outcome.nouns[0])

    async def delete(self, request: Any, _context: Any) -> Empty:
        """Delete a resource, now or when nothing refers to it any more."""
        await self._submit(request, Delete(self._name(request.name), request.etag, request.when_unreferenced))
        return Empty()

    async def _submit(self, request: Message, mutation: Mutation) -> Outcome:
        return await self._writer.submit(as_request(request, [mutation]))


def as_request(request: Any, mutations: list[Mutation]) -> Request:
    """Return the request of the queue that a request of the API means.

    Raises:
        InvalidError: its id is too long to be kept.
    """
    if not request.request_id:
        return Request(mutations, request.validate_only)
    if len(request.request_id) > LONGEST_REQUEST_ID:
        text = f"It has {len(request.request_id)} characters, more than {LONGEST_REQUEST_ID}; send a UUID."
        raise InvalidError("", [Violation("request_id", "TOO_LONG", text)])
    content = request.DESCRIPTOR.full_name.encode() + b" " + request.SerializeToString(deterministic=True)
    return Request(mutations, request.validate_only, request.request_id, sha256(content).digest())


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


def unpacked(schema: Schema, packed: AnyMessage) -> tuple[KindCodec, Any]:
    """Return the resource that a client packed, and the codec of its kind.

    Raises:
        InvalidError: it is of no known kind, or cannot be read.
    """
    codec = schema.codecs.get(packed.TypeName())
    if codec is None:
        text = f"{packed.type_url!r} is not a kind of resource."
        raise InvalidError("", [Violation("type_url", "UNKNOWN_KIND", text)])
    try:
        return codec, codec.message.FromString(packed.value)
    except DecodeError as error:
        raise InvalidError("", [Violation("value", "BAD_MESSAGE", f"It is not a {packed.TypeName()}.")]) from error


async def _unhurried(nouns: Iterable[Any]) -> AsyncIterator[Any]:
    """Yield nouns, of which there may be very many, and let others have the event loop now and then."""
    for count, noun in enumerate(nouns, start=1):
        yield noun
        if count % AT_A_TIME == 0:
            await asyncio.sleep(0)


def _page(request: Any) -> tuple[int, str]:
    """Return the size of the page that is asked for, and the name that it comes after.

    Raises:
        InvalidError: the size is negative, or the token none of ours.
    """
    faults = []
    if request.page_size < 0:
        text = f"{request.page_size} is negative; leave it out, or give a number up to {LARGEST_PAGE}."
        faults.append(Violation("page_size", "OUT_OF_RANGE", text))
    after = ""
    try:
        after = base64.b64decode(request.page_token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = "It is not a page token; give next_page_token of the page before, or leave it out for the first page."
        faults.append(Violation("page_token", "BAD_PAGE_TOKEN", text))
    if faults:
        raise InvalidError("", faults)
    return min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE), after


def _within(parent: str, wanted: tuple[str, ...]) -> bool:
    """Return whether a parent is the one wanted; "-" stands for any id (AIP-159)."""
    parts = parent.split("/")
    return len(parts) == len(wanted) and all(want in ("-", part) for part, want in zip(parts, wanted, strict=True))


def _unary(method: MethodDescriptor, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
    request = message_factory.GetMessageClass(method.input_type)
    return grpc.unary_unary_rpc_method_handler(
        handler,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
