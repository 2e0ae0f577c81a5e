"""Messages of the API ↔ nouns: one converter, driven by the descriptors and their annotations; a kind needs no line
here.

For each message a list of fields with their readers and writers is built once. A client's message is checked against
every annotation, all faults at once, and its output-only fields are ignored; a stored message is taken as it is.

Source: proto/headgate/v1/annotations.proto.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from headgate.v1 import annotations_pb2, types_pb2
from headgate_controller.annotations import choice_of, element_of, is_map, resource_of, rule_of
from headgate_controller.errors import UnknownKindError, Violation
from headgate_controller.kinds.registry import Kind
from headgate_controller.moments import is_moment
from headgate_controller.nouns.meta import Meta
from headgate_controller.secrets import holds_secrets, keep_secrets
from headgate_controller.wire_values import Converter, Faults, PatternsOf, converter, default_of

OUTPUT_ONLY = annotations_pb2.BEHAVIOR_OUTPUT_ONLY
REQUIRED = annotations_pb2.BEHAVIOR_REQUIRED
LAST_COMMON_FIELD = 19
"""Fields of a kind's message up to this number are those that every kind has."""

META_FIELDS = ("display_name", "description", "labels", "deletion_protection")

Wanted = Callable[[FieldDescriptor], bool]
"""Returns whether a field of a message is one that a codec is for."""


def _is_own(field: FieldDescriptor) -> bool:
    return field.number > LAST_COMMON_FIELD


