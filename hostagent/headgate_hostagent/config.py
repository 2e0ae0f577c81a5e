"""What the agent is told by its machine's operator."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headgate_common.config import ConfigError, doc, load
from headgate_common.config_text import introduction_of, to_page

CONTROLLER = re.compile(r"unix:/.+|([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
"""What the address of a controller looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeConfig:
    """A bridge that the agent makes and keeps."""

    uplinks: list[str] = doc([], "The machine's devices that belong to the bridge.")
    mac: str = doc("", "The bridge's Ethernet address; empty: Open vSwitch chooses.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """The host agent's configuration: where its controllers are, and facts of the machine."""

    host: str = doc("", "Required. The chassis name; the host's resource is hosts/{host}.")
    controllers: list[str] = doc(
        [],
        'Addresses of the controllers\' host stream, tried in turn: "address:port", or "unix:/path" on their machine.',
    )
    pki_dir: str = doc("/var/lib/headgate-agent/pki", "The host's certificate: identity.pem and ca.pem.")
    state_dir: str = doc("/var/lib/headgate-agent", "Where the last accepted desired state is kept.")
    ovsdb: str = doc("unix:/run/openvswitch/db.sock", "This host's Open_vSwitch database.")
    ovs_rundir: str = doc("/run/openvswitch", "Where the bridges' management sockets live.")
    ovn_rundir: str = doc("/run/ovn", "Where ovn-controller's control socket lives.")
    ovn_controller_log: str = doc("/var/log/ovn/ovn-controller.log", "ovn-controller's log, which is only read.")
    tunnel_address: str = doc("", "Required. The tunnel endpoint (VTEP) address with its prefix length.")
    tunnel_device: str = doc("", "The device that the agent keeps up and the tunnel address on; empty: not its task.")
    datapath_type: str = doc("system", "The bridges' datapath: system, or netdev (in userspace).")
    bridges: dict[str, BridgeConfig] = doc({}, "The bridges that the agent makes and keeps, by name.")
    physical_networks: dict[str, str] = doc({}, "Physical networks of the machine, and the bridge that leads to each.")
    log_level: str = doc("info", "debug, info, warning or error.")
    log_json: bool = doc(False, "Log JSON objects instead of lines.")

    @property
    def tunnel_ip(self) -> str:
        """The tunnel endpoint address without its prefix length."""
        return self.tunnel_address.partition("/")[0]


def load_config(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> AgentConfig:
    """Return the agent's configuration, checked.

    Raises:
        ConfigError: it cannot be used; names every fault.
    """
    config = load(AgentConfig, path, environ, flags)
    faults = list(_faults(config))
    if faults:
        raise ConfigError(faults)
    return config


def _faults(config: AgentConfig) -> Iterator[str]:
    if not config.host:
        yield 'host: it is required; give the chassis name, for example host = "h1".'
    try:
        if "/" not in config.tunnel_address:
            raise ValueError
        ipaddress.ip_interface(config.tunnel_address)
    except ValueError:
        yield (
            "tunnel_address: expected an address with its prefix length such as 172.31.0.11/24; "
            f"got {config.tunnel_address!r}."
        )
    if config.datapath_type not in ("system", "netdev"):
        yield f'datapath_type: expected "system" or "netdev"; got {config.datapath_type!r}.'
    for network, bridge in config.physical_networks.items():
        if bridge not in config.bridges:
            yield f"physical_networks.{network}: there is no bridge {bridge}; add [bridges.{bridge}]."
    for controller in config.controllers:
        if not CONTROLLER.fullmatch(controller):
            yield f'controllers: {controller!r} is no address; write "address:7444" or "unix:/path".'


if __name__ == "__main__":
    print(to_page(AgentConfig, "The host agent", introduction_of("headgate-agent")), end="")
