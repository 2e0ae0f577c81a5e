"""Checks of a host, for people: whether everything is there that the agent and OVN need, and what to do if not."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from headgate_common import pki
from headgate_common.diagnosis import Finding, disk, failed, ok, warning
from headgate_common.identity import IdentityFiles
from headgate_common.pki import PkiError
from headgate_hostagent.config import AgentConfig
from headgate_hostagent.desired import DesiredFile
from headgate_hostagent.drivers.iproute import read_links
from headgate_hostagent.drivers.ovs import SwitchDatabase
from headgate_hostagent.host import Host
from headgate_hostagent.managers.links import Link
from headgate_hostagent.managers.report import HostSeen
from headgate_hostagent.managers.switch import INTEGRATION_BRIDGE
from headgate_hostagent.objects import Held
from headgate_hostagent.observe.daemons import VSWITCHD, why_silent
from headgate_hostagent.observe.ovn import OvnController

GENEVE_OVERHEAD = 58
"""Bytes that a tunnel adds to a packet over IPv4. Source: RFC 8926, with OVN's 8 bytes of options."""

WORKLOAD_MTU = 1442
SOON = timedelta(days=7)
CONNECT_SECONDS = 3.0
MODULES = ("openvswitch", "geneve")


async def diagnose(config: AgentConfig) -> list[Finding]:
    """Return what every check finds; works with the agent, its controllers and Open vSwitch running or not."""
    switch = SwitchDatabase(config.ovsdb)
    try:
        held, state = _held(config)
        host = Host(config, switch, OvnController(Path(config.ovn_rundir)))
        seen, unsettled = await host.look(held), host.unsettled_seconds()
        silent = await why_silent(Path(config.ovs_rundir), VSWITCHD)
        links = await read_links([config.tunnel_device] if config.tunnel_device else [])
    finally:
        await switch.close()
    return [
        state,
        disk("disk", Path(config.state_dir), "the last accepted desired state"),
        *_controllers(config),
        *_certificate(config),
        *_modules(config),
        _database(config, seen),
        _vswitchd(config, unsettled, silent),
        _ovn(seen),
        _identity(config, seen),
        *_tunnel(config, links),
        *_nics(seen),
        *_failures(seen),
        _ports(held, seen),
    ]


def _held(config: AgentConfig) -> tuple[Held, Finding]:
    try:
        held = DesiredFile(Path(config.state_dir), config.host).read()
    except OSError as error:
        fix = "Mend the file, or remove it: a connected agent gets it again."
        return Held(), failed("desired state", f"it cannot be read: {error}", fix)
    if not held.version:
        fix = "Start headgate-agent, and see that it reaches a controller."
        return held, warning("desired state", "no controller has ever told this host what to be", fix)
    return held, ok("desired state", f"version {held.version}, epoch {held.epoch}")


def _controllers(config: AgentConfig) -> Iterator[Finding]:
    if not config.controllers:
        fix = 'Set controllers = ["address:7444"] in the agent\'s configuration.'
        yield failed("controllers", "none is configured", fix)
    for controller in config.controllers:
        if why := _unreached(controller, IdentityFiles(Path(config.pki_dir))):
            fix = "See that headgate-controller runs there, and that nothing is in between."
            yield failed("controllers", f"{controller}: {why}", fix)
        else:
            yield ok("controllers", f"{controller} answers")


def _unreached(controller: str, files: IdentityFiles) -> str:
    """Return why a controller does not answer; empty if it does."""
    if controller.startswith("unix:"):
        return "" if Path(controller.removeprefix("unix:")).exists() else "there is no such socket"
    host, _, port = controller.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as plain:
            files.client().wrap_socket(plain, server_hostname=pki.SERVER_NAME).close()
    except ssl.SSLError as error:
        return (
            f"its certificate is refused: {error.verify_message if hasattr(error, 'verify_message') else error.reason}"
        )
    except PkiError:
        return ""  # it is reached; what is wrong with our own certificate is said beside
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _certificate(config: AgentConfig) -> Iterator[Finding]:
    if all(controller.startswith("unix:") for controller in config.controllers):
        return
    enrol = f"Enrol this host: headgate pki enrol (docs/guide/certificates.md); it belongs in {config.pki_dir}."
    try:
        identity = IdentityFiles(Path(config.pki_dir)).load()
        pki.check_valid(identity.certificate, identity.authorities, pki.utc_now())
        subject = identity.subject
    except (PkiError, OSError, ssl.SSLError) as error:
        yield failed("certificate", str(error), enrol)
        return
    end = identity.certificate.not_valid_after_utc
    if subject.name != config.host:
        yield failed("certificate", f"it is of {subject.name}, and this host is {config.host}", enrol)
    elif end - pki.utc_now() < SOON:
        fix = "The agent renews it when it reaches a controller; see why it does not."
        yield warning("certificate", f"it expires at {end:%Y-%m-%d %H:%M} UTC", fix)
    else:
        yield ok("certificate", f"of {subject.name}, until {end:%Y-%m-%d}")


