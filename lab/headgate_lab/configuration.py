"""The configuration files of Headgate's programs, as the lab writes them."""

import json
from collections.abc import Mapping
from pathlib import Path

from headgate_common.identity import IdentityFiles
from headgate_lab.topology import CENTRAL_ADDRESS, Host

TUNNEL_BRIDGE = "br-phy"
PROVIDER_BRIDGE = "br-ext"
PHYSICAL_NETWORK = "provider"

SB_PORT = 6642
"""Where ovn-controllers find the Southbound database.  Source: ovn-controller(8)."""

HOSTS_PORT = 7444
"""Where agents find the controller on the management wire."""


def to_toml(values: Mapping[str, object], table: str = "") -> str:
    """Return `values` as TOML; mappings become tables, everything else must be what JSON and TOML write alike."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    head = [f"[{table}]"] if table and plain else []
    text = "".join(f"{line}\n" for line in (*head, *plain))
    for key, value in values.items():
        if isinstance(value, Mapping):
            text += to_toml(value, f"{table}.{key}" if table else key)
    return text


def agent_settings(host: Host, *, run_dir: Path, pki_dir: Path) -> dict[str, object]:
    """Return what the agent of `host` is told; `run_dir` is where its switch lives, too."""
    return {
        "host": host.name,
        "controllers": [f"{CENTRAL_ADDRESS}:{HOSTS_PORT}"],
        "pki_dir": str(pki_dir),
        "state_dir": f"{run_dir}/agent",
        "ovsdb": f"unix:{run_dir}/db.sock",
        "ovs_rundir": str(run_dir),
        "ovn_rundir": str(run_dir),
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


def hosts_endpoint(api_port: int) -> str:
    """Return where the controller awaits hosts: beside the API, at another address that only this machine has."""
    return f"127.0.0.2:{api_port}"


def controller_settings(
    *, run_dir: Path, pki_dir: Path, ca_dir: Path, api_port: int, northbound: str, southbound: str
) -> dict[str, object]:
    """Return what the controller is told."""
    return {
        "listen": [f"unix:{run_dir}/api.sock", f"127.0.0.1:{api_port}"],
        "tls_certificate": str(IdentityFiles(pki_dir).identity),
        "host_listen": [hosts_endpoint(api_port)],
        "pki_dir": str(pki_dir),
        "ca_dir": str(ca_dir),
        "http_listen": [f"unix:{run_dir}/http.sock"],
        "database": f"sqlite:///{run_dir}/headgate.db",
        "northbound": northbound,
        "southbound": southbound,
        "southbound_remote": f"ssl:{CENTRAL_ADDRESS}:{SB_PORT}",
        "log_level": "info",
    }
