from headgate.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetDiagnosisRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDiagnosisResponse(_message.Message):
    __slots__ = ("findings", "version")
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    version: str
    def __init__(self, findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., version: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("check", "severity", "text", "fix")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    check: str
    severity: _types_pb2.Severity
    text: str
    fix: str
    def __init__(self, check: _Optional[str] = ..., severity: _Optional[_Union[_types_pb2.Severity, str]] = ..., text: _Optional[str] = ..., fix: _Optional[str] = ...) -> None: ...
