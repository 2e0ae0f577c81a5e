"""Objects of files as messages of the API: each value is read as its field wants it, and every fault has its line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import yaml
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from headgate_cli.documents import NOTHING, Document, Fault, Place
from headgate_cli.errors import CliError
from headgate_cli.fields import is_map, is_output, is_plain, value_field
from headgate_cli.kinds import Kind, find_kinds, rules_of
from headgate_cli.names import expand, is_full
from headgate_cli.scalars import read_scalar

KIND, NAME = "kind", "name"
"""What says which resource an object is; no kind has a field named `kind`."""

NO_NODE = yaml.ScalarNode(NOTHING, "")
LAST_STEP = re.compile(r"(\.[^.\[\]]*|\[[^\]]*\])$")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One resource as a file wants it; `lines` says where each field stands, by its path."""

    kind: Kind
    message: Any
    place: Place
    lines: Mapping[str, int]

    @property
    def name(self) -> str:
        """The full name of the resource."""
        return str(self.message.name)

    def place_of(self, path: str) -> Place:
        """Return where a field stands, or else what holds it."""
        while path and path not in self.lines:
            path = LAST_STEP.sub("", path) if LAST_STEP.search(path) else ""
        return replace(self.place, line=self.lines[path]) if path else self.place


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What short names mean: the kinds that there are, and the project they are of."""

    kinds: Mapping[str, Kind]
    project: str

    def full_name(self, kind: Kind, text: str) -> str | None:
        """Return the full name that a text means; None if it could be several, or none."""
        if is_full(kind.patterns, text):
            return text
        found = list(expand(kind.patterns, self.project, text))
        return found[0] if len(found) == 1 else None


def read_manifests(documents: Sequence[Document], around: Surroundings, faults: list[Fault]) -> list[Manifest]:
    """Return what the objects want, in order; those with faults are left out."""
    found: dict[str, Manifest] = {}
    for document in documents:
        manifest = _read(document, around, faults)
        if manifest is None:
            continue
        if manifest.name in found:
            text = f"{manifest.name} is at {found[manifest.name].place} already; write it once."
            faults.append(Fault(manifest.place, text))
        found.setdefault(manifest.name, manifest)
    return list(found.values())


def _read(document: Document, around: Surroundings, faults: list[Fault]) -> Manifest | None:
    before = len(faults)
    kind, name = _identity(document, around, faults)
    if kind is None or name is None:
        return None
    message: Any = GetMessageClass(kind.message)()
    reader = _Reader(document, around, faults)
    reader.read_into(message, document.node, "", besides=(KIND, NAME))
    message.name = name
    return Manifest(kind, message, document.place(), reader.lines) if len(faults) == before else None


def _identity(document: Document, around: Surroundings, faults: list[Fault]) -> tuple[Kind | None, str | None]:
    """Return the kind and the full name of an object; None, and a fault, for what cannot be told."""
    given = {key.value: value for key, value in document.node.value if isinstance(key, yaml.ScalarNode)}
    structures = [word for word in (KIND, NAME) if not isinstance(given.get(word, NO_NODE), yaml.ScalarNode)]
    faults += [Fault(document.place(given[word]), f"{word}: It must be a single value.") for word in structures]
    if NAME not in given:
        text = f"It has no name; add {NAME}: a full name, or a short one and {KIND}:."
        faults.append(Fault(document.place(), text))
    if structures or NAME not in given:
        return None, None
    name = given[NAME].value
    kind = _kind(document, given.get(KIND), name, around, faults)
    full = around.full_name(kind, name) if kind else None
    if kind and full is None:
        text = f"{name!r} is no name of a {kind.type}; write {' or '.join(kind.patterns)}, or only its ids."
        faults.append(Fault(document.place(given[NAME]), text))
    return kind, full


def _kind(
    document: Document, given: yaml.Node | None, name: str, around: Surroundings, faults: list[Fault]
) -> Kind | None:
    if given is None:
        for kind in around.kinds.values():
            if is_full(kind.patterns, name):
                return kind
        text = f"{name!r} does not say its kind; add {KIND}: with one of {', '.join(around.kinds)}."
        faults.append(Fault(document.place(), text))
        return None
    try:
        found = find_kinds(around.kinds, given.value)
    except CliError as error:
        faults.append(Fault(document.place(given), str(error)))
        return None
    if len(found) == 1:
        return found[0]
    faults.append(Fault(document.place(given), f"{given.value!r} is not one kind; an object is of exactly one."))
    return None


@dataclass(slots=True)
class _Reader:
    """Fills one message, and notes the line of every field and all that is wrong."""

    document: Document
    around: Surroundings
    faults: list[Fault]
    lines: dict[str, int] = field(default_factory=dict)

    def read_into(self, message: Any, node: yaml.Node, path: str, besides: Sequence[str] = ()) -> None:
        """Set the fields of a message to what a mapping says; what the server alone sets is passed over."""
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, path, "It must be an object, with its fields each on a line below it.")
            return
        for key, value, descriptor in self._fields(message, node, path, besides):
            inner = f"{path}.{descriptor.name}" if path else descriptor.name
            self.lines[inner] = key.start_mark.line + 1
            other = descriptor.containing_oneof and message.WhichOneof(descriptor.containing_oneof.name)
            if other:
                self._refuse(key, path, f"Only one of {other} and {descriptor.name} can be set; leave one out.")
            elif value.tag != NOTHING:
                self._set(message, descriptor, value, inner)

    def _fields(
        self, message: Any, node: yaml.MappingNode, path: str, besides: Sequence[str]
    ) -> Iterator[tuple[yaml.Node, yaml.Node, FieldDescriptor]]:
        known = {name: f for f in message.DESCRIPTOR.fields for name in (f.name, f.json_name)}
        for key, value in self._entries(node, path):
            descriptor = known.get(key.value)
            if descriptor is None and key.value not in besides:
                near = get_close_matches(key.value, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_settable(message)))}."
                self._refuse(key, path, f"There is no field {key.value!r}; {hint}")
            elif descriptor is not None and key.value not in besides and not is_output(descriptor):
                yield key, value, descriptor

    def _entries(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "A key must be a plain word.")
            elif key.value in seen:
                self._refuse(key, path, f"{key.value} is at line {seen[key.value]} already; write it once.")
            else:
                seen[key.value] = line
                yield key, value

    def _set(self, message: Any, descriptor: FieldDescriptor, node: yaml.Node, path: str) -> None:
        if is_map(descriptor):
            self._set_map(getattr(message, descriptor.name), value_field(descriptor), node, path)
        elif descriptor.is_repeated:
            self._set_list(getattr(message, descriptor.name), descriptor, node, path)
        elif is_plain(descriptor):
            value = self._value(descriptor, node, path)
            if value is None:
                return
            if descriptor.message_type is None:
                setattr(message, descriptor.name, value)
            else:
                getattr(message, descriptor.name).CopyFrom(value)
        else:
            inner = getattr(message, descriptor.name)
            inner.SetInParent()
            self.read_into(inner, node, path)

    def _set_map(self, entries: Any, inner: FieldDescriptor, node: yaml.Node, path: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, path, "It must be an object: a name and its value on each line below it.")
            return
        for key, value in self._entries(node, path):
            place = f"{path}[{key.value}]"
            self.lines[place] = key.start_mark.line + 1
            if not is_plain(inner):
                entries[key.value].SetInParent()
                self.read_into(entries[key.value], value, place)
            elif (read := self._value(inner, value, place)) is not None:
                _put(entries, key.value, inner, read)

    def _set_list(self, elements: Any, descriptor: FieldDescriptor, node: yaml.Node, path: str) -> None:
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, path, 'It must be a list: each element on a line of its own, with "- " before it.')
            return
        for position, element in enumerate(node.value):
            place = f"{path}[{position}]"
            self.lines[place] = element.start_mark.line + 1
            if not is_plain(descriptor):
                self.read_into(elements.add(), element, place)
            elif (read := self._value(descriptor, element, place)) is not None:
                elements.append(read)

    def _value(self, descriptor: FieldDescriptor, node: yaml.Node, path: str) -> Any:
        """Return one value that is no structure; None, and a fault, if the field cannot have it."""
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, path, "It must be a single value.")
            return None
        try:
            value = read_scalar(descriptor, node.value)
        except ValueError as error:
            self._refuse(node, path, str(error))
            return None
        kind = self.around.kinds.get(rules_of(descriptor).references)
        return value if kind is None else self.around.full_name(kind, value) or value

    def _refuse(self, node: yaml.Node, path: str, text: str) -> None:
        self.faults.append(Fault(self.document.place(node), f"{path}: {text}" if path else text))


def _put(entries: Any, key: str, inner: FieldDescriptor, value: Any) -> None:
    if inner.message_type is None:
        entries[key] = value
    else:
        entries[key].CopyFrom(value)


def _settable(message: Any) -> list[str]:
    return [f.name for f in message.DESCRIPTOR.fields if not is_output(f)]
