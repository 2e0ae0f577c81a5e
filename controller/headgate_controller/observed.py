"""What hosts and the data plane say of themselves, as values: shown to people, never compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card; its speed is 0 if it does not say, its bridge empty if it is in none."""

    name: str
    mac: str = ""
    link_up: bool = False
    speed_mbps: int = 0
    mtu: int = 0
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class HostReport:
    """What an agent last reported of its host.

    `failures` are by what is not as desired, `tunnels` are pairs of address and state of BFD, `interfaces` say by
    iface-id whether something drives the interface that is plugged.
    """

    failures: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[tuple[str, str], ...] = ()
    nics: tuple[Nic, ...] = ()
    tunnels: tuple[tuple[str, str], ...] = ()
    interfaces: Mapping[str, bool] = field(default_factory=dict)
    ovn_connected: bool = False
    ovn_complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostHeard:
    """What is known of a host by its agent's stream; while none is up, as it was last. Times are in nanoseconds.

    `refusal` is why the agent does not take what is desired, `turned_away` why the agent itself is not taken.
    """

    connected: bool = False
    connected_since: int | None = None
    last_heard: int | None = None
    refusal: str = ""
    turned_away: str = ""
    report: HostReport = HostReport()


class Observed(Protocol):
    """What can be asked of the site as it is now. Hosts go by their chassis names."""

    def heard(self, chassis: str) -> HostHeard:
        """Return what is known of a host by its agent's word."""

    def behind(self, chassis: str) -> int | None:
        """Return how far a host's nb_cfg is behind that of Southbound; None if OVN does not know the host."""

    def sees_bindings(self) -> bool:
        """Return whether Southbound can be read; if not, bindings are as they were seen last, if ever."""

    def bound(self, logical_port: str) -> str | None:
        """Return the host where a logical port is bound; None if nowhere."""

    def span(self, scope: str) -> list[str]:
        """Return the hosts that hold a part of a VPC or of a VLAN subnet."""
