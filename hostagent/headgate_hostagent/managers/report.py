"""What the agent reports: the host as Open vSwitch, the kernel and ovn-controller say, never what was asked. Pure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_pb2
from headgate_hostagent.managers.nics import Nic
from headgate_hostagent.managers.seen import InterfaceSeen, SwitchSeen
from headgate_hostagent.managers.switch import INTEGRATION_BRIDGE

_TUNNELS = ("geneve", "vxlan", "stt")


@dataclass(frozen=True, slots=True)
class HostSeen:
    """One look at the host."""

    switch: SwitchSeen = field(default_factory=SwitchSeen)
    realised_version: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    ovn_connected: bool = False
    ovn_version: str = ""
    nics: Mapping[str, Nic] = field(default_factory=dict)
    networks_down: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


def report(host: HostSeen) -> pb.Report:
    """Return the report of `host`, without its time; equal hosts give equal reports."""
    keys = host.switch.external_ids
    interfaces = tuple(host.switch.interfaces(INTEGRATION_BRIDGE))
    return pb.Report(
        realised_version=host.realised_version,
        failures=host.failures,
        bridges=[pb.Bridge(name=bridge.name, ports=list(bridge.ports)) for bridge in host.switch.bridges.values()],
        interfaces=[_interface(interface) for interface in interfaces if "iface-id" in interface.external_ids],
        tunnels=[_tunnel(interface) for interface in interfaces if interface.type in _TUNNELS],
        chassis=pb.Chassis(
            ovn_remote=keys.get("ovn-remote", ""),
            encap_type=keys.get("ovn-encap-type", ""),
            encap_ip=keys.get("ovn-encap-ip", ""),
        ),
        versions=_versions(host),
        ovn_connected=host.ovn_connected,
        nics=[_nic(nic, host.switch) for nic in host.nics.values()],
        physical_networks_down=host.networks_down,
        ovn_complaints=host.complaints,
    )


def _versions(host: HostSeen) -> dict[str, str]:
    """Return what is known of them."""
    known = {"open-vswitch": host.switch.version, "ovn": host.ovn_version, "kernel": os.uname().release}
    return {name: version for name, version in known.items() if version}


def _nic(nic: Nic, switch: SwitchSeen) -> host_pb2.Nic:
    return host_pb2.Nic(
        name=nic.name,
        mac=nic.mac,
        link_up=nic.link_up,
        speed_mbps=nic.speed_mbps,
        mtu=nic.mtu,
        bridge=switch.bridge_of(nic.name) or "",
    )


def _interface(seen: InterfaceSeen) -> pb.Interface:
    return pb.Interface(
        name=seen.name,
        iface_id=seen.external_ids["iface-id"],
        link_up=seen.link_up,
        ovn_installed=seen.external_ids.get("ovn-installed") == "true",
        error=seen.error,
    )


def _tunnel(seen: InterfaceSeen) -> pb.Tunnel:
    return pb.Tunnel(remote_ip=seen.options.get("remote_ip", ""), bfd_state=seen.bfd_state)
