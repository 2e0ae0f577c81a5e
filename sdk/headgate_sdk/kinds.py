"""Kinds: every message annotated as a resource, and the methods of its service, found by descriptor."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message_factory import GetMessageClass

import headgate.v1
from headgate.v1 import annotations_pb2
from headgate_common.methods import Method, as_method


def resource_of(message: Any) -> annotations_pb2.Resource:
    """Return how the kind with this descriptor is named.

    Raises:
        TypeError: the message is no resource.
    """
    extension: Any = annotations_pb2.resource
    resource: annotations_pb2.Resource = message.GetOptions().Extensions[extension]
    if not resource.type:
        raise TypeError(f"{message.full_name} is no resource of Headgate, but a part of one, or of a request.")
    return resource


@cache
def method(message: Any, verb: str) -> Method:
    """Return a standard method of the kind with this descriptor: Get, List, Create or Update."""
    service = message.file.services_by_name[f"{message.name}Service"]
    return as_method(next(m for m in service.methods if m.name.startswith(verb)))


def unpacked(packed: AnyMessage) -> Any:
    """Return the resource in an Any.

    Raises:
        KeyError: it is of a kind that this release does not know.
    """
    _load()
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())).FromString(packed.value)


@cache
def _load() -> None:
    """Have every kind of headgate.v1 known by name."""
    for module in pkgutil.iter_modules(headgate.v1.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{headgate.v1.__name__}.{module.name}")
