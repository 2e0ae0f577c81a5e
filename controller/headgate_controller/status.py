"""What the data plane has made of a resource, as a pure function of what is known; nothing of it is ever stored.

`nb_cfg` is raised in Northbound together with, or after, the rows of a revision; a host whose `Chassis_Private.nb_cfg`
has reached that number has installed what the revision means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate_controller.names import vpc_of
from headgate_controller.northbound_rows import CHASSIS_REDIRECT, external_key, redirect_of
from headgate_controller.nouns.floating_ip import FloatingIp
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.port import Port
from headgate_controller.nouns.subnet import attached
from headgate_controller.nouns.vpc import Vpc
from headgate_controller.world import World


def scope_of(noun: Any) -> str | None:
    """Return what the hosts that must act on a resource have in common: its VPC, or its VLAN subnet; None if no host
    must.
    """
    if isinstance(noun, Host):
        return None
    if isinstance(noun, FloatingIp):
        return vpc_of(noun.port) if noun.port else None
    return vpc_of(noun.name) or (noun.subnet if isinstance(noun, Port) else str(noun.name))


def scope_of_binding(logical_port: str, world: World) -> str | None:
    """Return the scope of a binding by its logical port: a port's uid, or a chassis-redirect port of a VPC."""
    if logical_port.startswith(CHASSIS_REDIRECT):
        return vpc_of(logical_port.removeprefix(CHASSIS_REDIRECT))
    for name in world.group("iface", logical_port):
        port = world.get(Port, name)
        return None if port is None else scope_of(port)
    return None


@dataclass
class Spans:
    """Which hosts hold a part of each scope, kept up to date one binding at a time."""

    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    hosts: dict[str, Counter[str]] = field(default_factory=dict)

    def bind(self, logical_port: str, scope: str | None, chassis: str | None) -> None:
        """Note that a logical port of a scope is bound to a host now, or, if either is None, that it is not bound."""
        old = self.places.pop(logical_port, None)
        if old is not None:
            self.hosts[old[0]][old[1]] -= 1
            self.hosts[old[0]] += Counter()
        if scope is not None and chassis is not None:
            self.places[logical_port] = (scope, chassis)
            self.hosts.setdefault(scope, Counter())[chassis] += 1

    def holds(self, scope: str | None, host: str) -> bool:
        """Return whether a host holds a part of a scope."""
        return host in self.hosts.get(scope or "", ())

    def of(self, scope: str | None) -> list[str]:
        """Return the hosts that hold a part of a scope."""
        return sorted(self.hosts.get(scope or "", ()))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the data plane.

    The revisions that Northbound holds, northd has translated as far as it was asked, Southbound was readable at, and
    a host has confirmed; why Northbound (empty: no reason is known) and Southbound are not at the latest; why a
    resource's rows are not there (None: they are); and where each logical port is bound.
    """

    written: int
    translated: int
    seen: int
    confirmed: Callable[[str], int]
    unwritten: Callable[[], str]
    unseen: Callable[[], str]
    why_not: Callable[[str], str | None]
    bound: Mapping[str, str | None]


def lags(noun: Any, world: World, spans: Spans, known: Known) -> Iterator[tuple[str, str]]:
    """Yield (host or "", reason) of whatever has not confirmed a resource's latest change."""
    revision = noun.meta.revision
    if known.written < revision:
        yield "", _because("the change is not written to OVN Northbound yet", known.unwritten())
    elif (reason := known.why_not(noun.name)) is not None:
        yield "", reason
    elif known.seen < revision and scope_of(noun) is not None:
        yield "", _because("no host can be seen to have made the change", known.unseen())
    else:
        for host in spans.of(scope_of(noun)):
            if known.confirmed(host) < revision:
                yield host, _late(revision, known)
        yield from _unclaimed(noun, world, known)


def _late(revision: int, known: Known) -> str:
    """Return why a host has not confirmed a revision that Northbound holds."""
    if why := known.unwritten():
        return f"it cannot be asked whether it has made the change: OVN Northbound at {why}"
    if known.translated < revision:
        return "ovn-northd has not translated the change yet"
    return "it has not confirmed the change yet"


def _because(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def settles(noun: Any) -> bool:
    """Return whether nothing but Northbound and hosts can keep a resource from being realised."""
    return not isinstance(noun, Vpc)


def _unclaimed(noun: Any, world: World, known: Known) -> Iterator[tuple[str, str]]:
    for key, attachment, _ in attached(world, noun.name) if isinstance(noun, Vpc) else ():
        if known.bound.get(redirect_of(external_key(noun.name, key))) is None:
            yield attachment.gateway_hosts[0].removeprefix("hosts/"), f"no host has claimed the gateway {key!r} yet"
