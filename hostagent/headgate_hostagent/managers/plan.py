"""The difference between what Open_vSwitch should hold and what it holds, as changes. Pure.

Only what is ours is changed: named keys of Open_vSwitch, the columns named here of configured bridges, and the
uplinks. Bridges and ports are deleted only if they bear our mark, and never before a desired state is held.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from headgate_common.identity import CA_FILE, IDENTITY_FILE
from headgate_hostagent.managers.seen import MARK, OUR_BRIDGE, OUR_SSL, OUR_UPLINK, BridgeSeen, SslSeen, SwitchSeen
from headgate_hostagent.managers.switch import WantedBridge, WantedSwitch


@dataclass(frozen=True, slots=True)
class SetKey:
    """Set a key of Open_vSwitch external_ids; an empty value removes it."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class AddBridge:
    """Add a bridge with its internal port; `secure` ones forward nothing until they are programmed."""

    name: str
    datapath_type: str
    hwaddr: str = ""
    secure: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class SetBridge:
    """Set what is ours of a bridge that is there; an empty address is left to Open vSwitch."""

    name: str
    datapath_type: str
    hwaddr: str


@dataclass(frozen=True, slots=True)
class RemoveBridge:
    """Remove a bridge with its ports."""

    name: str


@dataclass(frozen=True, slots=True)
class AddPort:
    """Add a port with one interface, which bears the mark and, if not empty, the iface-id."""

    bridge: str
    name: str
    mark: str
    iface_id: str = ""


@dataclass(frozen=True, slots=True)
class SetInterface:
    """Give an interface that is there the mark and the iface-id."""

    name: str
    mark: str
    iface_id: str


@dataclass(frozen=True, slots=True)
class RemovePort:
    """Remove a port with its interfaces."""

    bridge: str
    name: str


@dataclass(frozen=True, slots=True)
class SetSsl:
    """Give OVN the certificate in `identity`, which holds its key as well; an empty name takes it away."""

    identity: str = ""
    ca_cert: str = ""
    mark: str = ""


Change = SetKey | AddBridge | SetBridge | RemoveBridge | AddPort | SetInterface | RemovePort | SetSsl
"""One change of Open_vSwitch."""


def plan(wanted: WantedSwitch, seen: SwitchSeen) -> tuple[Change, ...]:
    """Return the changes from `seen` to `wanted`, in the order in which they can be made; empty: nothing to do."""
    removals = tuple(_removals(wanted, seen)) if wanted.in_sync else ()
    gone = {change.name for change in removals if isinstance(change, RemovePort)}
    keys = (SetKey(key, value) for key, value in sorted(wanted.keys.items()) if seen.external_ids.get(key, "") != value)
    bridges = (change for bridge in wanted.bridges for change in _bridge(bridge, seen, gone))
    return (*removals, *bridges, *_ssl(wanted, seen), *keys)


def misplaced(wanted: WantedSwitch, seen: SwitchSeen) -> dict[str, str]:
    """Return, by bridge, why an uplink cannot join it: somebody else has put the device into another bridge."""
    return {
        bridge.name: f"{uplink} is in {place}; take it out: ovs-vsctl del-port {place} {uplink}"
        for bridge in wanted.bridges
        for uplink in bridge.uplinks
        if (place := seen.bridge_of(uplink)) not in (None, bridge.name)
    }


def foreign_ssl(wanted: WantedSwitch, seen: SwitchSeen) -> str:
    """Return why OVN cannot be given its certificate: somebody else has set another; empty if it can."""
    files = wanted_ssl(wanted)
    if files is None or seen.ssl is None or seen.ssl.external_ids.get(MARK) == OUR_SSL or _is(files, seen.ssl):
        return ""
    return f"Open_vSwitch has the certificate {seen.ssl.certificate} of somebody else; take it out: ovs-vsctl del-ssl"


def wanted_ssl(wanted: WantedSwitch) -> SetSsl | None:
    """Return the certificate that OVN should have."""
    if not wanted.pki_dir:
        return None
    return SetSsl(f"{wanted.pki_dir}/{IDENTITY_FILE}", f"{wanted.pki_dir}/{CA_FILE}", OUR_SSL)


def _ssl(wanted: WantedSwitch, seen: SwitchSeen) -> Iterator[Change]:
    files, ours = wanted_ssl(wanted), seen.ssl is not None and seen.ssl.external_ids.get(MARK) == OUR_SSL
    if files is None:
        if ours and wanted.in_sync:
            yield SetSsl()
    elif seen.ssl is None or (ours and not _is(files, seen.ssl)):
        yield files


def _is(files: SetSsl, seen: SslSeen) -> bool:
    return (seen.private_key, seen.certificate, seen.ca_cert) == (files.identity, files.identity, files.ca_cert)


def _removals(wanted: WantedSwitch, seen: SwitchSeen) -> Iterator[Change]:
    uplinks = {bridge.name: bridge.uplinks for bridge in wanted.bridges}
    for bridge in seen.bridges.values():
        if bridge.name not in uplinks:
            if bridge.external_ids.get(MARK) == OUR_BRIDGE:
                yield RemoveBridge(bridge.name)
            continue
        for port in bridge.ports.values():
            if port.name not in uplinks[bridge.name] and _is_our_uplink(bridge, port.name):
                yield RemovePort(bridge.name, port.name)


def _is_our_uplink(bridge: BridgeSeen, port: str) -> bool:
    return any(interface.external_ids.get(MARK) == OUR_UPLINK for interface in bridge.ports[port].interfaces)


def _bridge(wanted: WantedBridge, seen: SwitchSeen, gone: set[str]) -> Iterator[Change]:
    there = seen.bridges.get(wanted.name)
    if there is None:
        yield AddBridge(wanted.name, wanted.datapath_type, wanted.hwaddr, mark=OUR_BRIDGE)
    elif there.datapath_type != wanted.datapath_type or (wanted.hwaddr and there.hwaddr != wanted.hwaddr):
        yield SetBridge(wanted.name, wanted.datapath_type, wanted.hwaddr)
    for uplink in wanted.uplinks:
        if seen.bridge_of(uplink) is None or uplink in gone:
            yield AddPort(wanted.name, uplink, OUR_UPLINK)
