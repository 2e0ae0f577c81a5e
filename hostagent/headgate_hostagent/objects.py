"""What a controller can desire of a host, as values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

CHASSIS = "chassis"
"""The key of the object that says how the host takes part in the overlay."""

PHYSICAL_NETWORK = "physical_network/"
"""What the keys of physical networks begin with; the name follows."""


@dataclass(frozen=True, slots=True)
class Chassis:
    """How the host takes part in the overlay."""

    ovn_remote: str
    encap_type: str
    encap_ip: str


@dataclass(frozen=True, slots=True)
class PhysicalNetwork:
    """A physical network that must lead through a bridge."""

    bridge: str


@dataclass(frozen=True, slots=True)
class ExpectedPort:
    """A port that is pinned to the host."""

    iface_id: str
    mac: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An object of a kind that this agent does not know; kept as it came, for the agent that will."""

    raw: bytes


Thing = Chassis | PhysicalNetwork | ExpectedPort | Unknown
"""One thing the host must be or have."""


@dataclass(frozen=True, slots=True)
class Held:
    """A whole desired state that was accepted; with an empty version, none was."""

    version: str = ""
    epoch: int = 0
    objects: Mapping[str, Thing] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def chassis(self) -> Chassis | None:
        """How the host takes part in the overlay, if that is desired."""
        thing = self.objects.get(CHASSIS)
        return thing if isinstance(thing, Chassis) else None

    @property
    def physical_networks(self) -> dict[str, PhysicalNetwork]:
        """The physical networks by name, in order of their names."""
        return {
            key.removeprefix(PHYSICAL_NETWORK): thing
            for key, thing in sorted(self.objects.items())
            if isinstance(thing, PhysicalNetwork)
        }

    @property
    def ports(self) -> dict[str, ExpectedPort]:
        """The expected ports by resource name."""
        return {key: thing for key, thing in self.objects.items() if isinstance(thing, ExpectedPort)}
