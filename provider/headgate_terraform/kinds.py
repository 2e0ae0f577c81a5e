"""Kinds: every message annotated as a resource, wherever its proto file came from, and how to call its service."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor

import headgate.v1
from headgate.v1 import annotations_pb2
from headgate_common.methods import Method, as_method
from headgate_terraform.attributes import Attribute, Object, Scalar
from headgate_terraform.compiler import compile_message
from headgate_terraform.names import NamePattern, check_form, split
from headgate_terraform.scalars import SchemaError
from headgate_terraform.timeouts import TIMEOUTS
from headgate_terraform.views import settled

RESERVED = frozenset(
    {
        *("id", "project", "timeouts"),
        *("count", "for_each", "provider", "lifecycle", "depends_on", "connection", "provisioner"),
    }
)
"""Names taken at the top of a block: by the provider's own arguments, and by Terraform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of resource.

    `shape` holds what a resource shows: `name`, the parent, the message's attributes; `id` is not among them, because
    it is made from these. `whole` holds everything that the API says of one. `parent` is the parent attribute's name,
    empty where there is none.
    """

    type: str
    plural: str
    patterns: tuple[NamePattern, ...]
    parent: str
    in_project: bool
    shape: Object = field(repr=False)
    whole: Object = field(repr=False)
    message: Descriptor = field(repr=False)

    @property
    def terraform_type(self) -> str:
        """What the type is called in a configuration: "headgate_vpc"."""
        return f"headgate_{self.type}"

    def method(self, verb: str) -> Method:
        """Return one of the standard methods: Get, List, Create, Update, Delete."""
        file, name = self.message.file, self.message.name
        noun = self.plural[0].upper() + self.plural[1:] if verb == "List" else name
        return find_method(file, f"{name}Service", f"{verb}{noun}")

    def identity(self, name: str) -> dict[str, str | None]:
        """Return the attributes that a resource name is made of: `id`, `name` and the parent."""
        above, own = split(name)
        identity: dict[str, str | None] = {"id": name, "name": own}
        if self.parent:
            has_parent = any(p.parent_variable == self.parent and p.matches(name) for p in self.patterns)
            identity[self.parent] = above if has_parent else None
        return identity

    def compose(self, config: dict[str, Any], project: str) -> str:
        """Return the resource name of a configuration whose name and parent are known."""
        parent = config[self.parent] if self.parent else None
        if parent is None and self.in_project:
            parent = f"projects/{project}"
        return "/".join(filter(None, (parent, self.plural, config["name"])))


def find_method(file: FileDescriptor, service: str, method: str) -> Method:
    """Return a method of a service in a proto file."""
    return as_method(file.services_by_name[service].methods_by_name[method])


def load_kinds(extra: Iterable[str] = ()) -> dict[str, Kind]:
    """Return every kind by its Terraform type: those of headgate.v1 and of the generated modules named in `extra`.

    Raises:
        SchemaError: a kind cannot be shown in Terraform.
    """
    messages = [m for module in _modules(extra) for m in module.DESCRIPTOR.message_types_by_name.values()]
    described = {r.type: (m, r) for m in messages if (r := _resource_of(m)).type}
    patterns = {
        type_: tuple(NamePattern(text, r.id_pattern) for text in r.patterns) for type_, (_, r) in described.items()
    }
    kinds = (_kind(message, resource, patterns) for message, resource in described.values())
    return {kind.terraform_type: kind for kind in sorted(kinds, key=lambda kind: kind.type)}


def _modules(extra: Iterable[str]) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(headgate.v1.__path__):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(f"headgate.v1.{module.name}")
    yield from map(importlib.import_module, extra)


def _resource_of(message: Descriptor) -> annotations_pb2.Resource:
    extension: Any = annotations_pb2.resource
    resource: annotations_pb2.Resource = message.GetOptions().Extensions[extension]
    return resource


def _kind(message: Descriptor, resource: annotations_pb2.Resource, known: dict[str, tuple[NamePattern, ...]]) -> Kind:
    patterns = known[resource.type]
    variables = {p.parent_variable for p in patterns}
    parents = variables - {"", "project"}
    if len(parents) > 1:
        raise SchemaError(f"{message.full_name}: parents of different types ({', '.join(sorted(parents))})")
    parent = parents.pop() if parents else ""
    compiled = compile_message(message, known)
    for attribute in compiled.attributes:
        if attribute.name in RESERVED | {"name", parent}:
            raise SchemaError(f"{message.full_name}.{attribute.name}: the name is taken in Terraform")
    own = [_name_attribute(message, patterns), *([_parent_attribute(parent, patterns)] if parent else [])]
    whole = Object(attributes=(*own, *compiled.attributes), choices=compiled.choices)
    return Kind(
        type=resource.type,
        plural=resource.plural,
        patterns=patterns,
        parent=parent,
        in_project="project" in variables,
        shape=_managed(settled(whole)),
        whole=whole,
        message=message,
    )


def _managed(shape: Object) -> Object:
    return Object(attributes=(*shape.attributes, TIMEOUTS), choices=shape.choices)


def _name_attribute(message: Descriptor, patterns: tuple[NamePattern, ...]) -> Attribute:
    return Attribute(
        name="name",
        element=Scalar(type="string", checks=(patterns[0].check_id,)),
        required=True,
        immutable=True,
        description=f"Required. Immutable. The {message.name}'s name among its siblings: the last segment of its id.",
    )


def _parent_attribute(parent: str, patterns: tuple[NamePattern, ...]) -> Attribute:
    forms = tuple(NamePattern(p.parent) for p in patterns if p.parent_variable == parent)
    required = len(forms) == len(patterns)
    return Attribute(
        name=parent,
        element=Scalar(type="string", checks=(lambda text: check_form(forms, f"a headgate_{parent}", text),)),
        required=required,
        optional=not required,
        immutable=True,
        description=f"{'Required' if required else 'Optional'}. Immutable. The headgate_{parent} it is in, by its id.",
    )
