"""Gadgets: a whole kind in one module. `extra_kinds = ["headgate_test.gadget"]` makes the controller know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from headgate_common.rows import Atom, Member, Row, RowKey
from headgate_controller.addresses import text4
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import Faults, Kind
from headgate_controller.names import parent_of
from headgate_controller.northbound_rows import held, switch_key, switch_port
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.nouns.subnet import Subnet, subnet_facts
from headgate_controller.pools import free_mac, next_free
from headgate_controller.world import Answers, Entry, World
from headgate_test.v1 import gadget_pb2


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a gadget can do."""

    level: int


@dataclass(frozen=True, slots=True)
class Gadget:
    """An appliance on a subnet."""

    name: str
    meta: Meta = NEW
    subnet: str = ""
    ip: int | None = None
    colour: str = ""
    features: tuple[tuple[str, Feature], ...] = ()
    words: tuple[str, ...] = ()
    mac: str | None = None

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        yield "parent", parent_of(self.name)
        yield "subnet", self.subnet

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        yield from (("referrers", target) for _, target in self.references())
        if self.mac:
            yield "mac", (self.subnet, self.mac)

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield its address."""
        if self.ip is not None:
            yield self.subnet, self.ip


def allocate(gadget: Gadget, before: Gadget | None, world: World) -> tuple[Gadget, Faults]:
    """Choose the address if none was requested, and keep the Ethernet address."""
    subnet = world.get(Subnet, gadget.subnet)
    if subnet is None:
        return gadget, ()
    mac = before.mac if before else free_mac(world, gadget.meta.uid, gadget.subnet)
    ip = next_free(world, subnet) if gadget.ip is None else gadget.ip
    if ip is None:
        return gadget, (Violation("ip", "POOL_EXHAUSTED", f"{subnet.name} has no free address.", passing=True),)
    return replace(gadget, ip=ip, mac=mac), ()


def validate(gadget: Gadget, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `gadget`."""
    subnet = world.get(Subnet, gadget.subnet)
    if subnet is None:
        return
    if subnet.vpc != parent_of(gadget.name):
        yield Violation("subnet", "OTHER_VPC", f"{subnet.name} is not in {parent_of(gadget.name)}; name one that is.")
    if gadget.ip is not None and (subnet.cidr is None or gadget.ip not in subnet.cidr):
        yield Violation("ip", "OUTSIDE_RANGE", f"{text4(gadget.ip)} is not in {subnet.name}; choose another.")
    elif gadget.ip is not None and gadget.ip in world.pool(subnet.name):
        yield Violation("ip", "ADDRESS_IN_USE", f"{text4(gadget.ip)} is taken; choose another.", passing=True)


def compile_gadget(gadget: Gadget, world: Answers) -> Iterator[Row | Member]:
    """Yield the switch port."""
    if subnet_facts(world, gadget.subnet) is None or gadget.ip is None:
        return
    addresses: frozenset[Atom] = frozenset({f"{gadget.mac} {text4(gadget.ip)}"})
    row = switch_port(RowKey("Logical_Switch_Port", gadget.meta.uid), addresses=addresses)
    yield from held(switch_key(gadget.subnet), "ports", row)


KIND = Kind(
    message=gadget_pb2.Gadget.DESCRIPTOR.full_name,
    noun=Gadget,
    allocate=allocate,
    validate=validate,
    compile=compile_gadget,
)
