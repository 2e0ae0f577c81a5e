"""Kinds: every message annotated as a resource, in headgate.v1 or in the modules that HEADGATE_EXTRA_PROTOS names."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

import headgate.v1
from headgate.v1 import annotations_pb2, intent_pb2
from headgate_cli.errors import CliError, Status
from headgate_common.methods import Method, as_method

ALL = "all"
"""What a user writes for every kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of resource: its singular and plural, the forms of its names, and its message."""

    type: str
    plural: str
    patterns: tuple[str, ...]
    message: Descriptor

    @property
    def words(self) -> set[str]:
        """What users may call it, after `plain`."""
        return {plain(self.type), plain(self.plural), plain(self.message.name)}

    def method(self, verb: str) -> Method:
        """Return the standard method Get, List, Create, Update or Delete."""
        service = self.message.file.services_by_name[f"{self.message.name}Service"]
        return as_method(next(method for method in service.methods if method.name.startswith(verb)))


def intent_method(name: str) -> Method:
    """Return a method of the service that works on resources of every kind: Batch, Watch, AwaitRealised."""
    return as_method(intent_pb2.DESCRIPTOR.services_by_name["IntentService"].methods_by_name[name])


def plain(word: str) -> str:
    """Return a kind's name without what people write differently: floatingIps, floating-ips, floating_ips."""
    return word.replace("-", "").replace("_", "").lower()


def rules_of(field: FieldDescriptor) -> annotations_pb2.Field:
    """Return the rules that a field is annotated with."""
    extension: Any = annotations_pb2.field
    rules: annotations_pb2.Field = field.GetOptions().Extensions[extension]
    return rules


def resource_of(message: Descriptor) -> annotations_pb2.Resource:
    """Return how a kind, by its message, is named; of a message that is no kind an empty one."""
    extension: Any = annotations_pb2.resource
    resource: annotations_pb2.Resource = message.GetOptions().Extensions[extension]
    return resource


def load_kinds(extra: Iterable[str] = ()) -> Mapping[str, Kind]:
    """Return every kind by its type.

    Raises:
        CliError: a module of `extra` cannot be imported.
    """
    messages = (m for module in _modules(extra) for m in module.DESCRIPTOR.message_types_by_name.values())
    described = ((message, resource_of(message)) for message in messages)
    kinds = (Kind(r.type, r.plural, tuple(r.patterns), message) for message, r in described if r.type)
    return {kind.type: kind for kind in sorted(kinds, key=lambda kind: kind.type)}


def find_kinds(kinds: Mapping[str, Kind], words: str) -> list[Kind]:
    """Return the kinds that "vpcs", "vpc,subnets" or "all" name, in that order.

    Raises:
        CliError: one is unknown; the message lists all and offers the nearest.
    """
    if words == ALL:
        return list(kinds.values())
    return [_find_kind(kinds, word) for word in words.split(",") if word]


def _find_kind(kinds: Mapping[str, Kind], word: str) -> Kind:
    for kind in kinds.values():
        if plain(word) in kind.words:
            return kind
    known = [kind.type for kind in kinds.values()]
    near = get_close_matches(word.lower(), known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise CliError(f"There is no kind {word!r}.{hint} Kinds: {', '.join(known)}; or {ALL}.", Status.USAGE)


def _modules(extra: Iterable[str]) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(headgate.v1.__path__):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(f"headgate.v1.{module.name}")
    for name in extra:
        try:
            yield importlib.import_module(name)
        except ImportError as error:
            raise CliError(f"HEADGATE_EXTRA_PROTOS: {name} cannot be imported: {error}", Status.USAGE) from error
