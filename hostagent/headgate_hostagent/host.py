"""The host that the agent keeps: looks at it, and makes it what is held and configured."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from headgate_hostagent.config import AgentConfig
from headgate_hostagent.drivers.iproute import change_links, read_links
from headgate_hostagent.drivers.ovs import SwitchDatabase
from headgate_hostagent.managers.links import Link, devices, missing, plan_links
from headgate_hostagent.managers.nics import networks_down, uplinks
from headgate_hostagent.managers.plan import foreign_ssl, misplaced, plan, wanted_ssl
from headgate_hostagent.managers.report import HostSeen
from headgate_hostagent.managers.seen import SwitchSeen
from headgate_hostagent.managers.switch import (
    INTEGRATION_BRIDGE,
    SWITCH_SETTLES_SECONDS,
    WantedSwitch,
    failures,
    object_of_bridge,
    wanted_switch,
)
from headgate_hostagent.objects import CHASSIS, Held
from headgate_hostagent.observe.daemons import VSWITCHD, why_silent
from headgate_hostagent.observe.nics import read_nics
from headgate_hostagent.observe.ovn import OvnController
from headgate_hostagent.observe.ovn_log import OvnLog

log = logging.getLogger(__name__)


class Host:
    """The machine: its Open vSwitch, its devices and its ovn-controller.

    Ours: the keys, bridges and uplinks that `managers.switch` names, the tunnel address, and that these devices are
    up. What is ours is told by `external_ids:headgate` where it can be deleted; nothing else is touched.
    """

    def __init__(self, config: AgentConfig, switch: SwitchDatabase, ovn: OvnController) -> None:
        self._config = config
        self._switch = switch
        self._ovn = ovn
        self._ovn_log = OvnLog(Path(config.ovn_controller_log), ovn.recompute)
        self._links: dict[str, Link] | None = None

    async def reconcile_switch(self, held: Held) -> bool:
        """Make Open_vSwitch what `held` and the configuration say; return whether it differed.

        Raises:
            SwitchUnavailableError: its database does not answer, or refuses.
        """
        wanted = self._wanted(held)
        changes = await self._switch.change(lambda seen: plan(wanted, seen))
        for change in changes:
            log.info("switch changed", extra={"change": change, "version": held.version})
        return bool(changes)

    async def reconcile_links(self) -> bool:
        """Bring devices up and give the tunnel device its address; return whether anything differed.

        Devices that are missing are waited for elsewhere: the kernel tells when they come.

        Raises:
            IpError: the kernel refuses.
        """
        changes = plan_links(self._config, await self._read_links())
        if changes:
            await change_links(changes)
            await self._read_links()
        return bool(changes)

    async def reconcile_ovn(self) -> None:
        """Have every ovn-controller log each row that it cannot use.

        Raises:
            ControlError: one is there and does not answer.
        """
        await self._ovn.unlimit_log()

    async def look(self, held: Held) -> HostSeen:
        """Return what the host is; the version of `held` is realised only if nothing is left to do or failing."""
        machine = await self._look_at_machine()
        try:
            seen = await self._switch.read()
            links = await self._read_links() if self._links is None else self._links
        except OSError as error:
            return replace(machine, failures=self._told(held, {CHASSIS: str(error)}))
        wanted = self._wanted(held)
        faults = self._faults(held, wanted, seen, missing(self._config, links))
        if INTEGRATION_BRIDGE in seen.bridges and (silent := await why_silent(Path(self._config.ovs_rundir), VSWITCHD)):
            faults[CHASSIS] = silent
        done = not faults and not plan(wanted, seen) and not plan_links(self._config, links)
        return replace(machine, switch=seen, realised_version=held.version if done else "", failures=faults)

    async def _look_at_machine(self) -> HostSeen:
        """Return what the machine is without its Open vSwitch."""
        nics = await asyncio.to_thread(read_nics, uplinks(self._config))
        connected = await self._ovn.connected()
        version = await self._ovn.version()
        down = tuple(networks_down(self._config, nics))
        complaints = await self._ovn_log.complaints()
        return HostSeen(
            ovn_connected=connected, ovn_version=version, nics=nics, networks_down=down, complaints=complaints
        )

    def unsettled_seconds(self) -> float:
        """Return how much longer ovs-vswitchd counts as freshly started: 0 if it does not, infinite if it is away.

        Told by the integration bridge's management socket, which it makes anew at each start.
        """
        try:
            started = (Path(self._config.ovs_rundir) / f"{INTEGRATION_BRIDGE}.mgmt").stat().st_ctime
        except OSError:
            return math.inf
        age = time.time() - started
        fresh = 0 <= age < SWITCH_SETTLES_SECONDS  # an age below zero: the machine's clock was set back
        return SWITCH_SETTLES_SECONDS - age if fresh else 0.0

    async def _read_links(self) -> dict[str, Link]:
        self._links = await read_links(devices(self._config))
        return self._links

    def _wanted(self, held: Held) -> WantedSwitch:
        return wanted_switch(self._config, held, settled=not self.unsettled_seconds())

    def _faults(self, held: Held, wanted: WantedSwitch, seen: SwitchSeen, absent: Mapping[str, str]) -> dict[str, str]:
        bridges = _broken_uplinks(wanted, seen) | misplaced(wanted, seen) | dict(absent)
        found = {object_of_bridge(self._config, held, bridge): text for bridge, text in bridges.items()}
        if certificate := foreign_ssl(wanted, seen) or _missing_certificate(wanted):
            found[CHASSIS] = certificate
        return self._told(held, found)

    def _told(self, held: Held, found: Mapping[str, str]) -> dict[str, str]:
        return dict(found) | failures(self._config, held)


def _missing_certificate(wanted: WantedSwitch) -> str:
    """Return why OVN cannot prove that it is this host; empty if it can, or need not."""
    files = wanted_ssl(wanted)
    if files is None or Path(files.identity).exists():
        return ""
    return f"Southbound is reached by certificates, and there is no {files.identity}; enrol this host"


def _broken_uplinks(wanted: WantedSwitch, seen: SwitchSeen) -> dict[str, str]:
    """Return, by bridge, what Open vSwitch says is wrong with an uplink."""
    return {
        bridge.name: f"{interface.name}: {interface.error}"
        for bridge in wanted.bridges
        for interface in seen.interfaces(bridge.name)
        if interface.error and interface.name in (bridge.name, *bridge.uplinks)
    }
