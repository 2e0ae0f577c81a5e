"""What Open_vSwitch should hold: bridges with their uplinks, and the keys that ovn-controller reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from headgate_hostagent.config import AgentConfig
from headgate_hostagent.objects import CHASSIS, PHYSICAL_NETWORK, Held, Unknown

INTEGRATION_BRIDGE = "br-int"
"""The bridge that workloads are plugged into and ovn-controller programs."""

WAIT_BEFORE_CLEAR_MS = 1500
"""How long ovn-controller computes after a start before it replaces the flows that forward meanwhile.

Covers 5,000 ports on one switch: unset, an ovn-controller restart cut all traffic of the host for 1 s; from 1 s on
nothing was lost.
"""

SWITCH_SETTLES_SECONDS = 10.0
"""How long after ovs-vswitchd's start nothing is worth waiting for: its flows are gone, and waiting adds to the gap."""

_FROM_DESIRED = ("ovn-remote", "ovn-encap-type", "ovn-encap-ip", "ovn-bridge-mappings")


@dataclass(frozen=True, slots=True)
class WantedBridge:
    """A bridge that should be there."""

    name: str
    datapath_type: str
    hwaddr: str
    """Its Ethernet address; empty: any."""
    uplinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WantedSwitch:
    """What Open_vSwitch should hold of ours."""

    bridges: tuple[WantedBridge, ...]
    keys: Mapping[str, str]
    """Of Open_vSwitch external_ids: our keys; an empty value: the key must not be there."""
    in_sync: bool
    """A desired state is held, so what is ours and not wanted may be deleted."""
    pki_dir: str = ""
    """Where the certificate is by which Southbound is reached; empty: by none."""


def wanted_switch(config: AgentConfig, held: Held, *, settled: bool) -> WantedSwitch:
    """Return what Open_vSwitch should hold.

    Without a held state it is what the machine's configuration says alone, and the keys that the controller decides
    are left as they are. `settled` says whether ovs-vswitchd has run for `SWITCH_SETTLES_SECONDS`.

    Source: ovn-controller(8), "Configuration".
    """
    bridges = tuple(
        WantedBridge(name, config.datapath_type, bridge.mac.lower(), tuple(sorted(bridge.uplinks)))
        for name, bridge in sorted(config.bridges.items())
    )
    keys = {
        "system-id": config.host,
        "hostname": config.host,
        "ovn-bridge-datapath-type": config.datapath_type,
        "ovn-monitor-all": "false",
        "ovn-openflow-probe-interval": "60",
        "ovn-ofctrl-wait-before-clear": str(WAIT_BEFORE_CLEAR_MS if settled else 0),
    }
    in_sync = bool(held.version)
    if in_sync:
        keys |= _desired_keys(config, held)
    by_certificate = keys.get("ovn-remote", "").startswith("ssl:")
    return WantedSwitch(bridges, keys, in_sync, config.pki_dir if by_certificate else "")


def failures(config: AgentConfig, held: Held) -> dict[str, str]:
    """Return what of `held` this machine cannot be, by the key of the object, and why."""
    found = {
        key: "this agent does not know this kind of object; upgrade it"
        for key, thing in held.objects.items()
        if isinstance(thing, Unknown)
    }
    for name, network in held.physical_networks.items():
        if network.bridge not in config.bridges:
            fix = f"add [bridges.{network.bridge}] to the agent's configuration"
            found[PHYSICAL_NETWORK + name] = f"there is no bridge {network.bridge}; {fix}"
    chassis = held.chassis
    if chassis and chassis.encap_ip and chassis.encap_ip != config.tunnel_ip:
        found[CHASSIS] = f"the tunnel address is {config.tunnel_ip}, not {chassis.encap_ip}, by the configuration"
    return found


def object_of_bridge(config: AgentConfig, held: Held, bridge: str) -> str:
    """Return the key of the object that needs `bridge`: a physical network, or else the chassis."""
    for name, network in held.physical_networks.items():
        if network.bridge == bridge and bridge != config.tunnel_device:
            return PHYSICAL_NETWORK + name
    return CHASSIS


def _desired_keys(config: AgentConfig, held: Held) -> dict[str, str]:
    """Return the keys that the controller decides; the machine's tunnel address is the machine's to say."""
    mappings = (
        f"{name}:{network.bridge}"
        for name, network in held.physical_networks.items()
        if network.bridge in config.bridges
    )
    chassis = held.chassis
    values = (
        chassis.ovn_remote if chassis else "",
        chassis.encap_type if chassis else "",
        config.tunnel_ip if chassis else "",
        ",".join(mappings),
    )
    return dict(zip(_FROM_DESIRED, values, strict=True))
