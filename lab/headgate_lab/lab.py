"""A running lab: a site built out of network namespaces, and what tests do to it.

`Lab.boot` makes it, `lab.workload` puts something on a host, `lab.expect` judges by packets, `lab.down` ends it.
"""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from headgate_lab import gap, northbound
from headgate_lab.central import CENTRAL_LINKS, Central
from headgate_lab.controller import LabController, free_port
from headgate_lab.daemons import Daemon, Spawner
from headgate_lab.errors import LabError
from headgate_lab.expect import Expectation, Expectations, Station
from headgate_lab.host import LabHost
from headgate_lab.machine import Machine, Underlay
from headgate_lab.namespaces import End, Namespace, unplug
from headgate_lab.pki import make_certificates
from headgate_lab.probes import Listener
from headgate_lab.registry import Record, Registry, fresh_name
from headgate_lab.topology import SITE, UNDERLAY_MTU, WORKLOAD_MTU, Endpoint, Site, Wire, Workload, site_of
from headgate_lab.tor import TopOfRack
from headgate_lab.waiting import wait_until
from headgate_lab.workloads import NIC, Plug, Unplug, configure, plug_by_agent, unplug_by_agent

REGISTER_SECONDS = 60.0
"""How long all hosts together may take to appear in Southbound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """Who attaches workloads in a lab without controller and agents."""

    plug: Plug
    unplug: Unplug


class Lab:
    """One site, running.  Made by `boot` or `attach`; a context manager that takes the lab down."""

    def __init__(self, site: Site, record: Record, *, by_hand: ByHand | None) -> None:
        self.site = site
        self.record = record
        self.run_dir = Path(record.run_dir)
        self._spawner = Spawner(keep=record.owner is None)
        self._underlay = Underlay(namespace=self._namespace("ul"))
        self.central = Central(self._machine("central"), open=by_hand is not None)
        self.tor = TopOfRack(self._machine("tor"), self._underlay)
        self.controller = None if by_hand else self._controller(record.api_port)
        self.hosts: Mapping[str, LabHost] = {spec.name: self._host(spec.name) for spec in site.hosts}
        self._hands = by_hand or ByHand(plug=plug_by_agent, unplug=unplug_by_agent)
        self._endpoints: dict[str, Endpoint] = {}
        self._workloads: dict[str, Workload] = {}
        self._listeners: dict[tuple[str, int], Listener] = {}

    @classmethod
    def boot(
        cls,
        site: Site = SITE,
        *,
        by_hand: ByHand | None = None,
        keep: bool = False,
        name: str | None = None,
        run_dir: Path | None = None,
        api_port: int = 0,
    ) -> Self:
        """Remove what dead labs left, boot `site` and return when all of it runs.

        `by_hand`: neither controller nor agents; switches are left unprogrammed.  `keep`: the lab outlives this
        process.  `name`: a fixed name, of which there can be one lab at a time.  `run_dir`: made if missing, removed
        with the lab.  `api_port`: where the controller listens on loopback, if that is free; else any free port.

        Raises:
            LabError: something did not start; whatever did is taken down again (left in place with `keep`).
        """
        registry = Registry()
        registry.reap()
        port = free_port(api_port)
        record = registry.register(name=name, run_dir=run_dir, hosts=len(site.hosts), api_port=port, keep=keep)
        lab = cls(site, record, by_hand=by_hand)
        try:
            lab._boot()
        except BaseException:
            if not keep:
                lab.down()
            raise
        return lab

    @classmethod
    def attach(cls, record: Record) -> Self:
        """Return a handle on a kept lab that an earlier process booted; it knows that lab's endpoints."""
        lab = cls(site_of(record.hosts), record, by_hand=None)
        lab._endpoints = {endpoint.name: endpoint for endpoint in lab.site.endpoints}
        return lab

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def down(self) -> None:
        """Take everything down: programs are asked to end, the rest is killed; again is harmless."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        programs = [host.agent for host in self.hosts.values() if host.agent]
        if self.controller:
            programs += [self.controller.daemon, self.controller.relay]
        with ThreadPoolExecutor(max_workers=len(programs) or 1) as pool:
            list(pool.map(Daemon.stop, programs))
        for daemon in self.daemons.values():
            daemon.kill()
        Registry().remove(self.record)
        self._spawner.close()

    def leftovers(self) -> list[str]:
        """Return processes, namespaces and files of this lab that are there, each in words; after `down`, none."""
        return self.record.leftovers()

    @property
    def workloads(self) -> Mapping[str, Workload]:
        """The workloads that are plugged now."""
        return self._workloads

    @property
    def daemons(self) -> Mapping[str, Daemon]:
        """Every daemon under its machine and name, in the order of a boot: `h1/ovs-vswitchd`, `central/ovn-northd`."""
        central = (self.central.nb, self.central.sb, self.central.northd)
        found = {f"central/{daemon.name}": daemon for daemon in central}
        found |= {f"tor/{daemon.name}": daemon for daemon in (self.tor.switch.database, self.tor.switch.vswitchd)}
        if self.controller:
            found |= {"controller": self.controller.daemon, "relay": self.controller.relay}
        for host in self.hosts.values():
            found |= {f"{host.name}/{daemon.name}": daemon for daemon in host.daemons}
        return found

    def endpoint(self, endpoint: Endpoint) -> None:
        """Add an endpoint of the outside world."""
        self._check_new(endpoint.name)
        self.tor.connect(endpoint, self._station_namespace(endpoint.name))
        self._endpoints[endpoint.name] = endpoint

    def workload(
        self,
        name: str,
        *,
        host: str,
        port: str,
        ip: str,
        mac: str | None = None,
        gateway: str | None = None,
        mtu: int = WORKLOAD_MTU,
    ) -> Workload:
        """Start a workload on a host, plugged into `port` (iface-id or resource name), and return its value.

        Raises:
            LabError: there is one of that name, or the port could not be plugged.
        """
        workload = Workload(name=name, host=host, port=port, ip=ip, mac=mac, gateway=gateway, mtu=mtu)
        self._check_new(name)
        self._station_namespace(name).create()
        self._workloads[name] = workload
        try:
            self._plug(workload)
        except BaseException:
            del self._workloads[name]
            self._station_namespace(name).delete()
            raise
        return workload

    def detach(self, name: str) -> None:
        """Unplug a workload and end it."""
        workload = self._workloads.pop(name)
        namespace = self._station_namespace(name)
        for key in [key for key in self._listeners if key[0] == name]:
            self._listeners.pop(key).close()
        self._hands.unplug(self.hosts[workload.host], workload, namespace)
        namespace.delete()

    def reboot(self, host: str) -> None:
        """Cut a host's power and boot it again: its disk survives, its workloads are plugged anew."""
        self.crash(host)
        self.power_on(host)

    def crash(self, host: str) -> None:
        """Cut a host's power, and with it that of its workloads."""
        for workload in self._workloads.values():
            if workload.host == host:
                # At once: the kernel would take a moment to find out that the other end is gone.
                unplug(End(self._station_namespace(workload.name), NIC))
        self.hosts[host].crash()

    def power_on(self, host: str) -> None:
        """Boot a host again, and its workloads as a hypervisor would."""
        self.hosts[host].power_on()
        for workload in self._workloads.values():
            if workload.host == host:
                self._plug(workload)

    def expect(self, *wanted: Expectation) -> Expectations:
        """Return expectations that are judged, by packets, when told how long they may take."""
        return Expectations(self, wanted)

    def ping_gap(self, source: str, target: str) -> AbstractContextManager[gap.Gap]:
        """Ping from a station to another, or to an address, while the body of a `with` runs; see `headgate_lab.gap`."""
        stations = self.stations()
        address = stations[target].address if target in stations else target
        log = self.run_dir / f"ping-{fresh_name()}.log"
        return gap.ping_gap(stations[source].namespace, address, log=log)

    def stations(self) -> Mapping[str, Station]:
        """Return all workloads and endpoints by name."""
        known = {name: workload.address for name, workload in self._workloads.items()}
        known |= {name: endpoint.address for name, endpoint in self._endpoints.items()}
        return {name: Station(self._station_namespace(name), address) for name, address in known.items()}

    def remarks(self) -> Sequence[str]:
        """Return what may explain that packets do not flow: daemons that do not run."""
        return [f"not running: {name}, see {daemon.log}" for name, daemon in self.daemons.items() if not daemon.alive]

    def listen(self, port: int) -> None:
        """Have every station listen on a TCP port and tell each client the source address it sees."""
        for name, station in self.stations().items():
            if (name, port) not in self._listeners:
                self._listeners[name, port] = Listener(station.namespace, port)

    def nb_rows(self) -> northbound.Rows:
        """Return every Northbound row as somebody wrote it: equal snapshots mean that nothing was written."""
        return northbound.nb_rows(self.central.northbound)

    def nb_cfg(self) -> int:
        """Return the sequence number of Northbound, which waiting for realisation moves."""
        return northbound.nb_cfg(self.central)

    def save_logs(self, directory: Path) -> None:
        """Copy all logs and configuration files out of the run directory, which does not outlive the lab."""
        for path in (*self.run_dir.rglob("*.log"), *self.run_dir.rglob("*.toml")):
            copy = directory / path.relative_to(self.run_dir)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

    def await_hosts(self) -> None:
        """Return when every host's ovn-controller has registered, so that ports can be bound anywhere.

        Raises:
            LabError: one has not, or a daemon ended meanwhile; the message holds the end of its log.
        """

        def registered() -> bool:
            self._check_daemons()
            return set(self.hosts) <= self.central.chassis()

        wait_until(registered, seconds=REGISTER_SECONDS, what="all hosts register in Southbound")

    def _boot(self) -> None:
        self._underlay.lay(dict.fromkeys(Wire, UNDERLAY_MTU))
        if self.controller:
            disks = {host.name: host.pki_dir for host in self.hosts.values()}
            make_certificates(self.controller.ca_dir, self.central.pki_dir, disks)
        tasks = [self._boot_central, self.tor.start, *(host.power_on for host in self.hosts.values())]
        if self.controller:
            tasks.append(self.controller.start)
        with ThreadPoolExecutor(max_workers=len(tasks)) as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()
        for endpoint in self.site.endpoints:
            self.endpoint(endpoint)
        if self.controller:
            self.await_hosts()

    def _boot_central(self) -> None:
        namespace = self._namespace("central")
        namespace.create()
        self._underlay.plug("central", namespace, CENTRAL_LINKS)
        if self.controller:
            self.controller.relay.start(wait=False)
        self.central.start()

    def _check_daemons(self) -> None:
        for name, daemon in self.daemons.items():
            if not daemon.alive:
                raise LabError(f"{name} ended\n{daemon.log_tail()}")

    def _plug(self, workload: Workload) -> None:
        namespace = self._station_namespace(workload.name)
        self._hands.plug(self.hosts[workload.host], workload, namespace)
        configure(workload, namespace)

    def _check_new(self, name: str) -> None:
        if name in self._workloads or name in self._endpoints:
            raise LabError(f"there is a {name} already")

    def _namespace(self, machine: str) -> Namespace:
        return Namespace(f"{self.record.prefix}{machine}")

    def _station_namespace(self, name: str) -> Namespace:
        return self._namespace(f"v-{name}")

    def _machine(self, name: str, *, inside: bool = True) -> Machine:
        namespace = self._namespace(name) if inside else None
        return Machine(name=name, run_dir=self.run_dir / name, spawner=self._spawner, namespace=namespace)

    def _host(self, name: str) -> LabHost:
        spec = next(spec for spec in self.site.hosts if spec.name == name)
        with_agent = self.controller is not None
        return LabHost(spec, machine=self._machine(name), underlay=self._underlay, with_agent=with_agent)

    def _controller(self, api_port: int) -> LabController:
        return LabController(
            self._machine("controller", inside=False),
            central=self.central,
            wire=self._namespace("central"),
            pki_dir=self.central.pki_dir,
            api_port=api_port,
        )
