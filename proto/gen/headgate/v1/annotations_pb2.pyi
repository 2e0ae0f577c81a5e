from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Access(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCESS_UNSPECIFIED: _ClassVar[Access]
    ACCESS_READ: _ClassVar[Access]
    ACCESS_WRITE: _ClassVar[Access]
    ACCESS_READ_SOME: _ClassVar[Access]
    ACCESS_OPEN: _ClassVar[Access]
    ACCESS_READ_JUDGED: _ClassVar[Access]

class Behavior(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BEHAVIOR_UNSPECIFIED: _ClassVar[Behavior]
    BEHAVIOR_REQUIRED: _ClassVar[Behavior]
    BEHAVIOR_OPTIONAL: _ClassVar[Behavior]
    BEHAVIOR_OUTPUT_ONLY: _ClassVar[Behavior]
    BEHAVIOR_IDENTIFIER: _ClassVar[Behavior]

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    FORMAT_IPV4: _ClassVar[Format]
    FORMAT_IPV6: _ClassVar[Format]
    FORMAT_IP: _ClassVar[Format]
    FORMAT_IPV4_PREFIX: _ClassVar[Format]
    FORMAT_IPV6_PREFIX: _ClassVar[Format]
    FORMAT_PREFIX: _ClassVar[Format]
    FORMAT_MAC: _ClassVar[Format]
ACCESS_UNSPECIFIED: Access
ACCESS_READ: Access
ACCESS_WRITE: Access
ACCESS_READ_SOME: Access
ACCESS_OPEN: Access
ACCESS_READ_JUDGED: Access
BEHAVIOR_UNSPECIFIED: Behavior
BEHAVIOR_REQUIRED: Behavior
BEHAVIOR_OPTIONAL: Behavior
BEHAVIOR_OUTPUT_ONLY: Behavior
BEHAVIOR_IDENTIFIER: Behavior
FORMAT_UNSPECIFIED: Format
FORMAT_IPV4: Format
FORMAT_IPV6: Format
FORMAT_IP: Format
FORMAT_IPV4_PREFIX: Format
FORMAT_IPV6_PREFIX: Format
FORMAT_PREFIX: Format
FORMAT_MAC: Format
RESOURCE_FIELD_NUMBER: _ClassVar[int]
resource: _descriptor.FieldDescriptor
FIELD_FIELD_NUMBER: _ClassVar[int]
field: _descriptor.FieldDescriptor
CHOICE_FIELD_NUMBER: _ClassVar[int]
choice: _descriptor.FieldDescriptor
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class Resource(_message.Message):
    __slots__ = ("type", "plural", "patterns", "id_pattern")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PLURAL_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    ID_PATTERN_FIELD_NUMBER: _ClassVar[int]
    type: str
    plural: str
    patterns: _containers.RepeatedScalarFieldContainer[str]
    id_pattern: str
    def __init__(self, type: _Optional[str] = ..., plural: _Optional[str] = ..., patterns: _Optional[_Iterable[str]] = ..., id_pattern: _Optional[str] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("behavior", "immutable", "server_chosen", "volatile", "format", "references", "minimum", "maximum", "max_size", "min_size", "unordered", "pattern", "sensitive", "write_only", "default_value", "live", "key")
    BEHAVIOR_FIELD_NUMBER: _ClassVar[int]
    IMMUTABLE_FIELD_NUMBER: _ClassVar[int]
    SERVER_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    VOLATILE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_FIELD_NUMBER: _ClassVar[int]
    UNORDERED_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    WRITE_ONLY_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    behavior: Behavior
    immutable: bool
    server_chosen: bool
    volatile: bool
    format: Format
    references: str
    minimum: int
    maximum: int
    max_size: int
    min_size: int
    unordered: bool
    pattern: str
    sensitive: bool
    write_only: bool
    default_value: str
    live: bool
    key: str
    def __init__(self, behavior: _Optional[_Union[Behavior, str]] = ..., immutable: bool = ..., server_chosen: bool = ..., volatile: bool = ..., format: _Optional[_Union[Format, str]] = ..., references: _Optional[str] = ..., minimum: _Optional[int] = ..., maximum: _Optional[int] = ..., max_size: _Optional[int] = ..., min_size: _Optional[int] = ..., unordered: bool = ..., pattern: _Optional[str] = ..., sensitive: bool = ..., write_only: bool = ..., default_value: _Optional[str] = ..., live: bool = ..., key: _Optional[str] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("optional",)
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    optional: bool
    def __init__(self, optional: bool = ...) -> None: ...
