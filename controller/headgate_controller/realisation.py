"""Realised, not merely accepted: joins what is committed, what Northbound holds, and what each host has confirmed."""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, cast

from headgate.v1 import types_pb2
from headgate_controller.codec import KindCodec
from headgate_controller.kinds.registry import Condition
from headgate_controller.observed import HostHeard
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.status import Known, Spans, lags, scope_of, scope_of_binding, settles
from headgate_controller.world import World

MOST_BARRIERS = 10_000

WAITED_SECONDS = 10.0
"""How long after somebody has waited a barrier goes with every change that is written."""

MOST_LOOKS = 1_000
"""Looks that are remembered: some hundred KiB."""


class Hosts(Protocol):
    """What is known of the hosts by their own word."""

    def heard(self, chassis: str) -> HostHeard:
        """Return what is known of a host."""


class Bindings(Protocol):
    """What Southbound says."""

    @property
    def connected(self) -> bool:
        """Whether it can be read now."""

    @property
    def nb_cfg(self) -> int:
        """The nb_cfg that it was computed from."""

    @property
    def chassis_nb_cfg(self) -> dict[str, int]:
        """The nb_cfg that each chassis has installed."""

    @property
    def bindings(self) -> dict[str, str | None]:
        """The host on which each logical port is bound, None if on none."""


class Look(NamedTuple):
    """What is shown of a resource besides what is stored, as bytes that follow those.

    It is `lasting` if it stays so until a listener of `Realisation.listen` is called, or the resource changes; or any
    other, if it is of the World `around` as well.
    """

    wire: bytes
    reconciling: bool
    lasting: bool
    around: bool


class Watched:
    """A World that notes whether anything is asked of it."""

    __slots__ = ("_world", "asked")

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked = False

    def __getattr__(self, name: str) -> Any:
        """Return what the World has by that name."""
        self.asked = True
        return getattr(self._world, name)


