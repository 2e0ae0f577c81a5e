"""What the proto files say about each field: the documentation that Terraform shows."""

from collections.abc import Iterator
from importlib.resources import files

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet

# Numbers of fields of FileDescriptorProto and DescriptorProto, of which source locations are made.
_FILE_MESSAGE, _FILE_ENUM = 4, 5
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE = 2


def load_comments() -> dict[str, str]:
    """Return the comment of every message, field and enum value of the API, by its full name.

    Only descriptors built with source information have comments; kinds from elsewhere are shown without.
    """
    packaged = files("headgate.v1").joinpath("headgate.binpb").read_bytes()
    comments: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(packaged).file:
        places = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
        comments.update((name, places[path]) for path, name in _named(file) if places.get(path))
    return comments


def _named(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for i, message in enumerate(file.message_type):
        yield from _in_message(message, (_FILE_MESSAGE, i), file.package)
    for i, enum in enumerate(file.enum_type):
        yield from _in_enum(enum, (_FILE_ENUM, i), file.package)


def _in_message(message: DescriptorProto, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    name = f"{scope}.{message.name}"
    yield path, name
    for i, field in enumerate(message.field):
        yield (*path, _MESSAGE_FIELD, i), f"{name}.{field.name}"
    for i, nested in enumerate(message.nested_type):
        yield from _in_message(nested, (*path, _MESSAGE_NESTED, i), name)
    for i, enum in enumerate(message.enum_type):
        yield from _in_enum(enum, (*path, _MESSAGE_ENUM, i), name)


def _in_enum(enum: EnumDescriptorProto, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    for i, value in enumerate(enum.value):
        yield (*path, _ENUM_VALUE, i), f"{scope}.{enum.name}.{value.name}"
