"""The configuration files of Headgate's programs, as the lab writes them."""

import json
from collections.abc import Mapping
from pathlib import Path

from headgate_lab.topology import CENTRAL_ADDRESS, Host

TUNNEL_BRIDGE = "br-phy"
PROVIDER_BRIDGE = "br-ext"
PHYSICAL_NETWORK = "provider"

SB_PORT = 6642
"""Where ovn-controllers find the Southbound database.  Source: ovn-controller(8)."""


def to_toml(values: Mapping[str, object], table: str = "") -> str:
    """Return `values` as TOML; mappings become tables, everything else must be what JSON and TOML write alike."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    head = [f"[{table}]"] if table and plain else []
    text = "".join(f"{line}\n" for line in (*head, *plain))
    for key, value in values.items():
        if isinstance(value, Mapping):
            text += to_toml(value, f"{table}.{key}" if table else key)
    return text


def agent_settings(host: Host, *, run_dir: Path, controller: str) -> dict[str, object]:
    """Return what the agent of `host` is told; `run_dir` is where its switch lives, too."""
    return {
        "host": host.name,
        "controllers": [controller],
        "state_dir": f"{run_dir}/agent",
        "ovsdb": f"unix:{run_dir}/db.sock",
        "ovs_rundir": str(run_dir),
        "ovn_controller_log": f"{run_dir}/ovn-controller.log",
        "tunnel_address": host.tunnel_address,
        "tunnel_device": TUNNEL_BRIDGE,
        "datapath_type": "netdev",
        "bridges": {
            TUNNEL_BRIDGE: {"uplinks": [host.underlay.device], "mac": host.tunnel_mac},
            PROVIDER_BRIDGE: {"uplinks": [host.provider.device]},
        },
        "physical_networks": {PHYSICAL_NETWORK: PROVIDER_BRIDGE},
    }


def controller_settings(*, run_dir: Path, api_port: int, northbound: str, southbound: str) -> dict[str, object]:
    """Return what the controller is told."""
    return {
        "listen": [f"unix:{run_dir}/api.sock", f"127.0.0.1:{api_port}"],
        "host_listen": [f"unix:{run_dir}/hosts.sock"],
        "http_listen": [f"unix:{run_dir}/http.sock"],
        "database": f"sqlite:///{run_dir}/headgate.db",
        "northbound": northbound,
        "southbound": southbound,
        "southbound_remote": f"tcp:{CENTRAL_ADDRESS}:{SB_PORT}",
        "tls_certificate": f"{run_dir}/pki/identity.pem",
        "log_level": "info",
    }
