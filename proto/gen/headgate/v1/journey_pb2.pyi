from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headgate.v1 import annotations_pb2 as _annotations_pb2
from headgate.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JourneyStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOURNEY_STAGE_UNSPECIFIED: _ClassVar[JourneyStage]
    JOURNEY_STAGE_QUEUE: _ClassVar[JourneyStage]
    JOURNEY_STAGE_COMMIT: _ClassVar[JourneyStage]
    JOURNEY_STAGE_COMPILE: _ClassVar[JourneyStage]
    JOURNEY_STAGE_WRITE: _ClassVar[JourneyStage]
    JOURNEY_STAGE_TRANSLATE: _ClassVar[JourneyStage]
    JOURNEY_STAGE_REALISE: _ClassVar[JourneyStage]
JOURNEY_STAGE_UNSPECIFIED: JourneyStage
JOURNEY_STAGE_QUEUE: JourneyStage
JOURNEY_STAGE_COMMIT: JourneyStage
JOURNEY_STAGE_COMPILE: JourneyStage
JOURNEY_STAGE_WRITE: JourneyStage
JOURNEY_STAGE_TRANSLATE: JourneyStage
JOURNEY_STAGE_REALISE: JourneyStage

class GetJourneyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetJourneyResponse(_message.Message):
    __slots__ = ("name", "generation", "revision", "update_time", "steps", "status")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    name: str
    generation: int
    revision: int
    update_time: _timestamp_pb2.Timestamp
    steps: _containers.RepeatedCompositeFieldContainer[JourneyStep]
    status: _types_pb2.Status
    def __init__(self, name: _Optional[str] = ..., generation: _Optional[int] = ..., revision: _Optional[int] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[JourneyStep, _Mapping]]] = ..., status: _Optional[_Union[_types_pb2.Status, _Mapping]] = ...) -> None: ...

class JourneyStep(_message.Message):
    __slots__ = ("stage", "start_time", "end_time", "host")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    stage: JourneyStage
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    host: str
    def __init__(self, stage: _Optional[_Union[JourneyStage, str]] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., host: _Optional[str] = ...) -> None: ...
