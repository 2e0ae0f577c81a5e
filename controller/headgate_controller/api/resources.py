"""The standard methods of every kind: one servicer over the schema, no kind known by name.

Source: AIP-131 to AIP-135, AIP-155 (request_id), AIP-158 (pages), AIP-160 (filter), AIP-163 (validate_only).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message

from headgate_controller.api.callers import caller
from headgate_controller.api.filters import parse_filter
from headgate_controller.api.shown import Shown
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.intent import existing
from headgate_controller.mutations import Create, Delete, Mutation, Request, Update
from headgate_controller.names import parent_of, project_of
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.writer import Outcome, Writer

DEFAULT_PAGE, LARGEST_PAGE = 1_000, 10_000
LONGEST_REQUEST_ID = 64
ANY = "-"
"""Stands for any id in a parent (AIP-159)."""

LAST = chr(0x10FFFF)
"""Follows whatever a name can go on with."""

AT_A_TIME = 200
"""Resources that are looked at before others have the event loop: some milliseconds."""


class Resources:
    """Serves the standard methods of one kind."""

    def __init__(self, schema: Schema, codec: KindCodec, committed: Committed, writer: Writer, shown: Shown) -> None:
        self._schema = schema
        self._codec = codec
        self._committed = committed
        self._writer = writer
        self._shown = shown
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

    async def get(self, request: Any, _context: Any) -> bytes:
        """Return one resource."""
        return self._shown.looked_at(existing(self._committed.world, self._name(request.name)))

    def _name(self, name: str) -> str:
        """Return a name that a client gave.

        Raises:
            InvalidError: it can be no name of this kind; a resource of another is out of reach here.
        """
        self._schema.check_name(self._codec, name)
        return name

    async def list(self, request: Any, _context: Any) -> bytes:
        """Return one page of resources, in the order of their names.

        O(page): what is searched is what has the parent's name in front, from the last page's end on.
        """
        wanted = parse_filter(self._codec, request.filter)
        size, after = _page(request)
        page: list[bytes] = []
        last = ""
        async for nouns in _unhurried(self._candidates(request, after)):
            found = list(filter(wanted, nouns))
            room = size - len(page)
            page += self._shown.elements(found[:room])
            last = found[:room][-1].name if found[:room] else last
            if len(found) > room:
                token = base64.urlsafe_b64encode(last.encode()).decode()
                page.append(self._listed(next_page_token=token).SerializeToString())
                break
        return b"".join(page)

    @cached_property
    def _listed(self) -> Any:
        return message_factory.GetMessageClass(self._method("List").output_type)

    def _candidates(self, request: Any, after: str) -> Iterator[Any]:
        """Yield what may be listed after a name, all of it of the World that is present now."""
        names, resources = self._committed.names(self._codec.kind.noun), self._committed.world.resources
        deleting, may_be = request.show_deleting, self._wanted(getattr(request, "parent", ""))
        start = self._start(getattr(request, "parent", ""))
        for at in range(max(bisect_right(names, after), bisect_left(names, start)), bisect_left(names, start + LAST)):
            noun: Any = resources[names[at]]
            if (deleting or not noun.meta.deleting) and (may_be is None or may_be(noun.name)):
                yield noun

    def _start(self, parent: str) -> str:
        """Return what the names of all resources below a parent begin with; "-" in it stands for any id."""
        if not parent:
            return ""
        known, any_, _ = f"{parent}/{self._codec.resource.plural}/".partition("/-/")
        return known + any_[:1]

    def _wanted(self, parent: str) -> Callable[[str], bool] | None:
        """Return whether a name below `_start` is below the parent, and one that the caller sees, as a function; None
        if all of them are.
        """
        principal, parts = caller.get(), tuple(parent.split("/"))
        if ANY not in parts and principal.projects is None:
            return None
        return lambda name: (not parent or _within(parent_of(name), parts)) and principal.sees(project_of(name))

    async def create(self, request: Any, _context: Any) -> bytes:
        """Create a resource."""
        message = getattr(request, self._type)
        parent = f"{request.parent}/" if hasattr(request, "parent") else ""
        name = f"{parent}{self._codec.resource.plural}/{getattr(request, f'{self._type}_id')}"
        if message.name not in ("", name):
            raise InvalidError(
                name, [Violation("name", "NAME_DIFFERS", f"{message.name!r} is not {name!r}; leave it empty.")]
            )
        outcome = await self._submit(request, creation(self._schema, self._codec, name, message))
        return self._shown.message(outcome.nouns[0])

    async def update(self, request: Any, _context: Any) -> bytes:
        """Change the fields that the mask names."""
        message = getattr(request, self._type)
        mask = tuple(request.update_mask.paths)
        name = self._name(message.name)
        outcome = await self._submit(request, Update(self._codec, name, message, mask, message.etag))
        return self._shown.message(outcome.nouns[0])

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
    noun = codec.from_client(name, message, faults, uid=str(uuid.uuid4()))
    if faults:
        raise InvalidError(name, faults)
    return Create(codec, noun)


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


async def _unhurried(nouns: Iterator[Any]) -> AsyncIterator[list[Any]]:
    """Yield nouns, of which there may be very many, some at a time, and let others have the event loop in between."""
    while some := list(islice(nouns, AT_A_TIME)):
        yield some
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
    """Return whether a parent is the one wanted."""
    parts = parent.split("/")
    return len(parts) == len(wanted) and all(want in (ANY, part) for part, want in zip(parts, wanted, strict=True))


def _unary(method: MethodDescriptor, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
    request = message_factory.GetMessageClass(method.input_type)
    return grpc.unary_unary_rpc_method_handler(
        handler,
        request_deserializer=request.FromString,
        response_serializer=lambda answer: answer if isinstance(answer, bytes) else answer.SerializeToString(),
    )
