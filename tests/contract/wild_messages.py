"""Messages that no sane client or host sends: anything that a type allows, of texts that are worth trying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

PACKED = "google.protobuf.Any"
NUMBERS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: st.sampled_from([0, 1, 2, 3, -1, 4095, 2**31 - 1, -(2**31)]),
    FieldDescriptor.CPPTYPE_INT64: st.sampled_from([0, 1, 2, -1, 2**63 - 1, -(2**63)]),
    FieldDescriptor.CPPTYPE_UINT32: st.sampled_from([0, 1, 2**32 - 1]),
    FieldDescriptor.CPPTYPE_UINT64: st.sampled_from([0, 1, 2**64 - 1]),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_ENUM: st.sampled_from([0, 1, 2, 9, 99, -1]),
}


class Wild:
    """Messages with texts of one strategy; what is packed is of one of these kinds, and damaged at times."""

    def __init__(self, texts: st.SearchStrategy[str], kinds: Sequence[Descriptor] = ()) -> None:
        self._texts = texts
        self._kinds = kinds
        self.messages: Callable[..., st.SearchStrategy[Any]] = st.composite(self._message)

    def _message(self, draw: st.DrawFn, descriptor: Descriptor, depth: int = 4, most: int = 8) -> Message:
        """Return a message with up to `most` of its fields, and so deep."""
        made: Any = GetMessageClass(descriptor)()
        if descriptor.full_name == PACKED and self._kinds and depth > 0:
            made.Pack(draw(self.messages(draw(st.sampled_from(self._kinds)), depth)))
            made.value += draw(st.sampled_from([b"", b"\xff", b"\x0a"]))
            return made  # type: ignore[no-any-return]
        fields = [field for field in descriptor.fields if depth > 0 or field.message_type is None]
        for field in draw(st.lists(st.sampled_from(fields), unique=True, max_size=most)) if fields else ():
            with suppress(ValueError):  # what the library itself does not let anybody set
                _put(made, field, draw(self._whole(field, depth)))
        return made  # type: ignore[no-any-return]

    def _whole(self, field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, held = field.message_type.fields
            return st.dictionaries(self._value(key, depth), self._value(held, depth), max_size=3)
        one = self._value(field, depth)
        return st.lists(one, max_size=3) if field.is_repeated else one

    def _value(self, field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
        if field.message_type is not None:
            return self.messages(field.message_type, depth - 1)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=20)
        return self._texts if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else NUMBERS[field.cpp_type]


def _put(message: Message, field: FieldDescriptor, drawn: Any) -> None:
    """Set a field to what was drawn for it."""
    if isinstance(drawn, dict):
        entries = getattr(message, field.name)
        for key, held in drawn.items():
            if isinstance(held, Message):
                entries[key].CopyFrom(held)
            else:
                entries[key] = held
    elif isinstance(drawn, list):
        getattr(message, field.name).extend(drawn)
    elif isinstance(drawn, Message):
        getattr(message, field.name).CopyFrom(drawn)
    else:
        setattr(message, field.name, drawn)
