from headgate.v1 import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Protocol(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROTOCOL_UNSPECIFIED: _ClassVar[Protocol]
    PROTOCOL_ICMP: _ClassVar[Protocol]
    PROTOCOL_TCP: _ClassVar[Protocol]
    PROTOCOL_UDP: _ClassVar[Protocol]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_DELIVERED: _ClassVar[Verdict]
    VERDICT_LEAVES: _ClassVar[Verdict]
    VERDICT_DROPPED: _ClassVar[Verdict]
    VERDICT_ANSWERED: _ClassVar[Verdict]
PROTOCOL_UNSPECIFIED: Protocol
PROTOCOL_ICMP: Protocol
PROTOCOL_TCP: Protocol
PROTOCOL_UDP: Protocol
VERDICT_UNSPECIFIED: Verdict
VERDICT_DELIVERED: Verdict
VERDICT_LEAVES: Verdict
VERDICT_DROPPED: Verdict
VERDICT_ANSWERED: Verdict

class TraceRequest(_message.Message):
    __slots__ = ("source", "destination", "protocol", "destination_port", "source_address", "verbose")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    VERBOSE_FIELD_NUMBER: _ClassVar[int]
    source: str
    destination: str
    protocol: Protocol
    destination_port: int
    source_address: str
    verbose: bool
    def __init__(self, source: _Optional[str] = ..., destination: _Optional[str] = ..., protocol: _Optional[_Union[Protocol, str]] = ..., destination_port: _Optional[int] = ..., source_address: _Optional[str] = ..., verbose: bool = ...) -> None: ...

class TraceResponse(_message.Message):
    __slots__ = ("legs",)
    LEGS_FIELD_NUMBER: _ClassVar[int]
    legs: _containers.RepeatedCompositeFieldContainer[TraceLeg]
    def __init__(self, legs: _Optional[_Iterable[_Union[TraceLeg, _Mapping]]] = ...) -> None: ...

class TraceLeg(_message.Message):
    __slots__ = ("packet", "verdict", "end", "reason", "steps", "output")
    PACKET_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    packet: str
    verdict: Verdict
    end: str
    reason: str
    steps: _containers.RepeatedCompositeFieldContainer[TraceStep]
    output: str
    def __init__(self, packet: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., end: _Optional[str] = ..., reason: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[TraceStep, _Mapping]]] = ..., output: _Optional[str] = ...) -> None: ...

class TraceStep(_message.Message):
    __slots__ = ("resource", "action", "stage")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    resource: str
    action: str
    stage: str
    def __init__(self, resource: _Optional[str] = ..., action: _Optional[str] = ..., stage: _Optional[str] = ...) -> None: ...
