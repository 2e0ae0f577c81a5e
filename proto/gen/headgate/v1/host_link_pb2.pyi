from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headgate.v1 import host_pb2 as _host_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectRequest(_message.Message):
    __slots__ = ("hello", "ack", "nack", "report")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    NACK_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    ack: Ack
    nack: Nack
    report: Report
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., nack: _Optional[_Union[Nack, _Mapping]] = ..., report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("desired", "welcome", "trust")
    DESIRED_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    desired: Desired
    welcome: Welcome
    trust: Trust
    def __init__(self, desired: _Optional[_Union[Desired, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol",)
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    def __init__(self, protocol: _Optional[int] = ...) -> None: ...

class Trust(_message.Message):
    __slots__ = ("ca_certificates",)
    CA_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    ca_certificates: str
    def __init__(self, ca_certificates: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("host", "protocol", "agent_version", "held_version", "epoch", "facts", "oldest_protocol")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    HELD_VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    host: str
    protocol: int
    agent_version: str
    held_version: str
    epoch: int
    facts: HostFacts
    oldest_protocol: int
    def __init__(self, host: _Optional[str] = ..., protocol: _Optional[int] = ..., agent_version: _Optional[str] = ..., held_version: _Optional[str] = ..., epoch: _Optional[int] = ..., facts: _Optional[_Union[HostFacts, _Mapping]] = ..., oldest_protocol: _Optional[int] = ...) -> None: ...

class HostFacts(_message.Message):
    __slots__ = ("tunnel_ip", "physical_networks")
    class PhysicalNetworksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TUNNEL_IP_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    tunnel_ip: str
    physical_networks: _containers.ScalarMap[str, str]
    def __init__(self, tunnel_ip: _Optional[str] = ..., physical_networks: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Desired(_message.Message):
    __slots__ = ("version", "base_version", "nonce", "epoch", "put", "remove")
    class PutEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: DesiredObject
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[DesiredObject, _Mapping]] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    version: str
    base_version: str
    nonce: str
    epoch: int
    put: _containers.MessageMap[str, DesiredObject]
    remove: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., base_version: _Optional[str] = ..., nonce: _Optional[str] = ..., epoch: _Optional[int] = ..., put: _Optional[_Mapping[str, DesiredObject]] = ..., remove: _Optional[_Iterable[str]] = ...) -> None: ...

class DesiredObject(_message.Message):
    __slots__ = ("chassis", "physical_network", "port")
    CHASSIS_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_NETWORK_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    chassis: Chassis
    physical_network: PhysicalNetwork
    port: ExpectedPort
    def __init__(self, chassis: _Optional[_Union[Chassis, _Mapping]] = ..., physical_network: _Optional[_Union[PhysicalNetwork, _Mapping]] = ..., port: _Optional[_Union[ExpectedPort, _Mapping]] = ...) -> None: ...

class Chassis(_message.Message):
    __slots__ = ("ovn_remote", "encap_type", "encap_ip")
    OVN_REMOTE_FIELD_NUMBER: _ClassVar[int]
    ENCAP_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENCAP_IP_FIELD_NUMBER: _ClassVar[int]
    ovn_remote: str
    encap_type: str
    encap_ip: str
    def __init__(self, ovn_remote: _Optional[str] = ..., encap_type: _Optional[str] = ..., encap_ip: _Optional[str] = ...) -> None: ...

class PhysicalNetwork(_message.Message):
    __slots__ = ("bridge",)
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    bridge: str
    def __init__(self, bridge: _Optional[str] = ...) -> None: ...

class ExpectedPort(_message.Message):
    __slots__ = ("iface_id", "mac")
    IFACE_ID_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    iface_id: str
    mac: str
    def __init__(self, iface_id: _Optional[str] = ..., mac: _Optional[str] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("nonce", "version")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    nonce: str
    version: str
    def __init__(self, nonce: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Nack(_message.Message):
    __slots__ = ("nonce", "version", "reason", "message")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    nonce: str
    version: str
    reason: str
    message: str
    def __init__(self, nonce: _Optional[str] = ..., version: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("time", "realised_version", "failures", "bridges", "interfaces", "tunnels", "chassis", "versions", "ovn_connected", "nics", "physical_networks_down", "ovn_complaints")
    class FailuresEntry(_message.Message):
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
    TIME_FIELD_NUMBER: _ClassVar[int]
    REALISED_VERSION_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    BRIDGES_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    TUNNELS_FIELD_NUMBER: _ClassVar[int]
    CHASSIS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    OVN_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    NICS_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_NETWORKS_DOWN_FIELD_NUMBER: _ClassVar[int]
    OVN_COMPLAINTS_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    realised_version: str
    failures: _containers.ScalarMap[str, str]
    bridges: _containers.RepeatedCompositeFieldContainer[Bridge]
    interfaces: _containers.RepeatedCompositeFieldContainer[Interface]
    tunnels: _containers.RepeatedCompositeFieldContainer[Tunnel]
    chassis: Chassis
    versions: _containers.ScalarMap[str, str]
    ovn_connected: bool
    nics: _containers.RepeatedCompositeFieldContainer[_host_pb2.Nic]
    physical_networks_down: _containers.RepeatedScalarFieldContainer[str]
    ovn_complaints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., realised_version: _Optional[str] = ..., failures: _Optional[_Mapping[str, str]] = ..., bridges: _Optional[_Iterable[_Union[Bridge, _Mapping]]] = ..., interfaces: _Optional[_Iterable[_Union[Interface, _Mapping]]] = ..., tunnels: _Optional[_Iterable[_Union[Tunnel, _Mapping]]] = ..., chassis: _Optional[_Union[Chassis, _Mapping]] = ..., versions: _Optional[_Mapping[str, str]] = ..., ovn_connected: bool = ..., nics: _Optional[_Iterable[_Union[_host_pb2.Nic, _Mapping]]] = ..., physical_networks_down: _Optional[_Iterable[str]] = ..., ovn_complaints: _Optional[_Iterable[str]] = ...) -> None: ...

class Bridge(_message.Message):
    __slots__ = ("name", "ports")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    ports: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., ports: _Optional[_Iterable[str]] = ...) -> None: ...

class Interface(_message.Message):
    __slots__ = ("name", "iface_id", "link_up", "ovn_installed", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IFACE_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_UP_FIELD_NUMBER: _ClassVar[int]
    OVN_INSTALLED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    iface_id: str
    link_up: bool
    ovn_installed: bool
    error: str
    def __init__(self, name: _Optional[str] = ..., iface_id: _Optional[str] = ..., link_up: bool = ..., ovn_installed: bool = ..., error: _Optional[str] = ...) -> None: ...

class Tunnel(_message.Message):
    __slots__ = ("remote_ip", "bfd_state")
    REMOTE_IP_FIELD_NUMBER: _ClassVar[int]
    BFD_STATE_FIELD_NUMBER: _ClassVar[int]
    remote_ip: str
    bfd_state: str
    def __init__(self, remote_ip: _Optional[str] = ..., bfd_state: _Optional[str] = ...) -> None: ...
