"""What the agent holds and what Open vSwitch says, for people."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from headgate_hostagent.config import AgentConfig
from headgate_hostagent.desired import DesiredFile
from headgate_hostagent.drivers.ovs import SwitchDatabase
from headgate_hostagent.host import Host
from headgate_hostagent.managers.report import HostSeen
from headgate_hostagent.managers.switch import INTEGRATION_BRIDGE
from headgate_hostagent.objects import Held
from headgate_hostagent.observe.ovn import OvnController


async def status(config: AgentConfig) -> str:
    """Return a short table; works with the agent, its controllers and Open vSwitch running or not.

    Raises:
        OSError: the state on disk cannot be read.
    """
    held = DesiredFile(Path(config.state_dir), config.host).read()
    switch = SwitchDatabase(config.ovsdb)
    try:
        seen = await Host(config, switch, OvnController(Path(config.ovn_rundir))).look(held)
    finally:
        await switch.close()
    return "\n".join((*_table(_summary(config, held, seen)), *_table(_interfaces(seen))))


def _summary(config: AgentConfig, held: Held, seen: HostSeen) -> Iterator[tuple[str, ...]]:
    yield ("host", config.host)
    yield ("desired", f"version {held.version}, epoch {held.epoch}" if held.version else "none held")
    realised = bool(held.version) and seen.realised_version == held.version
    yield ("realised", "yes" if realised else "no")
    for key, reason in sorted(seen.failures.items()):
        yield ("failure", f"{key}: {reason}")
    yield ("expected ports", str(len(held.ports)))
    yield ("ovn-controller", "connected" if seen.ovn_connected else "not connected")
    for bridge in seen.switch.bridges.values():
        yield (f"bridge {bridge.name}", " ".join(name for name in bridge.ports if name != bridge.name) or "no ports")


def _interfaces(seen: HostSeen) -> Iterator[tuple[str, ...]]:
    yield ("INTERFACE", "IFACE-ID", "LINK", "FLOWS", "ERROR")
    for interface in seen.switch.interfaces(INTEGRATION_BRIDGE):
        if iface_id := interface.external_ids.get("iface-id"):
            link = "up" if interface.link_up else "down"
            flows = "yes" if interface.external_ids.get("ovn-installed") == "true" else "no"
            yield (interface.name, iface_id, link, flows, interface.error or "-")


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the rows as lines with aligned columns."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
