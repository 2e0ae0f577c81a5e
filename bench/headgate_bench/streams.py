"""A server of host streams and the crowd of agents that is connected to it, as figures need them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from headgate_bench.cost import cpu_seconds, metered, resident_mib
from headgate_bench.readings import Cost
from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import IdentityFiles
from headgate_common.pki import Role, Subject
from headgate_lab.controller import free_port
from headgate_lab.crowd import Crowd, CrowdAgent, identities
from headgate_lab.waiting import wait_until

SECONDS = 120.0
QUIET_SECONDS, QUIET_CPU = 0.2, 0.002
"""A server that uses less in so long a while has nothing to do."""


class CrowdedServer:
    """A `stream_server` with agents; everything is awaited, nothing timed but what is asked for."""

    def __init__(self, runner: asyncio.Runner, process: subprocess.Popen[str], crowd: Crowd) -> None:
        self._runner = runner
        self._process = process
        self._crowd = crowd
        self._stack = AsyncExitStack()
        self.pid = process.pid

    def gather(self) -> float:
        """Connect every agent, until it holds what its host is to be; return the growth of memory in MiB."""
        before = resident_mib(self.pid)
        self._runner.run(self._stack.enter_async_context(self._crowd.gathered()))
        self._await(lambda: all(agent.held for agent in self._crowd.agents), "every agent to hold something")
        self._settle()
        return resident_mib(self.pid) - before

    def close(self) -> None:
        """Let the agents go."""
        self._runner.run(self._stack.aclose())

    def deltas(self) -> tuple[Cost, Cost]:
        """Send every agent a KiB; return what it takes until all have it, for each, and until all are answered."""
        self._tell("prepare")
        self._heard("prepared")
        self._crowd.answering.clear()
        taken = self._taken()
        with metered(self.pid) as answered:
            with metered(self.pid) as sent:
                self._tell("publish")
                self._await(lambda: self._taken() == taken + len(self._crowd.agents), "every agent to be told")
            self._crowd.answering.set()
            self._settle()
        count = len(self._crowd.agents)
        return sent.cost.per(count), answered.cost.per(count)

    def _taken(self) -> int:
        return sum(agent.wholes + agent.differences for agent in self._crowd.agents)

    def _settle(self) -> None:
        """Return once the server has had nothing to do for a while."""
        used = 0.0
        while (now := cpu_seconds(self.pid)) - used > QUIET_CPU:
            used = now
            self._runner.run(asyncio.sleep(QUIET_SECONDS))

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        self._runner.run(asyncio.to_thread(wait_until, condition, seconds=SECONDS, what=what))

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def _heard(self, word: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        assert said == word, said


def site(directory: Path, hosts: int) -> list[CrowdAgent]:
    """Make the certificates of a site in a directory; return its agents, none of which is connected."""
    authority, key = Authority.create(directory / "ca", pki.utc_now()), pki.new_key()
    own = authority.issue(Subject(Role.CONTROLLER, "ctl1"), key.public_key(), pki.utc_now())
    IdentityFiles(directory / "own").save(key, own, authority.bundle())
    names = [f"h{number}" for number in range(hosts)]
    return [CrowdAgent(*pair) for pair in zip(names, identities(directory / "ca", names), strict=True)]


@contextmanager
def crowded(
    runner: asyncio.Runner, directory: Path, agents: list[CrowdAgent], *options: str
) -> Iterator[CrowdedServer]:
    """Run a server for agents, which `gather` connects, while the block runs."""
    address = f"127.0.0.1:{free_port()}"
    argv = [sys.executable, "-m", "headgate_bench.stream_server", address, str(directory), str(len(agents)), *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        own = [CrowdAgent(agent.name, agent.identity) for agent in agents]
        made = CrowdedServer(runner, process, Crowd(address, own))
        try:
            made._heard("ready")
            yield made
        finally:
            made.close()
            process.kill()
