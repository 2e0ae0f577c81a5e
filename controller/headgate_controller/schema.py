"""The schema: every kind with its codec, found by type, by message and by resource name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pool

import headgate.v1
from headgate_controller.annotations import resource_of
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, NotFoundError, UnknownKindError, Violation
from headgate_controller.kinds.registry import Kind
from headgate_controller.names import ID, ID_RULE

VARIABLE = re.compile(r"\{[a-z_]+\}")


class Schema:
    """Every kind that the controller knows."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        """Read the kinds' descriptors.

        Raises:
            UnknownKindError: two kinds give their resources names of the same form.
        """
        for module in pkgutil.iter_modules(headgate.v1.__path__):
            if module.name.endswith("_pb2"):
                importlib.import_module(f"{headgate.v1.__name__}.{module.name}")
        pool = descriptor_pool.Default()
        descriptors = {name: pool.FindMessageTypeByName(name) for name in kinds}
        resources = {name: resource_of(d) for name, d in descriptors.items()}
        self._patterns = {r.type: tuple(_compiled(p, r.id_pattern) for p in r.patterns) for r in resources.values()}
        self.codecs = {
            name: KindCodec(kind, descriptors[name], self._patterns.__getitem__) for name, kind in kinds.items()
        }
        self._by_skeleton: dict[tuple[str, ...], KindCodec] = {}
        for name, resource in resources.items():
            for pattern in resource.patterns:
                taken = self._by_skeleton.setdefault(tuple(pattern.split("/")[::2]), self.codecs[name])
                if taken is not self.codecs[name]:
                    raise UnknownKindError(f"{name} and {taken.descriptor.full_name} name their resources alike.")

    @cached_property
    def by_noun(self) -> Mapping[type[Any], KindCodec]:
        """The codecs by the class of their nouns."""
        return {codec.kind.noun: codec for codec in self.codecs.values()}

    @cached_property
    def by_type(self) -> Mapping[str, KindCodec]:
        """The codecs by their resource type ("vpc")."""
        return {codec.resource.type: codec for codec in self.codecs.values()}

    def kind(self, noun: Any) -> Kind:
        """Return the kind of a noun."""
        return self.by_noun[type(noun)].kind

    def codec_of(self, name: str) -> KindCodec:
        """Return the codec of the kind that a resource name is of.

        Raises:
            NotFoundError: no kind has names of that form.
        """
        codec = self._by_skeleton.get(tuple(name.split("/")[::2]))
        if codec is None:
            raise NotFoundError(name)
        return codec

    def count(self, nouns: Iterable[Any]) -> dict[str, int]:
        """Return how many nouns there are of each type of resource, none left out."""
        counted = Counter(map(type, nouns))
        return {codec.resource.type: counted[noun] for noun, codec in self.by_noun.items()}

    def check_name(self, codec: KindCodec, name: str) -> None:
        """Check that a name can be given to a resource of a kind.

        Raises:
            InvalidError: it has none of the kind's forms.
        """
        if not any(pattern.fullmatch(name) for pattern in self._patterns[codec.resource.type]):
            forms = " or ".join(codec.resource.patterns)
            rule = f"match {codec.resource.id_pattern}" if codec.resource.id_pattern else f"consist of {ID_RULE}"
            fault = Violation("name", "BAD_NAME", f"{name!r} has not the form {forms}; each id must {rule}.")
            raise InvalidError(name, [fault])


def _compiled(pattern: str, id_pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern; the last id may have rules of its own."""
    parts = VARIABLE.sub(lambda _: f"({ID.pattern})", pattern)
    if id_pattern:
        parts = parts[: parts.rindex("/") + 1] + f"({id_pattern})"
    return re.compile(parts)
