"""VMs: no rows of their own; their ports say where they are, and the hosts' agents whether they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headgate_controller.addresses import V4, V6, Address
from headgate_controller.kinds.registry import Kind
from headgate_controller.nouns.port import Port
from headgate_controller.nouns.vm import Vm
from headgate_controller.observed import Observed
from headgate_controller.world import World

ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class VmSeen:
    """What is shown of a VM; `power` is None if nobody knows."""

    power: str | None
    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    addresses: tuple[Address, ...]


def observe(vm: Vm, world: World, observed: Observed) -> VmSeen:
    """Return where a VM is and whether it runs."""
    ports = [port for name in sorted(world.group("ports_of_vm", vm.name)) if (port := world.get(Port, name))]
    places = {port.iface_id: chassis for port in ports if (chassis := observed.bound(port.iface_id))}
    return VmSeen(
        power=_power(ports, places, observed),
        hosts=tuple(f"hosts/{chassis}" for chassis in sorted(set(places.values()))),
        ports=tuple(port.name for port in ports),
        addresses=tuple(address for port in ports for address in _addresses(port)),
    )


def _power(ports: Sequence[Port], places: dict[str, str], observed: Observed) -> str | None:
    """Return ON if one interface is driven, OFF if each is known not to be; of a host that is away nothing is known."""
    driven = [_driven(port.iface_id, places, observed) for port in ports]
    if any(driven):
        return ON
    return OFF if ports and observed.sees_bindings() and None not in driven else None


def _driven(iface_id: str, places: dict[str, str], observed: Observed) -> bool | None:
    if iface_id not in places:
        return False
    host = observed.heard(places[iface_id])
    return host.report.interfaces.get(iface_id) if host.connected else None


def _addresses(port: Port) -> Iterator[Address]:
    for version, ip in ((V4, port.ip), (V6, port.ipv6)):
        if ip is not None:
            yield Address(version, ip)


KIND = Kind(message="headgate.v1.Vm", noun=Vm, live=VmSeen, observe=observe)
