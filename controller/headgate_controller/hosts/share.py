"""What one host is to be: a pure function of the World, object by object. Its version is a hash of its content, the
same for every controller, and kept up object by object too: a change costs what it concerns, however much there is.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from headgate.v1.host_link_pb2 import DesiredObject
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.port import Port
from headgate_controller.world import World

Share = Mapping[str, bytes]
"""A host's objects (`DesiredObject`, serialised) by their keys."""

BITS = 160


class Change(NamedTuple):
    """What an object of a host was and is to be; None: it is not there."""

    host: str
    key: str
    before: bytes | None
    after: bytes | None


def share_of(world: World, name: str, ovn_remote: str) -> Share:
    """Return what the host of that name is to be; empty if there is no such host."""
    share = _part(world.get(Host, name), name, ovn_remote)
    for port in sorted(world.group("ports_on", name)):
        share |= _part(world.get(Port, port), name, ovn_remote)
    return share


def changes(
    before: World, after: World, touched: frozenset[str], hosts: Container[str], ovn_remote: str
) -> Iterator[Change]:
    """Yield what differs between two Worlds for some hosts, given the names of the resources that may."""
    for name in touched:
        old, new = before.resources.get(name), after.resources.get(name)
        for host in {_concerned(old), _concerned(new)}:
            if host in hosts:
                yield from _differences(host, _part(old, host, ovn_remote), _part(new, host, ovn_remote))


def _differences(host: str, before: Share, after: Share) -> Iterator[Change]:
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was != now:
            yield Change(host, key, was, now)


def _concerned(noun: object) -> str:
    """Return the host whose share a resource is in; empty if none."""
    if isinstance(noun, Port):
        return noun.host or ""
    return noun.name if isinstance(noun, Host) else ""


def _part(noun: object, host: str, ovn_remote: str) -> dict[str, bytes]:
    """Return what a resource contributes to the share of a host."""
    if isinstance(noun, Port):
        return {noun.name: _of_port(noun)} if noun.host == host else {}
    return dict(_of_host(noun, ovn_remote)) if isinstance(noun, Host) else {}


def _of_host(host: Host, ovn_remote: str) -> Iterator[tuple[str, bytes]]:
    wanted = DesiredObject()
    chassis = wanted.chassis
    chassis.ovn_remote, chassis.encap_type = ovn_remote, "geneve"
    chassis.encap_ip = str(host.tunnel_ip) if host.tunnel_ip else ""
    yield "chassis", wanted.SerializeToString()
    for network, bridge in host.physical_networks:
        wanted = DesiredObject()
        wanted.physical_network.bridge = bridge
        yield f"physical_network/{network}", wanted.SerializeToString()


def _of_port(port: Port) -> bytes:
    wanted = DesiredObject()
    expected = wanted.port
    expected.iface_id, expected.mac = port.iface_id, port.mac or ""
    return wanted.SerializeToString()


class Digest(NamedTuple):
    """A hash of a share that does not depend on the order in which its objects came: the sum of those of each."""

    total: int = 0

    @classmethod
    def of(cls, share: Share) -> Digest:
        """Return that of a share. O(share)."""
        return cls(sum(_hash(key, content) for key, content in share.items()))

    def changed(self, change: Change) -> Digest:
        """Return that of the share after a change."""
        gone = 0 if change.before is None else _hash(change.key, change.before)
        come = 0 if change.after is None else _hash(change.key, change.after)
        return Digest(self.total - gone + come)

    @property
    def version(self) -> str:
        """The version of the share."""
        return f"{self.total % (1 << BITS):0{BITS // 4}x}"


def _hash(key: str, content: bytes) -> int:
    text = key.encode()
    return int.from_bytes(blake2b(len(text).to_bytes(4) + text + content, digest_size=BITS // 8).digest())
