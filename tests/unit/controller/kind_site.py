"""A site without programs: intent goes in as messages of the API, rows come out, and everything between is real."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from google.protobuf import json_format
from strict_rows import StrictRows

from headgate_common.rows import Row, RowKey
from headgate_controller.compile import Compiler
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.intent import Stamp
from headgate_controller.kinds import registry
from headgate_controller.mutations import Create, Delete, Mutation, Register, Request, Update, apply_request
from headgate_controller.observed import HostHeard
from headgate_controller.schema import Schema
from headgate_controller.world import Draft, World

PROVIDER = "provider"
VPC, SUBNET, INTERNET = "projects/p/vpcs/v", "projects/p/vpcs/v/subnets/s", "projects/p/subnets/internet"
INTERNET_FIELDS: Mapping[str, Any] = {
    "vlan": {"physical_network": PROVIDER, "id": 200},
    "cidr": "203.0.113.0/24",
    "gateway": "203.0.113.1",
    "external": {"mode": "MODE_NAT"},
}
ROUTED_FIELDS: Mapping[str, Any] = {
    "vlan": {"physical_network": PROVIDER, "id": 300},
    "cidr": "198.51.100.0/24",
    "gateway": "198.51.100.1",
    "external": {"mode": "MODE_ROUTED"},
}

HOLDERS: Mapping[str, frozenset[tuple[str, str]]] = {
    "Logical_Switch_Port": frozenset({("Logical_Switch", "ports")}),
    "Logical_Router_Port": frozenset({("Logical_Router", "ports")}),
    "Logical_Router_Static_Route": frozenset({("Logical_Router", "static_routes")}),
    "NAT": frozenset({("Logical_Router", "nat")}),
    "HA_Chassis": frozenset({("HA_Chassis_Group", "ha_chassis")}),
}
"""The non-root tables, and the columns that hold their rows (ovn-nb.ovsschema)."""

Rows = dict[RowKey, dict[str, Any]]


@cache
def schema() -> Schema:
    return Schema(registry.load())


def units(known: Schema | None = None) -> Mapping[type, Any]:
    return {codec.kind.noun: codec.kind.compile for codec in (known or schema()).codecs.values()}


@dataclass
class Seen:
    """What is observed of a site: hosts by chassis, places by iface-id, spans by scope."""

    hosts: dict[str, HostHeard] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    spans: dict[str, list[str]] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    southbound: bool = True

    def heard(self, chassis: str) -> HostHeard:
        return self.hosts.get(chassis, HostHeard())

    def behind(self, chassis: str) -> int | None:
        return self.lags.get(chassis)

    def sees_bindings(self) -> bool:
        return self.southbound

    def bound(self, logical_port: str) -> str | None:
        return self.places.get(logical_port)

    def span(self, scope: str) -> list[str]:
        return self.spans.get(scope, [])


class Site:
    """Intent as it grows, one revision per request."""

    def __init__(self, world: World | None = None, known: Schema | None = None) -> None:
        self.schema = known or schema()
        self.world = world or World()
        self.touched: set[str] = set(self.world.resources)
        self._made = 0

    def submit(self, *mutations: Mutation) -> None:
        stamp = Stamp(self.world.revision + 1, 1_000 + self.world.revision)
        draft = apply_request(Draft(self.world), Request(mutations), self.schema, stamp)
        self.touched |= set(draft.touched)
        self.world = draft.commit(stamp.revision) if draft.touched else self.world

    def creation(self, name: str, **fields: Any) -> Create:
        codec = self.schema.codec_of(name)
        faults: list[Violation] = []
        try:
            self.schema.check_name(codec, name)
        except InvalidError as error:
            faults.extend(error.violations)
        noun = codec.from_client(name, json_format.ParseDict(fields, codec.message()), faults)
        if faults:
            raise InvalidError(name, faults)
        self._made += 1
        return Create(codec, codec.with_uid(noun, str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {self._made}"))))

    def create(self, name: str, **fields: Any) -> Any:
        self.submit(self.creation(name, **fields))
        return self.world.resources[name]

    def change(self, name: str, mask: Iterable[str] = (), etag: str = "", **fields: Any) -> Update:
        codec = self.schema.codec_of(name)
        return Update(codec, name, json_format.ParseDict(fields, codec.message()), tuple(mask), etag)

    def update(self, name: str, mask: Iterable[str] = (), etag: str = "", **fields: Any) -> Any:
        self.submit(self.change(name, mask, etag, **fields))
        return self.world.resources[name]

    def delete(self, name: str, **options: Any) -> None:
        self.submit(Delete(name, **options))

    def register(self, host: str, *networks: str, down: tuple[str, ...] | None = None, tunnel_ip: str = "") -> None:
        facts = (tunnel_ip, dict.fromkeys(networks, "br-ext"), "1", down)
        self.submit(Register(f"hosts/{host}", str(uuid.uuid4()), *facts))

    def get(self, name: str) -> Any:
        return self.world.resources[name]

    def message(self, name: str) -> Any:
        return self.schema.codec_of(name).to_message(self.world.resources[name])

    def conditions(self, name: str) -> dict[str, str]:
        noun: Any = self.world.resources[name]
        return {found.reason: found.message for found in self.schema.kind(noun).conditions(noun, self.world)}

    def severity(self, name: str, reason: str) -> str:
        noun: Any = self.world.resources[name]
        found = self.schema.kind(noun).conditions(noun, self.world)
        return next(condition.severity for condition in found if condition.reason == reason)

    def seen(self, name: str, observed: Seen) -> Any:
        """Return the message of a resource with what is observed of it, and nothing else."""
        noun, codec = self.world.resources[name], self.schema.codec_of(name)
        message = codec.message()
        codec.live.write(message, codec.kind.observe(noun, self.world, observed))
        return message

    def remarks(self, name: str, observed: Seen) -> dict[str, str]:
        noun: Any = self.world.resources[name]
        return {r.reason: r.message for r in self.schema.kind(noun).remarks(noun, self.world, observed)}

    def rows(self) -> Rows:
        return rows_of(self.world, self.schema)


def rows_of(world: World, known: Schema | None = None) -> Rows:
    """Return what a strict database holds after a compile from nothing."""
    compiler, database = Compiler(units(known)), StrictRows(HOLDERS)
    database.apply(compiler.advance(world, world.resources))
    assert not compiler.failed
    return database.rows


def yielded(noun: Any, world: World) -> dict[RowKey, Row]:
    """Return the rows that a noun alone yields in a World."""
    return {piece.key: piece for piece in units()[type(noun)](noun, world) if isinstance(piece, Row)}


def faults(attempt: Callable[[], object]) -> list[tuple[str, str]]:
    """Return field and reason of each fault that an attempt is refused for; empty if it is not refused.

    Each fault is a whole sentence, that no missing value has made its way into.
    """
    try:
        attempt()
    except InvalidError as error:
        for fault in error.violations:
            assert fault.description.endswith("."), fault
            assert "None" not in fault.description, fault
        return [(fault.field, fault.reason) for fault in error.violations]
    return []


def words(attempt: Callable[[], object], field: str) -> str:
    """Return what a refused attempt is told about one field."""
    try:
        attempt()
    except InvalidError as error:
        return next(fault.description for fault in error.violations if fault.field == field)
    raise AssertionError("it is not refused")


later = partial
"""An attempt: a call to be made by `faults` or `words`."""


def simple() -> Site:
    """Return a site with one VPC and one subnet."""
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24")
    return site


def connected() -> Site:
    """Return a site with two hosts on the physical network, and the VPC attached to the internet."""
    site = simple()
    site.register("h1", PROVIDER)
    site.register("h2", PROVIDER)
    site.create(INTERNET, **INTERNET_FIELDS)
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    return site


def calls(attempt: Any) -> int:
    """Return how many functions of Headgate's an attempt calls; the collector calls others whenever it likes."""
    count = 0

    def profile(frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_globals["__name__"].startswith("headgate_")

    sys.setprofile(profile)
    try:
        attempt()
    finally:
        sys.setprofile(None)
    return count
