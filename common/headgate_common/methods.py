"""Methods of a service, as their descriptors tell them to clients."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API: its path on the wire, and the messages it takes and returns."""

    path: str
    request: type[Message]
    response: type[Message]


def as_method(descriptor: MethodDescriptor) -> Method:
    """Return the method that a descriptor describes."""
    return Method(
        path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
        request=GetMessageClass(descriptor.input_type),
        response=GetMessageClass(descriptor.output_type),
    )
