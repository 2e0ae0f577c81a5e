"""What one host is to be: a pure function of the World. Each object has a key; its version is a hash of its content,
the same for every controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from headgate.v1.host_link_pb2 import DesiredObject
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.port import Port
from headgate_controller.world import World

Share = Mapping[str, DesiredObject]


def share_of(world: World, name: str, ovn_remote: str) -> Share:
    """Return what the host of that name is to be; empty if there is no such host."""
    host = world.get(Host, name)
    if host is None:
        return {}
    share = {"chassis": DesiredObject()}
    chassis = share["chassis"].chassis
    chassis.ovn_remote, chassis.encap_type = ovn_remote, "geneve"
    chassis.encap_ip = str(host.tunnel_ip) if host.tunnel_ip else ""
    for network, bridge in host.physical_networks:
        share[f"physical_network/{network}"] = DesiredObject()
        share[f"physical_network/{network}"].physical_network.bridge = bridge
    for port_name in sorted(world.group("ports_on", name)):
        port = world.get(Port, port_name)
        if port is not None:
            share[port_name] = DesiredObject()
            share[port_name].port.iface_id, share[port_name].port.mac = port.iface_id, port.mac or ""
    return share


def version_of(share: Share) -> str:
    """Return the version of a share."""
    digest = sha256()
    for key in sorted(share):
        content = share[key].SerializeToString(deterministic=True)
        digest.update(f"{len(key)} {len(content)} ".encode() + key.encode() + content)
    return digest.hexdigest()[:32]


def hosts_touched(before: World, after: World, touched: frozenset[str]) -> set[str]:
    """Return the hosts whose share may differ between two Worlds."""
    hosts = set()
    for name in touched:
        for noun in (before.resources.get(name), after.resources.get(name)):
            if isinstance(noun, Host):
                hosts.add(name)
            elif isinstance(noun, Port) and noun.host:
                hosts.add(noun.host)
    return hosts
