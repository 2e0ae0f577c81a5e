from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
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

class Finish(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINISH_UNSPECIFIED: _ClassVar[Finish]
    FINISH_BLUE: _ClassVar[Finish]
    FINISH_DARK_RED: _ClassVar[Finish]
FINISH_UNSPECIFIED: Finish
FINISH_BLUE: Finish
FINISH_DARK_RED: Finish

class KitchenSink(_message.Message):
    __slots__ = ("name", "uid", "generation", "etag", "state", "reconciling", "status", "create_time", "update_time", "display_name", "description", "labels", "deletion_protection", "title", "code", "flag", "level", "large", "huge", "ratio", "blob", "hold", "until", "finish", "mtu", "period", "enabled", "api_token", "password", "password_digest", "basin", "words", "ports", "steps", "drains", "taps", "notes", "weights", "shelves", "by_word", "by_number", "wall", "legs", "origin", "serial", "seen", "made", "addresses", "mac", "prefix", "partner", "intervals", "dates")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class NotesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ShelvesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Basin
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Basin, _Mapping]] = ...) -> None: ...
    class DatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _timestamp_pb2.Timestamp
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECONCILING_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DELETION_PROTECTION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LARGE_FIELD_NUMBER: _ClassVar[int]
    HUGE_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    API_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BASIN_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    DRAINS_FIELD_NUMBER: _ClassVar[int]
    TAPS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    SHELVES_FIELD_NUMBER: _ClassVar[int]
    BY_WORD_FIELD_NUMBER: _ClassVar[int]
    BY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALL_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PARTNER_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    DATES_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    generation: int
    etag: str
    state: _types_pb2.State
    reconciling: bool
    status: _types_pb2.Status
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    display_name: str
    description: str
    labels: _containers.ScalarMap[str, str]
    deletion_protection: bool
    title: str
    code: str
    flag: bool
    level: int
    large: int
    huge: int
    ratio: float
    blob: bytes
    hold: _duration_pb2.Duration
    until: _timestamp_pb2.Timestamp
    finish: Finish
    mtu: int
    period: _duration_pb2.Duration
    enabled: bool
    api_token: str
    password: str
    password_digest: str
    basin: Basin
    words: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.RepeatedScalarFieldContainer[int]
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    drains: _containers.RepeatedCompositeFieldContainer[Drain]
    taps: _containers.RepeatedCompositeFieldContainer[Tap]
    notes: _containers.ScalarMap[str, str]
    weights: _containers.ScalarMap[str, int]
    shelves: _containers.MessageMap[str, Basin]
    by_word: str
    by_number: int
    wall: Wall
    legs: Legs
    origin: str
    serial: str
    seen: _containers.RepeatedScalarFieldContainer[str]
    made: _timestamp_pb2.Timestamp
    addresses: _containers.RepeatedScalarFieldContainer[str]
    mac: str
    prefix: str
    partner: str
    intervals: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    dates: _containers.MessageMap[str, _timestamp_pb2.Timestamp]
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., generation: _Optional[int] = ..., etag: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.State, str]] = ..., reconciling: bool = ..., status: _Optional[_Union[_types_pb2.Status, _Mapping]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., display_name: _Optional[str] = ..., description: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., deletion_protection: bool = ..., title: _Optional[str] = ..., code: _Optional[str] = ..., flag: bool = ..., level: _Optional[int] = ..., large: _Optional[int] = ..., huge: _Optional[int] = ..., ratio: _Optional[float] = ..., blob: _Optional[bytes] = ..., hold: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., finish: _Optional[_Union[Finish, str]] = ..., mtu: _Optional[int] = ..., period: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., enabled: bool = ..., api_token: _Optional[str] = ..., password: _Optional[str] = ..., password_digest: _Optional[str] = ..., basin: _Optional[_Union[Basin, _Mapping]] = ..., words: _Optional[_Iterable[str]] = ..., ports: _Optional[_Iterable[int]] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., drains: _Optional[_Iterable[_Union[Drain, _Mapping]]] = ..., taps: _Optional[_Iterable[_Union[Tap, _Mapping]]] = ..., notes: _Optional[_Mapping[str, str]] = ..., weights: _Optional[_Mapping[str, int]] = ..., shelves: _Optional[_Mapping[str, Basin]] = ..., by_word: _Optional[str] = ..., by_number: _Optional[int] = ..., wall: _Optional[_Union[Wall, _Mapping]] = ..., legs: _Optional[_Union[Legs, _Mapping]] = ..., origin: _Optional[str] = ..., serial: _Optional[str] = ..., seen: _Optional[_Iterable[str]] = ..., made: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., addresses: _Optional[_Iterable[str]] = ..., mac: _Optional[str] = ..., prefix: _Optional[str] = ..., partner: _Optional[str] = ..., intervals: _Optional[_Iterable[_Union[_duration_pb2.Duration, _Mapping]]] = ..., dates: _Optional[_Mapping[str, _timestamp_pb2.Timestamp]] = ...) -> None: ...

class Basin(_message.Message):
    __slots__ = ("depth", "stuff", "label", "key")
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    STUFF_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    depth: int
    stuff: str
    label: str
    key: bytes
    def __init__(self, depth: _Optional[int] = ..., stuff: _Optional[str] = ..., label: _Optional[str] = ..., key: _Optional[bytes] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("what", "serial")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    what: str
    serial: str
    def __init__(self, what: _Optional[str] = ..., serial: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("width", "outlet")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    OUTLET_FIELD_NUMBER: _ClassVar[int]
    width: int
    outlet: str
    def __init__(self, width: _Optional[int] = ..., outlet: _Optional[str] = ...) -> None: ...

class Tap(_message.Message):
    __slots__ = ("name", "flow", "secret", "label")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    flow: int
    secret: str
    label: str
    def __init__(self, name: _Optional[str] = ..., flow: _Optional[int] = ..., secret: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class Wall(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class Legs(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class GetKitchenSinkRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListKitchenSinksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter", "show_deleting")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SHOW_DELETING_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: str
    show_deleting: bool
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., show_deleting: bool = ...) -> None: ...

class ListKitchenSinksResponse(_message.Message):
    __slots__ = ("kitchen_sinks", "next_page_token")
    KITCHEN_SINKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    kitchen_sinks: _containers.RepeatedCompositeFieldContainer[KitchenSink]
    next_page_token: str
    def __init__(self, kitchen_sinks: _Optional[_Iterable[_Union[KitchenSink, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateKitchenSinkRequest(_message.Message):
    __slots__ = ("parent", "kitchen_sink_id", "kitchen_sink", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    KITCHEN_SINK_ID_FIELD_NUMBER: _ClassVar[int]
    KITCHEN_SINK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    kitchen_sink_id: str
    kitchen_sink: KitchenSink
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., kitchen_sink_id: _Optional[str] = ..., kitchen_sink: _Optional[_Union[KitchenSink, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateKitchenSinkRequest(_message.Message):
    __slots__ = ("kitchen_sink", "update_mask", "validate_only", "request_id")
    KITCHEN_SINK_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    kitchen_sink: KitchenSink
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    request_id: str
    def __init__(self, kitchen_sink: _Optional[_Union[KitchenSink, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteKitchenSinkRequest(_message.Message):
    __slots__ = ("name", "etag", "when_unreferenced", "validate_only", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNREFERENCED_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    when_unreferenced: bool
    validate_only: bool
    request_id: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., when_unreferenced: bool = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...