def _modules(config: AgentConfig) -> Iterator[Finding]:
    if config.datapath_type != "system":
        return
    absent = [module for module in MODULES if not Path("/sys/module", module).exists()]
    if absent:
        fix = f"modprobe {' '.join(absent)}, and list them in /etc/modules-load.d/headgate.conf."
        yield failed("kernel", f"modules not loaded: {', '.join(absent)}", fix)
    else:
        yield ok("kernel", f"modules {', '.join(MODULES)} are loaded")


def _database(config: AgentConfig, seen: HostSeen) -> Finding:
    if seen.switch.version or seen.switch.bridges:
        return ok("Open vSwitch", f"{config.ovsdb} answers, version {seen.switch.version or 'unknown'}")
    return failed("Open vSwitch", f"{config.ovsdb} does not answer", "systemctl start openvswitch-switch")


def _vswitchd(config: AgentConfig, unsettled: float, silent: str) -> Finding:
    if unsettled == float("inf"):
        text = f"it has not made {INTEGRATION_BRIDGE} in {config.ovs_rundir}"
        return failed("ovs-vswitchd", text, "systemctl start openvswitch-switch, and see its log.")
    if silent:
        return failed("ovs-vswitchd", silent, "systemctl restart openvswitch-switch")
    return ok("ovs-vswitchd", f"it runs, and has {INTEGRATION_BRIDGE}")


def _ovn(seen: HostSeen) -> Finding:
    remote = seen.switch.external_ids.get("ovn-remote", "")
    if seen.ovn_connected:
        return ok("ovn-controller", f"version {seen.ovn_version}, connected to {remote}")
    if not seen.ovn_version:
        return failed("ovn-controller", "it does not run, or does not answer", "systemctl restart ovn-host")
    fix = "See ovn-controller.log; is the database up, and the certificate one that it trusts?"
    return failed("ovn-controller", f"it is not connected to Southbound at {remote or 'nowhere'}", fix)


def _identity(config: AgentConfig, seen: HostSeen) -> Finding:
    known = seen.switch.external_ids.get("system-id", "")
    if known == config.host:
        return ok("chassis name", known)
    fix = "Let the agent set it; if something else writes external_ids:system-id, stop that, or rename this host."
    return failed("chassis name", f"Open vSwitch has {known!r}, the agent's configuration {config.host!r}", fix)


def _tunnel(config: AgentConfig, links: dict[str, Link]) -> Iterator[Finding]:
    if not config.tunnel_device:
        return
    link = links.get(config.tunnel_device)
    if link is None:
        fix = "Correct tunnel_device, or bring the device."
        yield failed("tunnel", f"there is no device {config.tunnel_device}", fix)
    elif config.tunnel_address not in link.addresses or not link.up:
        yield failed("tunnel", f"{link.name} is down or has not {config.tunnel_address}", "Start headgate-agent.")
    elif link.mtu < WORKLOAD_MTU + GENEVE_OVERHEAD:
        text = f"{link.name} has MTU {link.mtu}, too small for workloads with {WORKLOAD_MTU} and {GENEVE_OVERHEAD} more"
        yield failed("tunnel", text, f"Raise the MTU of the underlay to {WORKLOAD_MTU + GENEVE_OVERHEAD} at least.")
    else:
        yield ok("tunnel", f"{link.name} has {config.tunnel_address}, MTU {link.mtu}")


def _nics(seen: HostSeen) -> Iterator[Finding]:
    for nic in seen.nics.values():
        if nic.link_up:
            yield ok("uplink", f"{nic.name} is up")
        else:
            yield failed("uplink", f"{nic.name} is down", "Look at the cable and the switch's port.")


def _failures(seen: HostSeen) -> Iterator[Finding]:
    if not seen.failures:
        yield ok("as desired", "the switch is as its controller wants it")
    for key, text in sorted(seen.failures.items()):
        yield failed("as desired", f"{key}: {text}", "See the agent's log: journalctl -u headgate-agent")


def _ports(held: Held, seen: HostSeen) -> Finding:
    there = [i for i in seen.switch.interfaces(INTEGRATION_BRIDGE) if "iface-id" in i.external_ids]
    broken = [i.name for i in there if i.external_ids.get("ovn-installed") != "true"]
    if broken:
        fix = "Is the port known to Headgate (headgate get ports), and pinned to no other host?"
        return warning("workloads", f"not bound by OVN: {', '.join(broken)}", fix)
    return ok("workloads", f"{len(there)} attached, {len(held.ports)} expected")
