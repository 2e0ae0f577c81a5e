"""What proto files may say and what the provider refuses to show."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor

from headgate.v1 import annotations_pb2 as a
from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar
from headgate_terraform.compiler import compile_message
from headgate_terraform.data_sources import load_data_sources
from headgate_terraform.kinds import load_kinds
from headgate_terraform.names import NamePattern
from headgate_terraform.paths import Problem
from headgate_terraform.scalars import SchemaError
from headgate_terraform.validation import validate
from headgate_terraform.views import observed, settled

FIELD = descriptor_pb2.FieldDescriptorProto
SERIAL = count()
OPTIONAL: dict[str, Any] = {"behavior": a.BEHAVIOR_OPTIONAL}
PATTERNS = {"vpc": (NamePattern("projects/{project}/vpcs/{vpc}"),)}


PARTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("name", FIELD.TYPE_STRING, {}),
    ("size", FIELD.TYPE_UINT32, {}),
    ("secret", FIELD.TYPE_STRING, {"write_only": True}),
]
"""The fields of a message inside."""


def message(
    type_: int = FIELD.TYPE_STRING,
    *,
    label: int = FIELD.LABEL_REPEATED,
    type_name: str = "",
    presence: bool = False,
    **rules: Any,
) -> Descriptor:
    """Return a message with one field of this type and annotation."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"t{next(SERIAL)}.proto", package=f"t{next(SERIAL)}", syntax="proto3"
    )
    file.dependency.extend(["headgate/v1/annotations.proto", "headgate/v1/types.proto"])
    file.dependency.extend(m.DESCRIPTOR.name for m in (any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2))
    enum = file.enum_type.add(name="Colour")
    enum.value.add(name="COLOUR_UNSPECIFIED", number=0)
    enum.value.add(name="COLOUR_DARK_RED", number=1)
    stray = file.enum_type.add(name="Stray")
    stray.value.add(name="NONE", number=0)
    extension: Any = a.field
    part = file.message_type.add(name="Part")
    for number, (name, kind, own) in enumerate(PARTS, 1):
        inner = part.field.add(name=name, number=number, type=kind, label=FIELD.LABEL_OPTIONAL, proto3_optional=True)
        inner.oneof_index = number - 1
        part.oneof_decl.add(name=f"_{name}")
        inner.options.Extensions[extension].CopyFrom(a.Field(**OPTIONAL, **own))
    thing = file.message_type.add(name="Thing")
    field = thing.field.add(name="x", number=1, type=type_, label=label, type_name=type_name or None)  # type: ignore[arg-type]
    if presence:
        field.proto3_optional, field.oneof_index = True, 0
        thing.oneof_decl.add(name="_x")
    field.options.Extensions[extension].CopyFrom(a.Field(**rules))
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool.FindMessageTypeByName(f"{file.package}.Thing")


