"""What one host is to be: a pure function of the World, object by object. Its version is a hash of its content, the
same for every controller, and kept up object by object too: a change costs what it concerns, however much there is.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from hashlib import sha256
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
        if isinstance(new or old, Port):
            yield from _moves(name, old, new, hosts)  # type: ignore[arg-type]  # a name is of one kind for ever
        elif name in hosts and isinstance(new or old, Host):
            yield from _differences(name, _part(old, name, ovn_remote), _part(new, name, ovn_remote))


def _moves(name: str, old: Port | None, new: Port | None, hosts: Container[str]) -> Iterator[Change]:
    """Yield what changes where for a port; most changes are of ports."""
    left, come = old.host if old else None, new.host if new else None
    if left != come and old and left in hosts:
        yield Change(old.host or "", name, _of_port(old), None)
    if new and come in hosts:
        was = _of_port(old) if old and left == come else None
        if was != (now := _of_port(new)):
            yield Change(new.host or "", name, was, now)


def _differences(host: str, before: Share, after: Share) -> Iterator[Change]:
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was != now:
            yield Change(host, key, was, now)


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


def total_of(share: Share) -> int:
    """Return the sum of the hashes of a share's objects. O(share)."""
    return sum(hash_of(key, content) for key, content in share.items())


def hash_of(key: str, content: bytes | None) -> int:
    """Return what an object adds to the sum of its share; nothing if it is not there."""
    if content is None:
        return 0
    text = key.encode()
    return int.from_bytes(sha256(len(text).to_bytes(4) + text + content).digest())


def version_of(total: int) -> str:
    """Return the version of the share whose objects' hashes have that sum."""
    return f"{total % (1 << BITS):0{BITS // 4}x}"
