"""Between Terraform's objects and the API's messages."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar, canonical_element
from headgate_terraform.values import UNKNOWN, Value


def fill(message: Message, shape: Object, value: dict[str, Value]) -> None:
    """Set in `message` what a user configured or the server once chose; output, null and unknown are left out."""
    for attribute in shape.attributes:
        content = value[attribute.name]
        if attribute.field and attribute.configurable and content is not None and content is not UNKNOWN:
            _fill_attribute(message, attribute, content)


def _fill_attribute(message: Message, attribute: Attribute, content: Value) -> None:
    assert attribute.field is not None
    element, name = attribute.element, attribute.field.name
    target = getattr(message, name)
    if isinstance(element, Scalar):
        _fill_scalar(message, attribute, element, content)
    elif attribute.nesting is Nesting.SINGLE:
        target.SetInParent()
        fill(target, element, content)
    elif attribute.key:
        for key, entry in sorted(content.items()):
            added = target.add(**{attribute.key: key})
            fill(added, element, entry)
    elif attribute.nesting is Nesting.MAP:
        for key, entry in content.items():
            fill(target[key], element, entry)
    else:
        for entry in content:
            fill(target.add(), element, entry)


def _fill_scalar(message: Message, attribute: Attribute, scalar: Scalar, content: Value) -> None:
    assert attribute.field is not None
    name, target = attribute.field.name, getattr(message, attribute.field.name)
    if attribute.nesting is Nesting.MAP:
        for key, entry in content.items():
            value = scalar.to_field(entry)
            if isinstance(value, Message):
                target[key].CopyFrom(value)
            else:
                target[key] = value
    elif attribute.nesting is not Nesting.SINGLE:
        target.extend(map(scalar.to_field, content))
    elif attribute.field.message_type is None:
        setattr(message, name, scalar.to_field(content))
    else:
        target.CopyFrom(scalar.to_field(content))


def extract(message: Message, shape: Object, reference: Value) -> dict[str, Value]:
    """Return what `message` says, in the spelling of `reference` wherever that means the same.

    `reference` is the planned or prior object, or None. Attributes that the API says nothing of are taken from it.
    """
    known = reference if isinstance(reference, dict) else {}
    return {
        a.name: respell(a, _read(message, a), known.get(a.name)) if _is_read(a) else known.get(a.name)
        for a in shape.attributes
    }


def _is_read(attribute: Attribute) -> bool:
    """Whether the API says what an attribute holds."""
    return attribute.field is not None and not attribute.write_only


def _read(message: Message, attribute: Attribute) -> Value:
    """Return a field's content as the server spells it; None for what it does not say."""
    if attribute.field is None or attribute.write_only:
        return None
    name = attribute.field.name
    if attribute.nesting is Nesting.SINGLE and attribute.field.has_presence and not message.HasField(name):
        return None
    content: Any = getattr(message, name)
    if attribute.nesting is Nesting.SINGLE:
        return _read_element(attribute.element, content)
    if attribute.key:
        return {getattr(entry, attribute.key): _read_element(attribute.element, entry) for entry in content}
    if attribute.nesting is Nesting.MAP:
        # Indexing, not items(): of maps of messages the latter has no stable typing across implementations.
        return {key: _read_element(attribute.element, content[key]) for key in content}
    return [_read_element(attribute.element, entry) for entry in content]


def _read_element(element: Scalar | Object, content: Any) -> Value:
    if isinstance(element, Scalar):
        return element.from_field(content)
    return {a.name: _read(content, a) for a in element.attributes}


def respell(attribute: Attribute, new: Value, reference: Value) -> Value:
    """Return `new`, with each part in the spelling of `reference` where both mean the same.

    Protobuf cannot tell an empty collection from none: where nothing else decides, none is null, except where null is
    impossible because the attribute is required or the server's own.
    """
    if attribute.nesting is Nesting.SINGLE:
        return _respell_element(attribute.element, new, reference)
    if not new:
        if reference is not None and reference is not UNKNOWN and not reference:
            return reference
        return new if attribute.computed or attribute.required else None
    if attribute.nesting is Nesting.MAP:
        entries = reference if isinstance(reference, dict) else {}
        return {key: _respell_element(attribute.element, entry, entries.get(key)) for key, entry in new.items()}
    elements = reference if isinstance(reference, list) else []
    if attribute.nesting is Nesting.SET:
        spellings = {canonical_element(attribute.element, e): e for e in elements}
        return [
            _respell_element(attribute.element, e, spellings.get(canonical_element(attribute.element, e))) for e in new
        ]
    return [
        _respell_element(attribute.element, e, elements[i] if i < len(elements) else None) for i, e in enumerate(new)
    ]


def _respell_element(element: Scalar | Object, new: Value, reference: Value) -> Value:
    if isinstance(element, Object):
        if new is None:
            return None
        known: Mapping[str, Value] = reference if isinstance(reference, dict) else {}
        return {
            a.name: respell(a, new[a.name], known.get(a.name)) if _is_read(a) else known.get(a.name)
            for a in element.attributes
        }
    if reference is None or reference is UNKNOWN:
        return new
    return reference if canonical_element(element, new) == canonical_element(element, reference) else new
