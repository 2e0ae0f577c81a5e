"""The schema lint: what every proto file of the API must keep to, checked over all descriptors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from kind_site import schema

from headgate.v1 import annotations_pb2 as ann
from headgate_controller.annotations import resource_of, rule_of
from headgate_controller.codec import LAST_COMMON_FIELD

KINDS = {name: codec.descriptor for name, codec in schema().codecs.items()}
COMMON = [
    "name",
    "uid",
    "generation",
    "etag",
    "state",
    "reconciling",
    "status",
    "create_time",
    "update_time",
    "display_name",
    "description",
    "labels",
    "deletion_protection",
]


def entry(field: FieldDescriptor) -> Descriptor | None:
    """Return the map entry of a map field."""
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def children(field: FieldDescriptor) -> Descriptor | None:
    """Return the message inside a field of this package: of a list or a map too."""
    inner = entry(field)
    message = inner.fields_by_name["value"].message_type if inner else field.message_type
    return message if message is not None and message.file.package == "headgate.v1" else None


def all_fields() -> Iterator[FieldDescriptor]:
    """Yield every field of every kind, those of messages inside too, each once."""
    ahead, seen = list(KINDS.values()), set()
    while ahead:
        message = ahead.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            yield field
            inner = children(field)
            if inner is not None:
                ahead.append(inner)


Rule = Callable[[FieldDescriptor, ann.Field], bool]


def breaking(rule: Rule) -> list[str]:
    """Return the fields that a rule does not hold for."""
    return [field.full_name for field in all_fields() if not rule(field, rule_of(field))]


each_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_field_says_who_sets_it() -> None:
    assert breaking(lambda _, rule: rule.behavior != ann.BEHAVIOR_UNSPECIFIED) == []


@each_kind
def test_every_kind_has_the_common_fields_with_equal_definitions(kind: str) -> None:
    def shape(field: FieldDescriptor) -> tuple[object, ...]:
        inner = field.message_type.full_name if field.message_type and not entry(field) else None
        presence = field.has_presence
        return field.number, field.type, field.is_repeated, presence, inner, rule_of(field).SerializeToString()

    own, first = KINDS[kind].fields_by_number, KINDS["headgate.v1.Vpc"].fields_by_number
    assert [own[number].name for number in range(1, 14)] == COMMON
    assert [shape(own[number]) for number in range(1, 14)] == [shape(first[number]) for number in range(1, 14)]
    assert all(number <= 13 or number > LAST_COMMON_FIELD for number in own)


def test_all_that_a_client_sets_has_a_bound() -> None:
    def bounded(field: FieldDescriptor, rule: ann.Field) -> bool:
        text = is_text(field) and not (rule.format or rule.references or field.name == "name")
        return rule.behavior == ann.BEHAVIOR_OUTPUT_ONLY or rule.max_size > 0 or not (text or field.is_repeated)

    assert breaking(bounded) == []


def test_references_name_types_that_exist() -> None:
    assert breaking(lambda _, rule: not rule.references or rule.references in schema().by_type) == []


@each_kind
def test_every_kind_is_named_by_the_form_of_its_names(kind: str) -> None:
    resource = resource_of(KINDS[kind])
    assert re.fullmatch(r"[a-z][a-z0-9_]*", resource.type)
    assert resource.patterns
    for pattern in resource.patterns:
        *_, plural, variable = pattern.split("/")
        assert (plural, variable) == (resource.plural, f"{{{resource.type}}}")


@each_kind
def test_every_kind_has_the_standard_methods(kind: str) -> None:
    message = KINDS[kind]
    methods = {method.name for method in message.file.services_by_name[f"{message.name}Service"].methods}
    assert methods == {f"{verb}{message.name}" for verb in ("Get", "Create", "Update", "Delete")} | {
        f"List{message.name}s"
    }


def is_text(field: FieldDescriptor) -> bool:
    return field.cpp_type == FieldDescriptor.CPPTYPE_STRING


def inside(field: FieldDescriptor) -> list[ann.Field]:
    message = children(field)
    return [] if message is None else [rule_of(inner) for inner in message.fields]


def test_unordered_lists_hold_nothing_that_the_server_sets() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        return not rule.unordered or all(inner.behavior != ann.BEHAVIOR_OUTPUT_ONLY for inner in inside(field))

    assert breaking(holds) == []


def test_optional_single_values_tell_absence_from_zero() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        return rule.behavior != ann.BEHAVIOR_OPTIONAL or field.is_repeated or field.has_presence

    assert breaking(holds) == []


def test_required_numbers_tell_absence_from_zero() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        number = field.cpp_type not in (FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_ENUM)
        return rule.behavior != ann.BEHAVIOR_REQUIRED or not number or field.is_repeated or field.has_presence

    assert breaking(holds) == []


def test_what_the_server_may_choose_is_optional_and_tells_absence_from_zero() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        return not rule.server_chosen or (field.has_presence and rule.behavior == ann.BEHAVIOR_OPTIONAL)

    assert breaking(holds) == []


def test_what_is_immutable_inside_is_immutable_outside() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        return rule.immutable or not any(inner.immutable for inner in inside(field))

    assert breaking(holds) == []


def test_what_is_live_is_output_that_changes_by_itself() -> None:
    def holds(_: FieldDescriptor, rule: ann.Field) -> bool:
        return not rule.live or (rule.behavior == ann.BEHAVIOR_OUTPUT_ONLY and rule.volatile)

    assert breaking(holds) == []


def test_bounds_fit_the_types_they_are_on() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        number = field.message_type is None and not is_text(field)
        numeric = rule.HasField("minimum") or rule.HasField("maximum")
        textual = bool(rule.format or rule.references or rule.pattern)
        return (
            (not numeric or number)
            and (not textual or is_text(field) or entry(field) is not None)
            and (not (rule.min_size or rule.unordered) or field.is_repeated)
            and re.compile(rule.pattern) is not None
        )

    assert breaking(holds) == []


def test_text_that_clients_set_is_bounded() -> None:
    def holds(field: FieldDescriptor, rule: ann.Field) -> bool:
        free = is_text(field) and not rule.format and not rule.references
        clients = rule.behavior in (ann.BEHAVIOR_REQUIRED, ann.BEHAVIOR_OPTIONAL)
        return not (free and clients) or bool(rule.max_size)

    assert breaking(holds) == []


def source_info() -> descriptor_pb2.FileDescriptorSet:
    data = (files("headgate.v1") / "headgate.binpb").read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data)


def undocumented(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    """Yield what has no comment: messages, their fields, enums and their values, services and their methods."""
    comments = {tuple(at.path): at.leading_comments.strip() for at in file.source_code_info.location}

    def check(path: tuple[int, ...], name: str) -> Iterator[str]:
        if not comments.get(path):
            yield name

    def enums(path: tuple[int, ...], found: list[descriptor_pb2.EnumDescriptorProto]) -> Iterator[str]:
        for i, enum in enumerate(found):
            yield from check((*path, i), enum.name)
            for j, value in enumerate(enum.value):
                yield from check((*path, i, 2, j), value.name)

    for i, message in enumerate(file.message_type):
        yield from check((4, i), message.name)
        yield from enums((4, i, 4), list(message.enum_type))
        for j, field in enumerate(message.field):
            yield from check((4, i, 2, j), f"{message.name}.{field.name}")
    yield from enums((5,), list(file.enum_type))
    for i, service in enumerate(file.service):
        yield from check((6, i), service.name)
        for j, method in enumerate(service.method):
            yield from check((6, i, 2, j), method.name)


@pytest.mark.parametrize("name", [f.name for f in source_info().file if f.name.startswith("headgate/")])
def test_everything_has_a_comment(name: str) -> None:
    file = next(file for file in source_info().file if file.name == name)
    assert list(undocumented(file)) == []
