"""Kitchen sinks: a kind with a field of every sort. `extra_kinds = ["headgate_test.kitchen_sink"]` makes it known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from headgate_controller.addresses import Address, Prefix
from headgate_controller.kinds.registry import Faults, Kind
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Entry, World
from headgate_test.v1 import kitchen_sink_pb2


@dataclass(frozen=True, slots=True)
class Basin:
    """A basin."""

    depth: int
    stuff: str = "steel"
    label: str = ""
    key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A step."""

    what: str
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """A drain."""

    width: int
    outlet: Address | None = None


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap."""

    name: str
    flow: int = 5
    secret: str | None = field(default=None, repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall."""

    height: int | None = None


@dataclass(frozen=True, slots=True)
class Legs:
    """Legs."""

    count: int


@dataclass(frozen=True, slots=True)
class KitchenSink:
    """Everything."""

    name: str
    meta: Meta = NEW
    title: str = ""
    code: str | None = None
    flag: bool | None = None
    level: int | None = None
    large: int | None = None
    huge: int | None = None
    ratio: float | None = None
    blob: bytes | None = None
    hold: int | None = None
    until: int | None = None
    finish: str = "blue"
    mtu: int = 1500
    period: int = 90_000_000_000
    enabled: bool = True
    api_token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    password_digest: str = ""
    basin: Basin | None = None
    words: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()
    drains: tuple[Drain, ...] = ()
    taps: tuple[Tap, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    weights: tuple[tuple[str, int], ...] = ()
    shelves: tuple[tuple[str, Basin], ...] = ()
    by_word: str | None = None
    by_number: int | None = None
    wall: Wall | None = None
    legs: Legs | None = None
    origin: str | None = None
    serial: str | None = None
    seen: tuple[str, ...] = ()
    made: int | None = None
    addresses: tuple[Address, ...] = ()
    mac: str | None = None
    prefix: Prefix | None = None
    partner: str | None = None
    intervals: tuple[int, ...] = ()
    dates: tuple[tuple[str, int], ...] = ()

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resource it refers to, if any."""
        if self.partner is not None:
            yield "partner", self.partner

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        yield from (("referrers", target) for _, target in self.references())

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield nothing: it holds no numbers."""
        yield from ()


def digest(secret: str | bytes | None) -> str:
    """Return by what a secret is told without being told itself; empty if there is none."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return sha256(raw).hexdigest()[:8] if raw else ""


def allocate(sink: KitchenSink, before: KitchenSink | None, world: World) -> tuple[KitchenSink, Faults]:
    """Choose what was left to choose, and work out what follows from the rest."""
    settled = replace(
        sink,
        password_digest=digest(sink.password),
        basin=_labelled(sink.basin) if sink.basin else None,
        shelves=tuple((key, _labelled(basin)) for key, basin in sink.shelves),
        taps=tuple(replace(tap, label=f"{tap.name} {tap.flow} {digest(tap.secret)}") for tap in sink.taps),
        steps=tuple(step if step.serial else replace(step, serial=f"no. {i}") for i, step in enumerate(sink.steps)),
        serial=sink.serial or f"sink {sink.meta.uid[:8]}",
        seen=before.seen if before else ("first", "second"),
        made=sink.meta.create_time,
    )
    return settled, ()


def _labelled(basin: Basin) -> Basin:
    return replace(basin, label=f"{basin.depth} {basin.stuff} {digest(basin.key)}")


KIND = Kind(message=kitchen_sink_pb2.KitchenSink.DESCRIPTOR.full_name, noun=KitchenSink, allocate=allocate)
