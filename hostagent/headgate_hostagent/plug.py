"""Attaching a workload: its device into the integration bridge, bearing the port's iface-id.

This is the whole contract with a hypervisor. libvirt keeps it by itself: an `<interface type="bridge">` with
`<source bridge="br-int"/>` and `<virtualport type="openvswitch"><parameters interfaceid="UUID"/>`, UUID being the
port's uid. `plug` does the same for network namespaces and for devices that are there already.
"""

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path

from headgate_hostagent.config import AgentConfig
from headgate_hostagent.desired import DesiredFile
from headgate_hostagent.drivers import iproute
from headgate_hostagent.drivers.ovs import SwitchDatabase
from headgate_hostagent.managers.workload import PlacedElsewhereError, host_device, plan_plug, plan_unplug
from headgate_hostagent.objects import ExpectedPort
from headgate_hostagent.observe.directory import DirectoryWatch

WORKLOAD_DEVICE = "eth0"
"""The device that a network namespace gets."""


class PlugError(Exception):
    """A workload cannot be attached; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What to attach: a network namespace, or a device of the host; and its Ethernet address if it is told."""

    netns: str = ""
    tap: str = ""
    mac: str = ""


async def plug(config: AgentConfig, port: str, workload: Workload, *, timeout_seconds: float) -> str:
    """Attach `workload` to `port` and return the name of the host's device; repeating it is harmless.

    A port named by its resource name may be created at this moment: it is waited for.

    Raises:
        PlugError: the port is not expected here, its Ethernet address is not known, or the device is missing or used
            otherwise.
        OSError: Open vSwitch or the kernel refuses.
    """
    expected = await _expected(config, port, timeout_seconds)
    mac = (workload.mac or expected.mac).lower()
    device = workload.tap or host_device(expected.iface_id)
    if workload.netns and not mac:
        # Port security would drop whatever a workload with any other address sends, and nobody would say so.
        raise PlugError("this host does not know the port's Ethernet address: give it with --mac, or pin the port here")
    if workload.netns:
        await _wire(device, workload.netns, mac)
    elif await iproute.describe(device) is None:
        raise PlugError(f"there is no device {device}; create it first")
    await iproute.run("link", "set", "dev", device, "up")
    switch = SwitchDatabase(config.ovsdb)
    try:
        await switch.change(lambda seen: plan_plug(seen, device, expected.iface_id, config.datapath_type))
    except PlacedElsewhereError as error:
        raise PlugError(str(error)) from error
    finally:
        await switch.close()
    return device


async def unplug(config: AgentConfig, port: str) -> None:
    """Undo `plug`: take the device out of the bridge, and delete it if plug made it.

    Raises:
        PlugError: the port's name is not known here; its iface-id always works.
        OSError: Open vSwitch or the kernel refuses.
    """
    iface_id = (await _expected(config, port, 0)).iface_id
    switch = SwitchDatabase(config.ovsdb)
    try:
        await switch.change(lambda seen: plan_unplug(seen, iface_id))
    finally:
        await switch.close()
    device = host_device(iface_id)
    if await iproute.describe(device) is not None:
        await iproute.run("link", "delete", "dev", device)


async def _expected(config: AgentConfig, port: str, timeout_seconds: float) -> ExpectedPort:
    """Return what is known of `port`; an iface-id is taken as it is, known or not."""
    file = DesiredFile(Path(config.state_dir), config.host)
    try:
        iface_id = str(uuid.UUID(port))
    except ValueError:
        return await _named(file, port, timeout_seconds)
    ports = file.read().ports.values()
    return next((known for known in ports if known.iface_id == iface_id), ExpectedPort(iface_id, ""))


async def _named(file: DesiredFile, port: str, timeout_seconds: float) -> ExpectedPort:
    changed = asyncio.Event()
    watch = DirectoryWatch(file.path.parent, changed.set)
    watch.start()
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                changed.clear()
                if known := file.read().ports.get(port):
                    return known
                await changed.wait()
    except TimeoutError:
        raise PlugError(f"{port} is not expected on this host; pin it (host), or give its iface-id") from None
    finally:
        watch.close()


async def _wire(device: str, netns: str, mac: str) -> None:
    """Make the pair of devices between host and namespace, unless it is there."""
    outside = await iproute.describe(device)
    inside = await iproute.describe(WORKLOAD_DEVICE, netns)
    if inside and not (outside and outside.get("link_index") == inside["ifindex"]):
        raise PlugError(f"{netns} has a device {WORKLOAD_DEVICE} that is not ours; rename it")
    if outside and not inside:
        await iproute.run("link", "delete", "dev", device)
    if not inside:
        address = ("address", mac) if mac else ()
        peer = ("peer", "name", WORKLOAD_DEVICE, "netns", netns, *address)
        await iproute.run("link", "add", "name", device, "type", "veth", *peer)
    elif mac and inside["address"] != mac:
        await iproute.run("-netns", netns, "link", "set", "dev", WORKLOAD_DEVICE, "address", mac)
    await iproute.run("-netns", netns, "link", "set", "dev", WORKLOAD_DEVICE, "up")
