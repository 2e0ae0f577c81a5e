"""Expectations about who reaches whom, judged by packets and reported as a matrix.

In a test: `lab.expect(reach("a1", "b1"), no_reach("a1", "c1")).within(seconds=30)`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from headgate_lab.namespaces import Namespace
from headgate_lab.probes import Outcome, connect, ping

ATTEMPT_SECONDS = 1.0
"""How long one attempt of a positive probe may take before all that failed are tried again."""

RETRY_SECONDS = 0.1
"""Pause between two rounds of attempts, for probes that fail at once."""

SNIFF_SECONDS = 1.5
"""How long all negative probes together are given to be answered after all; TCP repeats its first packet after 1 s."""

TCP_PORT = 7080
"""Where listeners are asked for, unless an expectation names a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One line of the matrix.

    `target` is a workload, an endpoint, or any address.  `seen` is the source address the target must see (TCP).
    """

    source: str
    target: str
    protocol: str
    port: int = 0
    reached: bool = True
    seen: str | None = None

    def met(self, outcome: Outcome) -> bool:
        """Whether `outcome` is what was expected."""
        return outcome.reached == self.reached and (self.seen is None or self.seen == outcome.source)

    @property
    def means(self) -> str:
        """Protocol and port in words."""
        return f"{self.protocol}/{self.port}" if self.port else self.protocol

    @property
    def words(self) -> str:
        """What is expected, in words."""
        if not self.reached:
            return "nothing"
        return f"seen as {self.seen}" if self.seen else "reply"


def reach(source: str, target: str, *, protocol: str = "icmp", port: int | None = None) -> Expectation:
    """Expect that packets of `source` arrive at `target` and answers come back; protocol is icmp or tcp."""
    return Expectation(source=source, target=target, protocol=protocol, port=_port(protocol, port))


def no_reach(source: str, target: str, *, protocol: str = "icmp", port: int | None = None) -> Expectation:
    """Expect that `source` gets no answer from `target`; a refusal of the connection is none."""
    return Expectation(source=source, target=target, protocol=protocol, port=_port(protocol, port), reached=False)


def seen_as(source: str, target: str, address: str, *, port: int | None = None) -> Expectation:
    """Expect that `target` sees TCP connections of `source` come from `address`."""
    return Expectation(
        source=source, target=target, protocol="tcp", port=_port("tcp", port), seen=str(ip_address(address))
    )


@dataclass(frozen=True, slots=True)
class Station:
    """Something that sends and answers packets: where it is, and the address it is known by."""

    namespace: Namespace
    address: str


class Ground(Protocol):
    """What expectations need of a lab."""

    def stations(self) -> Mapping[str, Station]:
        """Return all workloads and endpoints by name."""
        ...

    def remarks(self) -> Sequence[str]:
        """Return what may explain a failure."""
        ...

    def listen(self, port: int) -> None:
        """Have every station listen on a TCP port; again is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """An expectation and what was seen."""

    expectation: Expectation
    outcome: Outcome

    @property
    def met(self) -> bool:
        """Whether the two agree."""
        return self.expectation.met(self.outcome)

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """From, to, by, expected, saw."""
        wanted = self.expectation
        return (wanted.source, wanted.target, wanted.means, wanted.words, self.outcome.words)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The lines of one judgement, in the order they were asked for."""

    lines: tuple[Line, ...]

    @property
    def unmet(self) -> tuple[Line, ...]:
        """The lines that failed."""
        return tuple(line for line in self.lines if not line.met)

    def __str__(self) -> str:
        rows = [("", "from", "to", "by", "expected", "saw")]
        rows += [("ok" if line.met else "NO", *line.cells) for line in self.lines]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


class Expectations:
    """Expectations against one lab; nothing is sent before `within`."""

    def __init__(self, ground: Ground, wanted: Sequence[Expectation]) -> None:
        self._ground = ground
        self._wanted = tuple(wanted)

    def within(self, *, seconds: float) -> Matrix:
        """Return the matrix when all hold.

        Positive ones are tried together, again and again, until `seconds` are over; then the negative ones are sent
        all at once and judged together after SNIFF_SECONDS: only then is silence more than a network not yet there.

        Raises:
            AssertionError: some do not hold; the message is the matrix.
            KeyError: an expectation names a source that is neither workload nor endpoint.
        """
        for port in sorted({wanted.port for wanted in self._wanted if wanted.port}):
            self._ground.listen(port)
        outcomes = self._retry([wanted for wanted in self._wanted if wanted.reached], seconds)
        outcomes |= self._probe([wanted for wanted in self._wanted if not wanted.reached], SNIFF_SECONDS)
        matrix = Matrix(tuple(Line(wanted, outcomes[wanted]) for wanted in self._wanted))
        if matrix.unmet:
            summary = f"{len(matrix.unmet)} of {len(matrix.lines)} expectations not met within {seconds:g} s"
            raise AssertionError("\n".join([summary, str(matrix), *self._ground.remarks()]))
        return matrix

    def _retry(self, wanted: list[Expectation], seconds: float) -> dict[Expectation, Outcome]:
        deadline = time.monotonic() + seconds
        outcomes: dict[Expectation, Outcome] = {}
        pause = threading.Event()
        while True:
            outcomes |= self._probe([one for one in wanted if not _settled(one, outcomes)], ATTEMPT_SECONDS)
            if time.monotonic() > deadline or all(_settled(one, outcomes) for one in wanted):
                return outcomes
            pause.wait(RETRY_SECONDS)

    def _probe(self, wanted: Iterable[Expectation], seconds: float) -> dict[Expectation, Outcome]:
        """Send one probe for each, all at the same time."""
        stations = self._ground.stations()
        probes = {one: _probe_of(one, stations, seconds) for one in wanted}
        if not probes:
            return {}
        with ThreadPoolExecutor(max_workers=len(probes)) as pool:
            running = {one: pool.submit(probe) for one, probe in probes.items()}
        return {one: future.result() for one, future in running.items()}


def _settled(wanted: Expectation, outcomes: Mapping[Expectation, Outcome]) -> bool:
    return wanted in outcomes and wanted.met(outcomes[wanted])


def _probe_of(wanted: Expectation, stations: Mapping[str, Station], seconds: float) -> Callable[[], Outcome]:
    namespace = stations[wanted.source].namespace
    known = stations.get(wanted.target)
    address = known.address if known else str(ip_address(wanted.target))
    if wanted.protocol == "icmp":
        return lambda: ping(namespace, address, seconds=seconds)
    return lambda: connect(namespace, address, wanted.port, seconds=seconds)


def _port(protocol: str, port: int | None) -> int:
    """Refuse what cannot be probed, and fill in the port."""
    if protocol not in {"icmp", "tcp"}:
        raise ValueError(f"protocol is icmp or tcp, not {protocol!r}")
    if protocol == "icmp" and port is not None:
        raise ValueError("icmp has no ports")
    return 0 if protocol == "icmp" else port or TCP_PORT
