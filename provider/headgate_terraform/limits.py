"""What annotations may not say together: Terraform could not be told, or the server could not keep it."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from headgate.v1 import annotations_pb2
from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar

_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def impossibilities(attribute: Attribute, field: FieldDescriptor, rules: annotations_pb2.Field) -> Iterator[str]:
    """Yield what cannot be, with a word of what to do instead."""
    single = attribute.nesting is Nesting.SINGLE
    if attribute.optional and single and not field.has_presence:
        yield "optional, but protobuf cannot tell whether it is set; write `optional`"
    if attribute.required and rules.server_chosen:
        yield "required and chosen by the server"
    if attribute.nesting is Nesting.SET and not attribute.computed and _has_computed(attribute.element):
        yield "elements of a set cannot have output or defaults of their own; use a map or a key"
    if attribute.nesting in (Nesting.SET, Nesting.LIST) and _has_secrets(attribute.element):
        yield "elements of a list or set cannot have write-only fields, since nothing tells them apart; use a key"
    if (rules.sensitive or rules.write_only) and not _is_free_text(field, rules):
        yield "sensitive or write-only, but no single text or bytes without a format"
    if rules.write_only:
        yield from _write_only(field, rules)
    if rules.HasField("default_value"):
        yield from _default(attribute, field, rules)
    if rules.key:
        yield from _key(field, rules)


def _has_computed(element: Scalar | Object) -> bool:
    return isinstance(element, Object) and any(a.computed or _has_computed(a.element) for a in element.attributes)


def _has_secrets(element: Scalar | Object) -> bool:
    return isinstance(element, Object) and any(a.write_only or _has_secrets(a.element) for a in element.attributes)


def _is_free_text(field: FieldDescriptor, rules: annotations_pb2.Field) -> bool:
    return field.type in _TEXTS and not field.is_repeated and not rules.format and not rules.references


def _write_only(field: FieldDescriptor, rules: annotations_pb2.Field) -> Iterator[str]:
    if rules.immutable or rules.server_chosen or rules.behavior == annotations_pb2.BEHAVIOR_OUTPUT_ONLY:
        yield "write-only, and immutable or set by the server"
    if not field.has_presence or _is_in_choice(field):
        yield "write-only, but protobuf cannot tell whether it is left out; write `optional`, outside of a oneof"


def _default(attribute: Attribute, field: FieldDescriptor, rules: annotations_pb2.Field) -> Iterator[str]:
    scalar = attribute.element
    if not attribute.optional or rules.server_chosen or rules.write_only or rules.sensitive:
        yield "has a default, but is required, secret, or set by the server"
    if not isinstance(scalar, Scalar) or attribute.nesting is not Nesting.SINGLE or _is_in_choice(field):
        yield "has a default, but is a message, a collection or in a oneof"
    elif faults := [words for check in scalar.checks if (words := check(attribute.default))]:
        yield f"its default breaks its own rules: {' '.join(faults)}"
    if field.type == FieldDescriptor.TYPE_BYTES:
        yield "has a default, which bytes cannot have"


def _key(field: FieldDescriptor, rules: annotations_pb2.Field) -> Iterator[str]:
    element: Descriptor | None = field.message_type
    if not field.is_repeated or element is None or element.GetOptions().map_entry or rules.unordered:
        yield "has a key, but is no list of messages"
        return
    key = element.fields_by_name.get(rules.key)
    if key is None or key.type != FieldDescriptor.TYPE_STRING or key.is_repeated:
        yield f'"{rules.key}" is no text of {element.name}, and so no key'


def _is_in_choice(field: FieldDescriptor) -> bool:
    oneof = field.containing_oneof
    return oneof is not None and len(oneof.fields) > 1
