"""A thousand hosts by TLS: what a change costs that concerns every one of them (G10), and what they cost doing nothing
(G12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from headgate_bench.figure import Figure, Sizes, interleaved
from headgate_bench.readings import Cost, Line, Pair, Reading, amount, ratio
from headgate_bench.servers import a_directory
from headgate_bench.streams import CrowdedServer, crowded, site

SENT = Line("CPU of the server for each KiB sent to one of 1,000 hosts", "µs", 60)
BESIDE = Line("the same / gRPC alone, which sends bytes that lie ready", "x")
ANSWERED = Line("CPU of the same until the host's answer is taken in / gRPC alone", "x")
MEMORY = Line("memory of the server for each stream that is idle", "KiB", 100)
MEMORY_BESIDE = Line("the same of gRPC alone", "KiB")


def measure(sizes: Sizes) -> Iterator[Reading]:
    """Send to all the hosts of one server, and of a bare one, in turn."""
    with a_directory() as directory, asyncio.Runner() as runner:
        agents = site(directory, sizes["hosts"])
        with crowded(runner, directory, agents) as ours, crowded(runner, directory, agents, "--bare") as bare:
            memory = [server.gather() * 1024 / len(agents) for server in (ours, bare)]
            sent, answered = _pairs(ours, bare, sizes["pairs"])
    floors = [pair.floor.cpu for pair in sent]
    yield amount(SENT, (pair.subject.cpu * 1e6 for pair in sent), floors)
    yield ratio(BESIDE, sent, "cpu")
    yield ratio(ANSWERED, answered, "cpu")
    yield amount(MEMORY, memory[:1])
    yield amount(MEMORY_BESIDE, memory[1:])


def _pairs(ours: CrowdedServer, bare: CrowdedServer, pairs: int) -> tuple[list[Pair], list[Pair]]:
    """Return what it takes to send, and until all is answered."""
    answers: dict[CrowdedServer, list[Cost]] = {ours: [], bare: []}

    def sent(server: CrowdedServer) -> Cost:
        cost, answered = server.deltas()
        answers[server].append(answered)
        return cost

    taken = interleaved(lambda: sent(ours), lambda: sent(bare), pairs)
    return taken, [Pair(*both) for both in zip(answers[ours][1:], answers[bare][1:], strict=True)]


FIGURE = Figure(
    lines=(SENT, BESIDE, ANSWERED, MEMORY, MEMORY_BESIDE),
    floor="gRPC's asyncio server with TLS, a queue for each stream, and the same KiB for all",
    sizes={"hosts": 1_000, "pairs": 8},
    tiny={"hosts": 3, "pairs": 1},
    measure=measure,
)
