"""What a request needs its caller to be allowed, and which resources it names: by descriptors, whatever the method.

Source: proto/headgate/v1/annotations.proto, `Access`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from headgate.v1 import annotations_pb2
from headgate_controller.annotations import is_map, resource_of, rule_of
from headgate_controller.names import project_of
from headgate_controller.principal import SITE, Access
from headgate_controller.schema import Schema

READING = ("Get", "List")
"""What the names of methods that change nothing begin with (AIP-131, AIP-132)."""

PREFIX = "name_prefix"
NAMING = ("name", "parent", PREFIX)
"""Fields that say what a request is about."""

WILDCARD = "-"
PROJECTS = "projects/"


class Scope(Enum):
    """Where a caller must be allowed what a method does."""

    NOWHERE = auto()
    """Anybody may call it."""
    ANYWHERE = auto()
    """Whoever has a token, for whatever, may call it."""
    SITE = auto()
    """In the whole site."""
    NAMED = auto()
    """In the projects of what the request names."""
    SOME = auto()
    """Likewise, and what the request does not name is left out of the answer."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What the caller of a method must be allowed."""

    scope: Scope
    access: Access = Access.READ
    judged: bool = False
    """The method itself tells of references to what its caller may not know of."""


OTHERS: Mapping[str, Demand] = {
    health.SERVICE_NAME: Demand(Scope.NOWHERE),
    reflection.SERVICE_NAME: Demand(Scope.ANYWHERE),
}
"""Services that are not ours, and so have no annotations."""

ANNOTATED: Mapping[int, Demand] = {
    annotations_pb2.ACCESS_READ: Demand(Scope.NAMED),
    annotations_pb2.ACCESS_WRITE: Demand(Scope.NAMED, Access.WRITE),
    annotations_pb2.ACCESS_READ_SOME: Demand(Scope.SOME),
    annotations_pb2.ACCESS_OPEN: Demand(Scope.NOWHERE),
    annotations_pb2.ACCESS_READ_JUDGED: Demand(Scope.NAMED, judged=True),
}


class Demands:
    """Answers for every method of the schema's kinds and of any other service."""

    def __init__(self, schema: Schema) -> None:
        self._messages = {name: codec.message for name, codec in schema.codecs.items()}
        self._kinds = {f"{name}Service" for name in schema.codecs}
        self._demands: dict[str, Demand] = {}

    def of(self, path: str) -> Demand:
        """Return what the method at a path ("/package.Service/Method") demands."""
        if path not in self._demands:
            _, service, name = path.split("/")
            self._demands[path] = OTHERS.get(service) or self._demand(service, name)
        return self._demands[path]

    def _demand(self, service: str, name: str) -> Demand:
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
        annotated = ANNOTATED.get(_annotation(method))
        if annotated is not None:
            return annotated
        access = Access.READ if name.startswith(READING) else Access.WRITE
        if service not in self._kinds or _is_of_the_site(method):
            return Demand(Scope.SITE, access)
        return Demand(Scope.SOME if name.startswith("List") else Scope.NAMED, access)

    def projects(self, demand: Demand, request: Message) -> set[str]:
        """Return the projects in which the caller must be allowed what the method does; `SITE` stands for all."""
        if demand.scope is not Scope.NAMED and demand.scope is not Scope.SOME:
            return {SITE} if demand.scope is Scope.SITE else set()
        found = [_project(field, text) for field, text in self._names(request)]
        if demand.scope is Scope.SOME:
            return {project for project in found if project not in (None, WILDCARD)}
        return {SITE if project is None else project for project in found} or {SITE}

    def _names(self, message: Message) -> Iterator[tuple[str, str]]:
        """Yield what a message is about, each with its field; of a resource only its own name."""
        for field, _, value in _elements(message):
            if field.name in NAMING and isinstance(value, str):
                yield field.name, value
            elif isinstance(value, Message):
                inner = self._unpacked(value)
                if not resource_of(inner.DESCRIPTOR).type:
                    yield from self._names(inner)
                elif inner.name:
                    yield "name", inner.name

    def references(self, message: Message, path: str = "") -> Iterator[tuple[str, str]]:
        """Yield the other resources that those in a message refer to, each with the path of the field."""
        for field, place, value in _elements(message):
            where = f"{path}.{place}" if path else place
            if rule_of(field).references:
                yield where, value
            elif isinstance(value, Message):
                inner = self._unpacked(value)
                below = where[: where.rfind("]") + 1] if resource_of(inner.DESCRIPTOR).type else where
                yield from self.references(inner, below)

    def _unpacked(self, message: Message) -> Any:
        """Return the resource in a packed message; a packed message that is none has nothing to say here."""
        if not isinstance(message, AnyMessage):
            return message
        known = self._messages.get(message.TypeName())
        try:
            return known.FromString(message.value) if known else AnyMessage()
        except DecodeError:
            return AnyMessage()


def _annotation(method: MethodDescriptor) -> int:
    extensions: Any = method.GetOptions().Extensions
    return int(extensions[annotations_pb2.access])


def _is_of_the_site(method: MethodDescriptor) -> bool:
    """Return whether a method of a kind makes or lists resources that lie in no project."""
    collection = method.name.startswith(("Create", "List"))
    return collection and "parent" not in method.input_type.fields_by_name


def _project(field: str, text: str) -> str | None:
    """Return the project that a field names, `SITE` if it names something outside of them, None if it may be any."""
    if field != PREFIX:
        return project_of(text)
    if text.startswith(PROJECTS):
        return project_of(text) if text.count("/") > 1 else None
    return None if PROJECTS.startswith(text) else SITE


def _elements(message: Message) -> Iterator[tuple[FieldDescriptor, str, Any]]:
    """Yield each value that is set, those of lists and maps one by one, with its field and its place."""
    for field, value in message.ListFields():
        if is_map(field):
            yield from ((field, f"{field.name}[{key}]", value[key]) for key in sorted(value))
        elif field.is_repeated:
            yield from ((field, f"{field.name}[{i}]", element) for i, element in enumerate(value))
        else:
            yield field, field.name, value
