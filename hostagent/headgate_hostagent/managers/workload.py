"""What attaches a workload's device to the integration bridge, and what takes it out again. Pure."""

from headgate_hostagent.managers.plan import AddBridge, AddPort, Change, RemovePort, SetInterface
from headgate_hostagent.managers.seen import MARK, OUR_PLUG, SwitchSeen
from headgate_hostagent.managers.switch import INTEGRATION_BRIDGE

_DEVICE_NAME_SIZE = 15


class PlacedElsewhereError(Exception):
    """The device is in another bridge, put there by somebody else."""


def host_device(iface_id: str) -> str:
    """Return the name of the host's end of the pair that plug makes; 52 bits of the UUID tell ports apart."""
    return f"hg{iface_id.replace('-', '')}"[:_DEVICE_NAME_SIZE]


def plan_plug(seen: SwitchSeen, device: str, iface_id: str, datapath_type: str) -> tuple[Change, ...]:
    """Return the changes after which `device` is in the integration bridge with `iface_id`.

    If ovn-controller has not made the bridge yet, it is made as ovn-controller would.

    Raises:
        PlacedElsewhereError: the device is in another bridge.
    """
    bridge = seen.bridge_of(device)
    if bridge not in (None, INTEGRATION_BRIDGE):
        raise PlacedElsewhereError(f"{device} is in bridge {bridge}; take it out: ovs-vsctl del-port {bridge} {device}")
    if bridge is None:
        add = AddPort(INTEGRATION_BRIDGE, device, OUR_PLUG, iface_id)
        if INTEGRATION_BRIDGE in seen.bridges:
            return (add,)
        return (AddBridge(INTEGRATION_BRIDGE, datapath_type, secure=True), add)
    wanted = {"iface-id": iface_id, MARK: OUR_PLUG}
    there = next(item for item in seen.interfaces(bridge) if item.name == device)
    if wanted.items() <= there.external_ids.items():
        return ()
    return (SetInterface(device, OUR_PLUG, iface_id),)


def plan_unplug(seen: SwitchSeen, iface_id: str) -> tuple[Change, ...]:
    """Return the changes after which nothing that plug attached bears `iface_id`."""
    ours = {"iface-id": iface_id, MARK: OUR_PLUG}
    return tuple(
        RemovePort(INTEGRATION_BRIDGE, interface.name)
        for interface in seen.interfaces(INTEGRATION_BRIDGE)
        if ours.items() <= interface.external_ids.items()
    )
