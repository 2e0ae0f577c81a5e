from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headgate.v1 import annotations_pb2 as _annotations_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateEnrolmentRequest(_message.Message):
    __slots__ = ("host", "lifetime")
    HOST_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_FIELD_NUMBER: _ClassVar[int]
    host: str
    lifetime: _duration_pb2.Duration
    def __init__(self, host: _Optional[str] = ..., lifetime: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CreateEnrolmentResponse(_message.Message):
    __slots__ = ("token", "expire_time")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    token: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, token: _Optional[str] = ..., expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetAuthoritiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Authorities(_message.Message):
    __slots__ = ("ca_certificates",)
    CA_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    ca_certificates: str
    def __init__(self, ca_certificates: _Optional[str] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ("secret", "signing_request")
    SECRET_FIELD_NUMBER: _ClassVar[int]
    SIGNING_REQUEST_FIELD_NUMBER: _ClassVar[int]
    secret: str
    signing_request: str
    def __init__(self, secret: _Optional[str] = ..., signing_request: _Optional[str] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("signing_request",)
    SIGNING_REQUEST_FIELD_NUMBER: _ClassVar[int]
    signing_request: str
    def __init__(self, signing_request: _Optional[str] = ...) -> None: ...

class Certificate(_message.Message):
    __slots__ = ("certificate", "ca_certificates")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CA_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    certificate: str
    ca_certificates: str
    def __init__(self, certificate: _Optional[str] = ..., ca_certificates: _Optional[str] = ...) -> None: ...
