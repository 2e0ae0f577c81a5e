"""The agent: what is held, the host, and the stream, wired together."""

import asyncio
import importlib.metadata
import logging
import math
import time
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

from tenacity.wait import wait_random_exponential

from headgate.v1 import host_link_pb2 as pb
from headgate_common.pki import PkiError
from headgate_common.readiness import tell_ready
from headgate_common.reconciler import Reconciler
from headgate_hostagent import wire
from headgate_hostagent.certificates import Certificates
from headgate_hostagent.config import AgentConfig
from headgate_hostagent.desired import DesiredFile
from headgate_hostagent.drivers.ovs import SwitchDatabase
from headgate_hostagent.host import Host
from headgate_hostagent.managers.links import devices
from headgate_hostagent.managers.report import report
from headgate_hostagent.observe.directory import DirectoryWatch
from headgate_hostagent.observe.netlink import LinkWatch
from headgate_hostagent.observe.ovn import OvnController
from headgate_hostagent.renewal import Renewal
from headgate_hostagent.session import Ack, Apply, Effect, Hello, Nack, Session, Store
from headgate_hostagent.stream import Link, StreamEndedError

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.2
"""Reports are this far apart at least; changes between two are told together."""

REPEAT_SECONDS = 30.0
"""When nothing has changed for so long, the last report is told again, so that one can see that it still holds."""

ASK_OVN_SECONDS = 5.0
"""How often ovn-controller is asked whether it is connected: the one thing that nobody tells."""

RETRY = wait_random_exponential(multiplier=0.1, max=5)
"""The wait before a failed reconciliation is tried again."""


class Part(StrEnum):
    """What of the host is reconciled by itself."""

    SWITCH = "switch"
    LINKS = "links"
    OVN = "ovn"


class Agent:
    """Keeps one host as its controllers desire and reports what is.

    Works from its disk when no controller answers. Everything that is desired is looked at again when a new desired
    state is accepted, the database changes, a device comes, or a daemon starts: nothing is done on a timer.
    """

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._version = importlib.metadata.version("headgate")
        self._file = DesiredFile(Path(config.state_dir), config.host)
        self._certificates = Certificates(config)
        self._renewal = Renewal(config.controllers, self._certificates)
        self._session = Session()
        self._devices = frozenset(devices(config))
        self._changed = asyncio.Event()
        self._reconciler: Reconciler[Part] = Reconciler("host", self._act, wait=RETRY)
        loop = asyncio.get_running_loop()
        self._switch = SwitchDatabase(config.ovsdb, lambda: loop.call_soon_threadsafe(self._mark, Part.SWITCH))
        self._host = Host(config, self._switch, OvnController(Path(config.ovn_rundir)))

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            OSError: the state on disk cannot be read.
        """
        self._session = Session(self._file.load())
        rundirs = {Path(self._config.ovs_rundir), Path(self._config.ovn_rundir)}
        watches: list[LinkWatch | DirectoryWatch] = [LinkWatch(self._device_changed)]
        watches += [DirectoryWatch(path, lambda: self._mark(Part.OVN, Part.SWITCH)) for path in sorted(rundirs)]
        for watch in watches:
            watch.start()
        self._mark(*Part)
        log.info("agent started", extra={"host": self._config.host, "version": self._session.held.version})
        tell_ready()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._reconciler.run())
                tasks.create_task(self._renewal.run())
                tasks.create_task(Link(self._config.controllers, self, self._certificates).run())
        finally:
            for watch in watches:
                watch.close()
            await self._switch.close()
            log.info("agent stopped", extra={"host": self._config.host})

    def greeting(self) -> pb.ConnectRequest:
        """Return the Hello that names what is held."""
        self._session, effects = self._session.on_connected()
        return next(self._request(effect) for effect in effects if isinstance(effect, Hello))

    async def hear(self, response: pb.ConnectResponse) -> list[pb.ConnectRequest]:
        """Take in what the controller says and return the answers.

        Raises:
            StreamEndedError: it wants to speak a version of the protocol that this agent does not.
        """
        match response.WhichOneof("message"):
            case "desired":
                return await self._desire(response.desired)
            case "trust":
                await self._trust(response.trust.ca_certificates.encode())
            case "welcome" if response.welcome.protocol not in wire.PROTOCOLS:
                text = f"version {response.welcome.protocol} of the host protocol is not spoken here"
                raise StreamEndedError(f"{text}; upgrade this agent or that controller")
        return []

    async def _trust(self, authorities: bytes) -> None:
        """Trust the CAs that a trusted controller names; if that fails, those of before are trusted still."""
        try:
            if await asyncio.to_thread(self._certificates.trust, authorities):
                self._renewal.authorities_changed()
        except (PkiError, OSError) as error:
            log.error("trusted CAs not replaced", extra={"reason": str(error)})

    async def _desire(self, desired: pb.Desired) -> list[pb.ConnectRequest]:
        """Take in one desired state: put it on disk, answer, and mark the host; refuse what the disk refuses."""
        update = wire.update_from(desired)
        after, effects = self._session.on_update(update)
        try:
            answers = [answer for effect in effects if (answer := await self._perform(effect, after))]
        except OSError as error:
            log.exception("desired state not stored", extra={"version": update.version})
            message = f"The host's disk refuses it: {error}. Make room in {self._file.path.parent}."
            return [self._request(self._session.refusal(update, "NOT_STORED", message))]
        return answers

    async def reports(self) -> AsyncIterator[pb.ConnectRequest]:
        """Yield the host's state now and whenever it has changed."""
        told: pb.Report | None = None
        again = 0.0
        while True:
            self._changed.clear()
            current = report(await self._host.look(self._session.held))
            if current != told or time.monotonic() >= again:
                told, again = pb.Report(), time.monotonic() + REPEAT_SECONDS
                told.CopyFrom(current)
                current.time.GetCurrentTime()
                yield pb.ConnectRequest(report=current)
            await asyncio.sleep(REPORT_SECONDS)
            try:
                async with asyncio.timeout(ASK_OVN_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _perform(self, effect: Effect, after: Session) -> pb.ConnectRequest | None:
        match effect:
            case Store(held):
                await asyncio.to_thread(self._file.save, held)
            case Apply():
                self._session = after
                self._mark(Part.SWITCH, Part.LINKS)
                log.info("desired state accepted", extra={"version": after.held.version, "epoch": after.held.epoch})
            case Nack(_, _, reason, message):
                log.warning("desired state refused", extra={"reason": reason, "detail": message})
                return self._request(effect)
            case Ack() | Hello():
                return self._request(effect)
        return None

    def _request(self, effect: Hello | Ack | Nack) -> pb.ConnectRequest:
        return wire.request(effect, self._config, self._version)

    def _mark(self, *parts: Part) -> None:
        for part in parts:
            self._reconciler.mark(part)
        self._changed.set()

    def _device_changed(self, device: str) -> None:
        if not device or device in self._devices:
            self._mark(Part.LINKS)

    async def _act(self, part: Part) -> None:
        match part:
            case Part.SWITCH:
                await self._host.reconcile_switch(self._session.held)
                unsettled = self._host.unsettled_seconds()
                if 0 < unsettled < math.inf:
                    self._reconciler.mark_after(part, unsettled)
            case Part.LINKS:
                await self._host.reconcile_links()
            case Part.OVN:
                await self._host.reconcile_ovn()
        self._changed.set()
