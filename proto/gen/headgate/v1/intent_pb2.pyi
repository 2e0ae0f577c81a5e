from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
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

class Patience(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PATIENCE_UNSPECIFIED: _ClassVar[Patience]
    PATIENCE_MANAGED: _ClassVar[Patience]
    PATIENCE_ALL: _ClassVar[Patience]
PATIENCE_UNSPECIFIED: Patience
PATIENCE_MANAGED: Patience
PATIENCE_ALL: Patience

class BatchRequest(_message.Message):
    __slots__ = ("mutations", "validate_only", "request_id")
    MUTATIONS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    mutations: _containers.RepeatedCompositeFieldContainer[Mutation]
    validate_only: bool
    request_id: str
    def __init__(self, mutations: _Optional[_Iterable[_Union[Mutation, _Mapping]]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class Mutation(_message.Message):
    __slots__ = ("create", "update", "delete")
    CREATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    create: _any_pb2.Any
    update: UpdateMutation
    delete: DeleteMutation
    def __init__(self, create: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., update: _Optional[_Union[UpdateMutation, _Mapping]] = ..., delete: _Optional[_Union[DeleteMutation, _Mapping]] = ...) -> None: ...

class UpdateMutation(_message.Message):
    __slots__ = ("resource", "update_mask")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    resource: _any_pb2.Any
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, resource: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteMutation(_message.Message):
    __slots__ = ("name", "etag", "when_unreferenced")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNREFERENCED_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    when_unreferenced: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., when_unreferenced: bool = ...) -> None: ...

class BatchResponse(_message.Message):
    __slots__ = ("resources", "revision")
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    resources: _containers.RepeatedCompositeFieldContainer[_any_pb2.Any]
    revision: int
    def __init__(self, resources: _Optional[_Iterable[_Union[_any_pb2.Any, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("after_revision", "name_prefix", "types")
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    NAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    after_revision: int
    name_prefix: str
    types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, after_revision: _Optional[int] = ..., name_prefix: _Optional[str] = ..., types: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("revision", "name", "resource", "time")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    revision: int
    name: str
    resource: _any_pb2.Any
    time: _timestamp_pb2.Timestamp
    def __init__(self, revision: _Optional[int] = ..., name: _Optional[str] = ..., resource: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AwaitRealisedRequest(_message.Message):
    __slots__ = ("name", "generation", "deadline")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    generation: int
    deadline: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., generation: _Optional[int] = ..., deadline: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AwaitRealisedResponse(_message.Message):
    __slots__ = ("realised", "status")
    REALISED_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    realised: bool
    status: _types_pb2.Status
    def __init__(self, realised: bool = ..., status: _Optional[_Union[_types_pb2.Status, _Mapping]] = ...) -> None: ...

class PlanSessionRequest(_message.Message):
    __slots__ = ("id", "manage", "remove", "keep", "create", "update", "patience")
    ID_FIELD_NUMBER: _ClassVar[int]
    MANAGE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    CREATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    id: int
    manage: PlannedName
    remove: PlannedName
    keep: PlannedName
    create: PlannedResource
    update: PlannedResource
    patience: Patience
    def __init__(self, id: _Optional[int] = ..., manage: _Optional[_Union[PlannedName, _Mapping]] = ..., remove: _Optional[_Union[PlannedName, _Mapping]] = ..., keep: _Optional[_Union[PlannedName, _Mapping]] = ..., create: _Optional[_Union[PlannedResource, _Mapping]] = ..., update: _Optional[_Union[PlannedResource, _Mapping]] = ..., patience: _Optional[_Union[Patience, str]] = ...) -> None: ...

class PlannedName(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class PlannedResource(_message.Message):
    __slots__ = ("resource", "unknown", "update_mask", "replacement")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    resource: _any_pb2.Any
    unknown: _containers.RepeatedScalarFieldContainer[str]
    update_mask: _field_mask_pb2.FieldMask
    replacement: bool
    def __init__(self, resource: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., unknown: _Optional[_Iterable[str]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., replacement: bool = ...) -> None: ...

class PlanSessionResponse(_message.Message):
    __slots__ = ("id", "violations")
    ID_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    id: int
    violations: _containers.RepeatedCompositeFieldContainer[PlanViolation]
    def __init__(self, id: _Optional[int] = ..., violations: _Optional[_Iterable[_Union[PlanViolation, _Mapping]]] = ...) -> None: ...

class PlanViolation(_message.Message):
    __slots__ = ("field", "reason", "description", "resource", "open")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    field: str
    reason: str
    description: str
    resource: str
    open: bool
    def __init__(self, field: _Optional[str] = ..., reason: _Optional[str] = ..., description: _Optional[str] = ..., resource: _Optional[str] = ..., open: bool = ...) -> None: ...