class Realisation:
    """Answers what is realised, and what is observed besides, and lets callers wait for it.

    A barrier is a raise of `nb_cfg`; it is asked for only when somebody wants to know, or has
    lately, and one serves all.
    """

    def __init__(self, schema: Schema, committed: Committed, southbound: Bindings, hosts: Hosts) -> None:
        self._schema = schema
        self._committed = committed
        self._southbound = southbound
        self._hosts = hosts
        self._spans = Spans()
        self._written = self._seen = 0
        self._barriers: list[tuple[int, int]] = []
        self._progress = asyncio.Event()
        self._looks: dict[tuple[Any, ...], Look] = {}
        self._lowest: dict[str | None, int] = {}
        self._waited = -math.inf
        self._asked_hosts = False
        self._listeners: list[Callable[[], None]] = []
        self.wanted = 0
        self.on_wanted: Callable[[], None] = lambda: None
        self.why_not: Callable[[str], str | None] = lambda _: None
        self.row_remarks: Callable[[str], Iterable[Condition]] = lambda _: ()
        self.why_unwritten: Callable[[], str] = lambda: ""
        self.why_unseen: Callable[[], str] = lambda: ""
        self.all_well: Callable[[], bool] = lambda: False

    # What the data plane's readers and writers tell.

    def bindings_changed(self, logical_ports: frozenset[str]) -> None:
        """Note that bindings, or what hosts have confirmed, changed in Southbound."""
        for port in logical_ports:
            chassis = self._southbound.bindings.get(port)
            self._spans.bind(port, scope_of_binding(port, self._committed.world), chassis)
        self._note_seen()
        self._wake()
        self._tell()
        self.on_wanted()

    def hosts_changed(self) -> None:
        """Note that an agent has connected or is gone: whoever waits for a host that is away waits no longer."""
        self._wake()
        self._tell()

    def written(self, revision: int, nb_cfg: int | None) -> None:
        """Note that Northbound holds a revision, with a barrier if `nb_cfg` was raised with it."""
        self._written = revision
        if nb_cfg is not None:
            self._barriers.append((nb_cfg, revision))
            if len(self._barriers) > 2 * MOST_BARRIERS:
                del self._barriers[:-MOST_BARRIERS]
        self._note_seen()
        self._wake()

    def _note_seen(self) -> None:
        """Note up to which revision Southbound tells who has a part in a change; one that is away or empty cannot."""
        if not self.why_unseen():
            self._seen = self._written

    def _wake(self) -> None:
        self._lowest.clear()
        self._progress.set()
        self._progress = asyncio.Event()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    # What is observed of the site (`Observed`).

    def heard(self, chassis: str) -> HostHeard:
        """Return what is known of a host by its agent's word."""
        self._asked_hosts = True
        return self._hosts.heard(chassis)

    def behind(self, chassis: str) -> int | None:
        """Return how far a host's nb_cfg is behind that of Southbound; None if OVN does not know the host."""
        confirmed = self._southbound.chassis_nb_cfg.get(chassis)
        return None if confirmed is None else max(0, self._southbound.nb_cfg - confirmed)

    def sees_bindings(self) -> bool:
        """Return whether Southbound can be read; if not, bindings are as they were seen last, if ever."""
        return self._southbound.connected

    def bound(self, logical_port: str) -> str | None:
        """Return the host where a logical port is bound; None if nowhere."""
        return self._southbound.bindings.get(logical_port)

    def span(self, scope: str) -> list[str]:
        """Return the hosts that hold a part of a VPC or of a VLAN subnet."""
        return self._spans.of(scope)

    def hosts_of(self, noun: Any) -> list[str]:
        """Return the hosts that must act on a resource."""
        return self._spans.of(scope_of(noun))

    # What callers ask.

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when bindings, or what hosts have confirmed, change, or an agent comes or goes.

        What is realised stays so when Northbound holds more than before, so that this is not told.
        """
        self._listeners.append(listener)

    def look(self, noun: Any) -> Look:
        """Return what is shown of a resource besides what is stored: `status`, `reconciling`, and what is `live`.

        Most resources look alike in this, so that looks are remembered by all that makes them.
        """
        watched, codec = Watched(self._committed.world), self._schema.by_noun[type(noun)]
        kind, generation, self._asked_hosts = codec.kind, noun.meta.generation, False
        settled, world = self._is_settled(noun), cast(World, watched)
        missing = () if settled else tuple(self._missing(noun))
        seen, of_rows = kind.observe(noun, world, self), tuple(self.row_remarks(noun.name))
        found = (*kind.conditions(noun, world), *kind.remarks(noun, world, self), *of_rows)
        realised = max(0, generation - 1) if missing else generation
        lasting = not (missing or of_rows or self._asked_hosts)
        made_of = (codec, realised, missing, seen, found, lasting, watched.asked or not settled)
        look = self._looks.get(made_of)
        if look is None:
            if len(self._looks) >= MOST_LOOKS:
                self._looks.clear()
            look = self._looks[made_of] = _look(*made_of)
        return look

    def _is_settled(self, noun: Any) -> bool:
        """Return whether it is plain that nothing is missing of a resource; what is not plain `lags` can tell."""
        scope = scope_of(noun)
        if scope not in self._lowest:
            hosts = self._spans.of(scope)
            self._lowest[scope] = min(map(self._confirmed, hosts)) if hosts else self._written
        seen = self._written if scope is None else min(self._written, self._seen, self._lowest[scope])
        return noun.meta.revision <= seen and settles(noun) and self.all_well()

    def _missing(self, noun: Any) -> Iterator[tuple[str, str]]:
        for host, reason in lags(noun, self._committed.world, self._spans, self._known()):
            yield f"hosts/{host}" if host else "", self._why(host, reason)

    def status(self, noun: Any) -> types_pb2.Status:
        """Return what the data plane has made of a resource."""
        message: Any = self._schema.by_noun[type(noun)].message.FromString(self.look(noun).wire)
        status: types_pb2.Status = message.status
        return status

    def conditions(self, noun: Any) -> Iterator[Condition]:
        """Yield what keeps a resource from working, though it is accepted."""
        kind, world = self._schema.kind(noun), self._committed.world
        yield from kind.conditions(noun, world)
        yield from kind.remarks(noun, world, self)
        yield from self.row_remarks(noun.name)

    def ask(self, noun: Any) -> None:
        """Have the hosts asked whether they have realised a resource: somebody wants to know."""
        self._want(noun.meta.revision)

    def awaited(self) -> bool:
        """Return whether somebody waits, or has lately: whoever does is likely to wait for the next change as well."""
        return time.monotonic() - self._waited < WAITED_SECONDS

    async def wait(self, noun: Any, generation: int, seconds: float) -> None:
        """Return when every host that is not away has confirmed a resource's generation, or after `seconds`."""
        self._waited = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                blocker = self._blocker(noun.name, generation, "")
                while blocker is not None:
                    await self._progress.wait()
                    blocker = self._blocker(noun.name, generation, blocker)
        except TimeoutError:
            return

    async def wait_written(self, revision: int, seconds: float) -> None:
        """Return when Northbound holds a revision, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self._written < revision:
                    await self._progress.wait()
        except TimeoutError:
            return

    def _blocker(self, name: str, generation: int, last: str) -> str | None:
        """Return a host that keeps a resource from being realised, "" for something else that does, None if nothing
        does but hosts that are away. Ask for a barrier if something is missing.

        `last` is what was returned before. As long as that host is missing no other is looked at: every host of a large
        site confirms by itself, and each time everybody who waits comes here.
        """
        noun: Any = self._committed.world.resources.get(name)
        if noun is None:
            return None
        revision = noun.meta.revision
        if noun.meta.generation < generation:
            return ""
        if last and self._blocks(last, noun):
            self._want(revision)
            return last
        if self._is_settled(noun):
            return None
        if self._written < revision:
            self._want(revision)
            return ""
        for host, _ in lags(noun, self._committed.world, self._spans, self._known()):
            self._want(revision)
            if not host or self.heard(host).connected:
                return host
        return None

    def _blocks(self, host: str, noun: Any) -> bool:
        """Return whether a host must act on a resource still, and is there to do it."""
        behind = self._confirmed(host) < noun.meta.revision
        return behind and self._spans.holds(scope_of(noun), host) and self.heard(host).connected

    def _want(self, revision: int) -> None:
        if revision > self.wanted:
            self.wanted = revision
            self.on_wanted()

    def _why(self, host: str, reason: str) -> str:
        return reason if not host or self.heard(host).connected else f"{reason}, and its agent is not connected"

    def host_lags(self) -> dict[str, int]:
        """Return by how many revisions each host is behind what it was last asked to confirm."""
        asked = self._barriers[-1][1] if self._barriers else 0
        numbers = self._southbound.chassis_nb_cfg
        return {chassis: max(0, asked - self._revision_at(number)) for chassis, number in numbers.items()}

    def _known(self) -> Known:
        return Known(
            written=self._written,
            translated=self._translated(),
            seen=self._seen,
            confirmed=self._confirmed,
            unwritten=self.why_unwritten,
            unseen=self.why_unseen,
            why_not=self.why_not,
            bound=self._southbound.bindings,
        )

    def _translated(self) -> int:
        """Return the revision that northd has translated; what it was not asked about counts as if it had."""
        asked = self._barriers[-1][0] if self._barriers else 0
        number = self._southbound.nb_cfg
        return self._written if number >= asked else self._revision_at(number)

    def _confirmed(self, chassis: str) -> int:
        """Return the revision that a host has confirmed, 0 if OVN does not know the host."""
        return self._revision_at(self._southbound.chassis_nb_cfg.get(chassis, 0))

    def _revision_at(self, nb_cfg: int) -> int:
        """Return the latest revision whose barrier a host with that number has passed."""
        position = bisect_right(self._barriers, nb_cfg, key=lambda barrier: barrier[0])
        return self._barriers[position - 1][1] if position else 0


def _look(
    codec: KindCodec,
    realised: int,
    missing: Iterable[tuple[str, str]],
    seen: Any,
    conditions: Iterable[Condition],
    *lasting: bool,
) -> Look:
    message: Any = codec.message(reconciling=bool(missing))
    status = message.status
    status.realised_generation = realised
    for host, reason in missing:
        status.waiting_for.add(host=host, reason=reason)
    codec.live.write(message, seen)
    for found in conditions:
        severity = types_pb2.Severity.Value(f"SEVERITY_{found.severity.upper()}")
        status.conditions.add(reason=found.reason, message=found.message, severity=severity)
    return Look(message.SerializeToString(), message.reconciling, *lasting)