@dataclass(frozen=True, slots=True)
class FieldCodec:
    """One field: how an element of it is read and written, its rules, and what a noun holds where it is left out."""

    descriptor: FieldDescriptor
    rule: annotations_pb2.Field
    values: Converter | MessageCodec
    absent: Any = None

    @property
    def name(self) -> str:
        """The field's name."""
        return self.descriptor.name

    @property
    def is_map(self) -> bool:
        """True for map fields."""
        return is_map(self.descriptor)

    def read(self, message: Message, path: str, faults: Faults) -> Any:
        """Return the noun's value of the field, adding what is wrong with it to `faults`.

        Lists keep the client's order, whether it means something or not, since paths count by it; but those whose
        elements are told by a key are in its order, and paths name the key.
        """
        value = getattr(message, self.name)
        if self.is_map:
            self._check_size(value, path, faults)
            self._check_keys(value, path, faults)
            return tuple((key, self._read_one(value[key], f"{path}[{key}]", faults)) for key in sorted(value))
        if self.descriptor.is_repeated:
            self._check_size(value, path, faults)
            if self.rule.key:
                return self._read_keyed(value, path, faults)
            return tuple(self._read_one(element, f"{path}[{i}]", faults) for i, element in enumerate(value))
        if self._is_absent(message, value):
            if self.rule.behavior == REQUIRED:
                faults.append(Violation(path, "REQUIRED", "It is required; set it."))
            return self.absent
        return self._read_one(value, path, faults)

    def _read_keyed(self, value: Any, path: str, faults: Faults) -> Any:
        elements = sorted(value, key=lambda element: str(getattr(element, self.rule.key)))
        keys = [getattr(element, self.rule.key) for element in elements]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            text = f"Several elements have the {self.rule.key} {key!r}; give each its own."
            faults.append(Violation(f"{path}[{key}]", "DUPLICATE_KEY", text))
        return tuple(
            self._read_one(element, f"{path}[{key}]", faults) for key, element in zip(keys, elements, strict=True)
        )

    def _read_one(self, value: Any, path: str, faults: Faults) -> Any:
        if isinstance(self.values, Converter):
            return self.values.read(value, path, faults)
        before = len(faults)
        values = self.values.read(value, path, faults)
        return self.values.noun(**values) if len(faults) == before else None

    def _is_absent(self, message: Message, value: Any) -> bool:
        """Return whether the field is not set; a number or bool without presence always is."""
        if self.descriptor.has_presence:
            return not message.HasField(self.name) or (self.rule.write_only and not value)
        return value in ("", b"") or (self.descriptor.enum_type is not None and value == 0)

    def _check_size(self, value: Any, path: str, faults: Faults) -> None:
        most, least = self.rule.max_size, self.rule.min_size
        if most and len(value) > most:
            text = f"It has {len(value)} entries, more than {most}; leave some out."
            faults.append(Violation(path, "TOO_MANY", text))
        if len(value) < least:
            text = f"It has {len(value)} entries, fewer than {least}; add some."
            faults.append(Violation(path, "TOO_FEW", text))

    def _check_keys(self, value: Iterable[str], path: str, faults: Faults) -> None:
        pattern = re.compile(self.rule.pattern or ".*")
        for key in sorted(value):
            if not pattern.fullmatch(key):
                faults.append(Violation(path, "BAD_KEY", f"The key {key!r} does not match {self.rule.pattern}."))

    def restore(self, message: Message) -> Any:
        """Return the noun's value of the field of a message that was valid when it was stored."""
        if isinstance(self.values, Converter):
            return self.read(message, self.name, [])
        nested, value = self.values, getattr(message, self.name)
        if self.is_map:
            return tuple((key, nested.noun(**nested.restore(value[key]))) for key in sorted(value))
        if self.descriptor.is_repeated:
            return tuple(nested.noun(**nested.restore(element)) for element in value)
        return nested.noun(**nested.restore(value)) if message.HasField(self.name) else None

    def write(self, message: Message, value: Any, *, secrets: bool = False) -> None:
        """Set the field to the noun's value; what is write-only is left out unless `secrets`."""
        if value is None or (self.rule.write_only and not secrets):
            return
        if self.is_map:
            self._write_map(getattr(message, self.name), value, secrets=secrets)
        elif self.descriptor.is_repeated:
            self._write_list(getattr(message, self.name), value, secrets=secrets)
        elif not isinstance(self.values, Converter):
            inner = getattr(message, self.name)
            inner.SetInParent()
            self.values.write(inner, value, secrets=secrets)
        elif self.descriptor.message_type is None:
            setattr(message, self.name, self.values.write(value))
        else:
            getattr(message, self.name).CopyFrom(self.values.write(value))

    def _write_map(self, entries: Any, value: Any, *, secrets: bool) -> None:
        for key, element in value:
            if not isinstance(self.values, Converter):
                self.values.write(entries[key], element, secrets=secrets)
            elif element_of(self.descriptor).message_type is None:
                entries[key] = self.values.write(element)
            else:
                entries[key].CopyFrom(self.values.write(element))

    def _write_list(self, elements: Any, value: Any, *, secrets: bool) -> None:
        for element in value:
            if isinstance(self.values, Converter):
                elements.append(self.values.write(element))
            else:
                self.values.write(elements.add(), element, secrets=secrets)


class MessageCodec:
    """One message type ↔ one dataclass whose fields have the same names."""

    def __init__(
        self, descriptor: Descriptor, noun: type[Any], patterns: PatternsOf, wanted: Wanted = lambda _: True
    ) -> None:
        """Pair the fields that are wanted.

        Raises:
            UnknownKindError: the noun lacks a field of the message.
        """
        nested, names = _nested_types(noun), {field.name for field in fields(noun)}
        own = [f for f in descriptor.fields if wanted(f)]
        missing = [f.name for f in own if f.name not in names]
        if missing:
            raise UnknownKindError(f"{noun.__name__} lacks {', '.join(missing)} of {descriptor.full_name}.")
        self.noun = noun
        self.fields = [_field(f, nested.get(f.name), patterns) for f in own]
        self._settable = [(f.name, f) for f in self.fields if f.rule.behavior != OUTPUT_ONLY]
        self._oneofs = [o for o in descriptor.oneofs if wanted(o.fields[0]) and not _is_synthetic(o)]

    def read(self, message: Message, path: str, faults: Faults) -> dict[str, Any]:
        """Return the values of the noun's fields that a client can set."""
        for oneof in self._oneofs:
            if message.WhichOneof(oneof.name) is None and not choice_of(oneof).optional:
                names = " and ".join(f.name for f in oneof.fields)
                faults.append(Violation(path, "EXACTLY_ONE", f"Exactly one of {names} is needed."))
        prefix = f"{path}." if path else ""
        return {name: field.read(message, prefix + name, faults) for name, field in self._settable}

    def restore(self, message: Message) -> dict[str, Any]:
        """Return the values of every field, outputs too, of a message that was valid when it was stored."""
        return {field.name: field.restore(message) for field in self.fields}

    def write(self, message: Message, noun: Any, *, secrets: bool = False) -> None:
        """Set the message's fields to the noun's values."""
        for field in self.fields:
            field.write(message, getattr(noun, field.name), secrets=secrets)


