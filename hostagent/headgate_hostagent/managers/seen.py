"""What a host's Open_vSwitch database holds, as values. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MARK = "headgate"
"""The key in external_ids that says that a row is ours; its value says why the row is there."""

OUR_BRIDGE, OUR_UPLINK, OUR_PLUG, OUR_SSL = "bridge", "uplink", "plug", "ssl"


@dataclass(frozen=True, slots=True)
class InterfaceSeen:
    """A row of Interface."""

    name: str
    type: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    external_ids: Mapping[str, str] = field(default_factory=dict)
    link_up: bool = False
    error: str = ""
    bfd_state: str = ""


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A row of Port with its interfaces."""

    name: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[InterfaceSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    """A row of Bridge with its ports."""

    name: str
    datapath_type: str = ""
    hwaddr: str = ""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, PortSeen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SslSeen:
    """The row of SSL: the certificate by which ovn-controller reaches Southbound."""

    private_key: str
    certificate: str
    ca_cert: str
    external_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SwitchSeen:
    """A host's Open_vSwitch database, as far as the agent looks."""

    external_ids: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    bridges: Mapping[str, BridgeSeen] = field(default_factory=dict)
    ssl: SslSeen | None = None

    def interfaces(self, bridge: str) -> Iterator[InterfaceSeen]:
        """Yield the interfaces of `bridge`, if it is there."""
        if bridge in self.bridges:
            for port in self.bridges[bridge].ports.values():
                yield from port.interfaces

    def bridge_of(self, port: str) -> str | None:
        """Return the name of the bridge that `port` is in."""
        return next((bridge.name for bridge in self.bridges.values() if port in bridge.ports), None)