def single(type_: int = FIELD.TYPE_STRING, **rules: Any) -> Descriptor:
    """Return a message with one optional field that tells absence."""
    return message(type_, label=FIELD.LABEL_OPTIONAL, presence=True, **OPTIONAL, **rules)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (message, "no annotation"),
        (lambda: message(label=FIELD.LABEL_OPTIONAL, **OPTIONAL), "write `optional`"),
        (lambda: message(FIELD.TYPE_FLOAT, **OPTIONAL), "no counterpart"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name=".google.protobuf.Struct", **OPTIONAL), "no counterpart"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name=".google.protobuf.Any", **OPTIONAL), "no counterpart"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name=".google.protobuf.StringValue", **OPTIONAL), "no counterpart"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name="Thing", **OPTIONAL), "contains itself"),
        (lambda: message(FIELD.TYPE_ENUM, type_name="Stray", **OPTIONAL), "must begin with STRAY_"),
        (lambda: message(references="planet", **OPTIONAL), "no type"),
        (lambda: message(behavior=a.BEHAVIOR_REQUIRED, server_chosen=True), "chosen by the server"),
        (lambda: single(FIELD.TYPE_UINT32, sensitive=True), "no single text or bytes"),
        (lambda: single(format=a.FORMAT_IP, write_only=True), "no single text or bytes"),
        (lambda: message(sensitive=True, **OPTIONAL), "no single text or bytes"),
        (lambda: single(write_only=True, immutable=True), "immutable or set by the server"),
        (lambda: single(write_only=True, server_chosen=True), "immutable or set by the server"),
        (lambda: message(label=FIELD.LABEL_OPTIONAL, write_only=True, behavior=a.BEHAVIOR_REQUIRED), "left out"),
        (lambda: single(default_value="x", server_chosen=True), "set by the server"),
        (lambda: single(default_value="x", sensitive=True), "secret"),
        (lambda: message(default_value="x", **OPTIONAL), "a collection"),
        (lambda: single(FIELD.TYPE_BYTES, default_value="eA=="), "bytes cannot have"),
        (lambda: single(default_value="x", pattern="[a-w]"), "breaks its own rules.*does not match"),
        (lambda: single(FIELD.TYPE_UINT32, default_value="5", maximum=4), "breaks its own rules.*not between"),
        (lambda: single(FIELD.TYPE_ENUM, type_name="Colour", default_value="green"), "breaks its own rules"),
        (lambda: message(key="name", **OPTIONAL), "no list of messages"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name="Part", key="size", **OPTIONAL), '"size" is no text of Part'),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name="Part", key="name", unordered=True, **OPTIONAL), "no list"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name="Part", **OPTIONAL), "nothing tells them apart; use a key"),
        (lambda: message(FIELD.TYPE_MESSAGE, type_name="Part", unordered=True, **OPTIONAL), "use a"),
    ],
)
def test_what_terraform_cannot_be_told_is_refused_loudly(make: Callable[[], Descriptor], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        compile_message(make(), PATTERNS)


def test_volatile_output_is_hidden_in_resources_and_shown_in_data_sources() -> None:
    shape = compile_message(message(behavior=a.BEHAVIOR_OUTPUT_ONLY, volatile=True), PATTERNS)
    assert settled(shape).attributes == ()
    assert [shown.name for shown in observed(shape).attributes] == ["x"]


def test_nothing_in_a_data_source_can_be_set_but_what_is_asked() -> None:
    for source in load_data_sources(load_kinds()).values():
        asked = {attribute.name for attribute in source.shape.attributes if attribute.configurable}
        assert asked <= {"id", "name", source.kind.parent, "project", "filter"}
        assert all(a.computed for a in source.shape.attributes if not a.configurable)


def enum_scalar() -> Scalar:
    scalar = compile_message(message(FIELD.TYPE_ENUM, type_name="Colour", **OPTIONAL), PATTERNS).attributes[0].element
    assert isinstance(scalar, Scalar)
    return scalar


def test_enum_values_lose_their_prefix_and_case() -> None:
    assert enum_scalar().from_field(1) == "dark_red"
    assert enum_scalar().to_field("dark_red") == 1


def test_an_unspecified_enum_is_null_and_one_of_a_newer_server_is_shown() -> None:
    assert enum_scalar().from_field(0) is None
    assert enum_scalar().from_field(7) == "unknown_7"
    assert enum_scalar().to_field("unknown_7") == 7, "kept by an update of something else"
    (check,) = enum_scalar().checks
    assert check("unknown_7") is None
    assert check("unknown_1") == '"unknown_1" is not one of dark_red.'


def test_what_only_a_list_with_a_key_can_hold_is_a_map_by_that_key() -> None:
    (taps,) = compile_message(
        message(FIELD.TYPE_MESSAGE, type_name="Part", key="name", **OPTIONAL), PATTERNS
    ).attributes
    assert taps.nesting is Nesting.MAP
    assert isinstance(taps.element, Object)
    assert [inner.name for inner in taps.element.attributes] == ["size", "secret_wo", "secret_wo_version"]


@pytest.mark.parametrize(
    ("kind", "attribute", "flags"),
    [
        ("headgate_vpc", "name", "required immutable"),
        ("headgate_vpc", "labels", "optional"),
        ("headgate_subnet", "vpc", "optional immutable"),
        ("headgate_port", "subnet", "required immutable"),
        ("headgate_port", "ip", "optional computed"),
        ("headgate_port", "iface_id", "computed"),
        ("headgate_floating_ip", "ip", "optional computed immutable"),
    ],
)
def test_annotations_become_attributes(kind: str, attribute: str, flags: str) -> None:
    shown = load_kinds()[kind].shape.get(attribute)
    assert shown is not None
    assert [f for f in ("required", "optional", "computed", "immutable") if getattr(shown, f)] == flags.split()


def test_hosts_are_named_and_referred_to_as_operators_name_machines() -> None:
    kinds = load_kinds()
    host = kinds["headgate_port"].shape.get("host")
    name = kinds["headgate_host"].shape.get("name")
    assert host is not None
    assert name is not None
    for attribute, text in ((host, "hosts/Node_1.example.org"), (name, "Node_1.example.org")):
        assert validated(attribute, text) == []
        assert validated(attribute, text.replace("Node", "-")) != []


def validated(attribute: Attribute, value: str) -> list[Problem]:
    return list(validate(Object(attributes=(attribute,)), {attribute.name: value}))


def test_kinds_without_a_parent_resource_have_no_parent_attribute() -> None:
    kinds = load_kinds()
    assert [kinds[k].parent for k in ("headgate_vpc", "headgate_host")] == ["", ""]
    assert kinds["headgate_vpc"].compose({"name": "a"}, "p") == "projects/p/vpcs/a"
    assert kinds["headgate_host"].compose({"name": "a"}, "p") == "hosts/a"
