"""The VMs of the demonstration: the ports of a Terraform state, and on which host a hypervisor would run each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from headgate_lab.expect import Expectation, no_reach, reach
from headgate_lab.topology import INTERNET

PLACES = {"web1": "h1", "web2": "h1", "web3": "h2", "db1": "h3", "bank1": "h1", "bank2": "h3", "web4": "h3"}
"""Host of each VM: web1 and web2 share one, the rest of the shop is on two others, and the bank is among them."""

FAR = INTERNET.far[0].partition("/")[0]
"""An address far behind the gateway of the external subnet: only a default route leads there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """One VM: the port it is plugged into, as Terraform knows it, and where it runs."""

    name: str
    host: str
    vpc: str
    iface_id: str
    mac: str
    ip: str
    prefix_length: int
    gateway: str
    has_way_out: bool


def vms_of(resources: Mapping[str, dict[str, Any]]) -> list[Vm]:
    """Return the VMs of a state, in the order of PLACES.

    Raises:
        KeyError: a port has no place.
    """
    by_id = {values["id"]: values for values in resources.values()}
    ports = [values for address, values in resources.items() if address.startswith("headgate_port.")]
    names = list(PLACES)
    return sorted((_vm(port, by_id) for port in ports), key=lambda vm: names.index(vm.name))


def _vm(port: dict[str, Any], by_id: Mapping[str, dict[str, Any]]) -> Vm:
    subnet = by_id[port["subnet"]]
    return Vm(
        name=port["name"],
        host=PLACES[port["name"]],
        vpc=by_id[subnet["vpc"]]["name"],
        iface_id=port["iface_id"],
        mac=port["mac"],
        ip=port["ip"],
        prefix_length=ip_network(subnet["cidr"]).prefixlen,
        gateway=subnet["gateway"],
        has_way_out=bool(by_id[subnet["vpc"]]["external_subnets"]),
    )


def have_same_address(one: Vm, other: Vm, vms: list[Vm]) -> bool:
    """Whether `other`, of another VPC, has an address that means somebody else in the VPC of `one`."""
    return one.vpc != other.vpc and any(vm.ip == other.ip for vm in vms if vm.vpc == one.vpc)


def expected(vms: list[Vm]) -> Iterator[Expectation]:
    """Yield who must reach whom, by ICMP and by TCP, and who must not; and the way out for those that have one."""
    for source in vms:
        for target in vms:
            if source is not target and not have_same_address(source, target, vms):
                judge = reach if source.vpc == target.vpc else no_reach
                yield judge(source.name, target.ip)
                yield judge(source.name, target.ip, protocol="tcp")
        judge = reach if source.has_way_out else no_reach
        yield judge(source.name, FAR)
        yield judge(source.name, FAR, protocol="tcp")