def _is_synthetic(oneof: Any) -> bool:
    return len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"


def _nested_types(noun: type[Any]) -> dict[str, type[Any]]:
    """Return the dataclass inside the type of each field that has one: `X | None`, `tuple[X, ...]`, `tuple[tuple[str,
    X], ...]`.
    """
    found = {}
    for name, hint in typing.get_type_hints(noun).items():
        for inner in _flatten(hint):
            if isinstance(inner, type) and is_dataclass(inner) and inner is not Meta:
                found[name] = inner
    return found


def _flatten(hint: Any) -> Iterator[Any]:
    arguments = typing.get_args(hint)
    if not arguments:
        yield hint
    for argument in arguments:
        yield from _flatten(argument)


def _field(descriptor: FieldDescriptor, nested: type[Any] | None, patterns: PatternsOf) -> FieldCodec:
    rule = rule_of(descriptor)
    element = element_of(descriptor)
    if element.message_type is None or is_moment(element):
        values = converter(descriptor, element, rule, patterns)
        return FieldCodec(descriptor, rule, values, default_of(descriptor, rule))
    assert nested is not None, f"{descriptor.full_name}: the noun has no dataclass for it"
    return FieldCodec(descriptor, rule, MessageCodec(element.message_type, nested, patterns))


class KindCodec:
    """One kind's messages ↔ its nouns, with the fields that every kind has."""

    def __init__(self, kind: Kind, descriptor: Descriptor, patterns: PatternsOf) -> None:
        self.kind = kind
        self.descriptor = descriptor
        self.resource: annotations_pb2.Resource = resource_of(descriptor)
        self.message: type[Message] = message_factory.GetMessageClass(descriptor)
        self.own = MessageCodec(descriptor, kind.noun, patterns, lambda f: _is_own(f) and not rule_of(f).live)
        self.live = MessageCodec(descriptor, kind.live, patterns, lambda f: rule_of(f).live)
        self._meta = [_field(descriptor.fields_by_name[name], None, patterns) for name in META_FIELDS]

    @cached_property
    def settable(self) -> frozenset[str]:
        """The fields that a client can set."""
        return frozenset(f.name for f in [*self.own.fields, *self._meta] if f.rule.behavior != OUTPUT_ONLY)

    def from_client(self, name: str, message: Message, faults: Faults, uid: str = "") -> Any:
        """Return the noun that a client's message means, with the uid that was made for it, if any; None, and more
        `faults`, if it breaks rules.
        """
        before = len(faults)
        values = self.own.read(message, "", faults)
        noun = self._noun(name, values, message, faults, uid)
        return noun if len(faults) == before else None

    def _noun(self, name: str, values: Mapping[str, Any], message: Message, faults: Faults, uid: str = "") -> Any:
        meta = {f.name: f.read(message, f.name, faults) for f in self._meta}
        return self.kind.noun(name=name, meta=Meta(uid, **meta), **values)

    def with_uid(self, noun: Any, uid: str) -> Any:
        """Return the noun with the uid that was made for it."""
        return replace(noun, meta=replace(noun.meta, uid=uid))

    def from_store(self, message: Any) -> Any:
        """Return the noun that a stored message holds."""
        meta = Meta(
            uid=message.uid,
            generation=message.generation,
            revision=int(message.etag or 0),
            create_time=message.create_time.ToNanoseconds(),
            update_time=message.update_time.ToNanoseconds(),
            deleting=message.state == types_pb2.STATE_DELETING,
            **{f.name: f.restore(message) for f in self._meta},
        )
        return self.kind.noun(name=message.name, meta=meta, **self.own.restore(message))

    @cached_property
    def keeps_secrets(self) -> bool:
        """Whether resources of this kind have write-only fields."""
        return holds_secrets(self.descriptor)

    def to_message(self, noun: Any, *, secrets: bool = False) -> Any:
        """Return the message of a noun, without its status, and without what is write-only unless `secrets`."""
        meta = noun.meta
        message: Any = self.message(**_kept(noun))
        message.create_time.FromNanoseconds(meta.create_time)
        message.update_time.FromNanoseconds(meta.update_time)
        for field in self._meta:
            field.write(message, getattr(meta, field.name))
        self.own.write(message, noun, secrets=secrets)
        return message

    def value(self, noun: Any, path: str) -> Any:
        """Return the value of one plain field, as `to_message` would set it, without making a message."""
        kept = _kept(noun)
        if path in kept:
            return kept[path]
        common = path in META_FIELDS
        field = next(f for f in (self._meta if common else self.own.fields) if f.name == path)
        held = getattr(noun.meta if common else noun, path)
        if held is None or field.rule.write_only or not isinstance(field.values, Converter):
            return field.descriptor.default_value
        return field.values.write(held)

    def merged(self, before: Any, message: Message, mask: Iterable[str], faults: Faults) -> Any:
        """Return the noun that `before` becomes when the fields of the mask are taken from a client's message.

        An empty mask means every field that is set, "*" every field. A field that the server chooses and the client
        leaves out stays, and so does what is write-only.
        """
        paths = set(mask)
        if not paths:
            paths = {field.name for field, _ in message.ListFields()} & self.settable
        elif "*" in paths:
            paths = set(self.settable)
        for path in sorted(paths - self.settable):
            faults.append(
                Violation(
                    "update_mask",
                    "BAD_MASK",
                    f"{path!r} is not a field of {self.resource.type} that can be set; a mask names whole fields.",
                )
            )
        after = self.to_message(before)
        for path in paths & self.settable:
            self._take(after, message, path)
        if self.keeps_secrets:
            keep_secrets(self.to_message(before, secrets=True), after)
        values = self.own.read(after, "", faults)
        self._compare(before, values, faults)
        noun = self._noun(before.name, values, after, faults)
        return None if faults else noun

    def _take(self, after: Message, message: Message, path: str) -> None:
        """Set one field of a message to what it is in another, if only absent; what the server chooses stays."""
        field, value = self.descriptor.fields_by_name[path], getattr(message, path)
        if field.has_presence and not message.HasField(path):
            if not rule_of(field).server_chosen:
                after.ClearField(path)
            return
        after.ClearField(path)
        if field.is_repeated:
            getattr(after, path).MergeFrom(value)
        elif field.message_type is not None:
            getattr(after, path).CopyFrom(value)
        else:
            setattr(after, path, value)

    def _compare(self, before: Any, values: dict[str, Any], faults: Faults) -> None:
        """Compare new values with the old: what differs in the order of an unordered list only is set to the old, what
        is immutable and differs is a fault.
        """
        faulty = {fault.top for fault in faults}
        for field in self.own.fields:
            if field.name not in values or field.name in faulty:
                continue
            old, new = getattr(before, field.name), values[field.name]
            if field.rule.unordered and sorted(old, key=repr) == sorted(new, key=repr):
                values[field.name] = old
            elif field.rule.immutable and old != new:
                text = "It cannot change after creation; delete the resource and create it anew."
                faults.append(Violation(field.name, "IMMUTABLE", text))


def _kept(noun: Any) -> dict[str, Any]:
    """Return the plain fields that the platform keeps of every resource."""
    meta = noun.meta
    return {
        "name": noun.name,
        "uid": meta.uid,
        "generation": meta.generation,
        "etag": str(meta.revision),
        "state": types_pb2.STATE_DELETING if meta.deleting else types_pb2.STATE_ACTIVE,
    }
