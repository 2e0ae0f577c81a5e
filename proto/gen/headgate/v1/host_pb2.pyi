from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headgate.v1 import annotations_pb2 as _annotations_pb2
from headgate.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Host(_message.Message):
    __slots__ = ("name", "uid", "generation", "etag", "state", "reconciling", "status", "create_time", "update_time", "display_name", "description", "labels", "deletion_protection", "drain", "tunnel_ip", "physical_networks", "agent_version", "zone", "gateway_capable", "physical_networks_down", "liveness", "versions", "nics", "tunnel_peers")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class PhysicalNetworksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
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
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_IP_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_CAPABLE_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_NETWORKS_DOWN_FIELD_NUMBER: _ClassVar[int]
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NICS_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_PEERS_FIELD_NUMBER: _ClassVar[int]
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
    drain: bool
    tunnel_ip: str
    physical_networks: _containers.ScalarMap[str, str]
    agent_version: str
    zone: str
    gateway_capable: bool
    physical_networks_down: _containers.RepeatedScalarFieldContainer[str]
    liveness: HostLiveness
    versions: _containers.ScalarMap[str, str]
    nics: _containers.RepeatedCompositeFieldContainer[Nic]
    tunnel_peers: _containers.RepeatedCompositeFieldContainer[TunnelPeer]
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., generation: _Optional[int] = ..., etag: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.State, str]] = ..., reconciling: bool = ..., status: _Optional[_Union[_types_pb2.Status, _Mapping]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., display_name: _Optional[str] = ..., description: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., deletion_protection: bool = ..., drain: bool = ..., tunnel_ip: _Optional[str] = ..., physical_networks: _Optional[_Mapping[str, str]] = ..., agent_version: _Optional[str] = ..., zone: _Optional[str] = ..., gateway_capable: bool = ..., physical_networks_down: _Optional[_Iterable[str]] = ..., liveness: _Optional[_Union[HostLiveness, _Mapping]] = ..., versions: _Optional[_Mapping[str, str]] = ..., nics: _Optional[_Iterable[_Union[Nic, _Mapping]]] = ..., tunnel_peers: _Optional[_Iterable[_Union[TunnelPeer, _Mapping]]] = ...) -> None: ...

class HostLiveness(_message.Message):
    __slots__ = ("connected", "connected_since", "last_heard", "ovn_connected", "ovn_behind")
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_SINCE_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARD_FIELD_NUMBER: _ClassVar[int]
    OVN_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    OVN_BEHIND_FIELD_NUMBER: _ClassVar[int]
    connected: bool
    connected_since: _timestamp_pb2.Timestamp
    last_heard: _timestamp_pb2.Timestamp
    ovn_connected: bool
    ovn_behind: int
    def __init__(self, connected: bool = ..., connected_since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_heard: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., ovn_connected: bool = ..., ovn_behind: _Optional[int] = ...) -> None: ...

class Nic(_message.Message):
    __slots__ = ("name", "mac", "link_up", "speed_mbps", "mtu", "bridge")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    LINK_UP_FIELD_NUMBER: _ClassVar[int]
    SPEED_MBPS_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    mac: str
    link_up: bool
    speed_mbps: int
    mtu: int
    bridge: str
    def __init__(self, name: _Optional[str] = ..., mac: _Optional[str] = ..., link_up: bool = ..., speed_mbps: _Optional[int] = ..., mtu: _Optional[int] = ..., bridge: _Optional[str] = ...) -> None: ...

class TunnelPeer(_message.Message):
    __slots__ = ("host", "remote_ip", "bfd_state")
    HOST_FIELD_NUMBER: _ClassVar[int]
    REMOTE_IP_FIELD_NUMBER: _ClassVar[int]
    BFD_STATE_FIELD_NUMBER: _ClassVar[int]
    host: str
    remote_ip: str
    bfd_state: str
    def __init__(self, host: _Optional[str] = ..., remote_ip: _Optional[str] = ..., bfd_state: _Optional[str] = ...) -> None: ...

class GetHostRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListHostsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "show_deleting")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SHOW_DELETING_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    show_deleting: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., show_deleting: bool = ...) -> None: ...

class ListHostsResponse(_message.Message):
    __slots__ = ("hosts", "next_page_token")
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[Host]
    next_page_token: str
    def __init__(self, hosts: _Optional[_Iterable[_Union[Host, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateHostRequest(_message.Message):
    __slots__ = ("host_id", "host", "validate_only", "request_id")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    host: Host
    validate_only: bool
    request_id: str
    def __init__(self, host_id: _Optional[str] = ..., host: _Optional[_Union[Host, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateHostRequest(_message.Message):
    __slots__ = ("host", "update_mask", "validate_only", "request_id")
    HOST_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    host: Host
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    request_id: str
    def __init__(self, host: _Optional[_Union[Host, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteHostRequest(_message.Message):
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
