"""A thousand hosts on one controller: real connections by TLS, of agents that have nothing to do but to talk."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controller_site import Controller
from http_client import samples
from site_pki import Site

from api import Api
from headgate_bench.cost import resident_mib
from headgate_lab.crowd import Crowd, CrowdAgent, identities
from headgate_lab.waiting import wait_until

HOSTS = 1_000
SECONDS = 60.0
MIB = 250
"""More than a controller may have resident with that many hosts: 100 KiB for each, beside what it is without any."""


async def until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, seconds=SECONDS, what=what, every=0.02)


def resident(controller: Controller) -> float:
    assert controller.process is not None
    return resident_mib(controller.process.pid)


def revision(controller: Controller) -> float:
    return samples(controller.http)["headgate_revision"]


def crowd_of(site: Site, count: int) -> Crowd:
    names = [f"h{number}" for number in range(count)]
    agents = [CrowdAgent(*pair) for pair in zip(names, identities(site.ca, names), strict=True)]
    return Crowd(site.hosts, agents)


async def whole_site(crowd: Crowd, controller: Controller) -> None:
    def served() -> bool:
        return crowd.connected == samples(controller.http)["headgate_hosts_connected"] == len(crowd.agents)

    await until(served, "every agent to be served")


def test_a_thousand_agents_that_come_back_at_once_are_served_without_a_snapshot_or_a_commit(
    run_directory: Path,
) -> None:
    site = Site(run_directory / "crowd")
    controller = site.controller

    async def scenario() -> None:
        crowd = crowd_of(site, HOSTS)
        async with crowd.gathered():
            await whole_site(crowd, controller)
            await until(lambda: all(agent.held for agent in crowd.agents), "every agent to hold what its host is to be")
            assert [agent.wholes for agent in crowd.agents] == [1] * HOSTS
            before = revision(controller)
            controller.kill()
            await until(lambda: crowd.connected == 0, "every agent to notice")
            controller.start()
            await whole_site(crowd, controller)
            assert revision(controller) == before, "nothing differs, so nothing is committed"
            print(f"{resident(controller):.0f} MiB resident with {HOSTS} hosts that came at once")
            assert resident(controller) < MIB
            expect_a_difference(controller, "h7")
            await until(lambda: crowd.agents[7].differences == 1, "the one host that is concerned to be told")
        assert {(agent.wholes, agent.differences) for agent in crowd.agents} == {(1, 0), (1, 1)}

    with limited_files(1024), site.running():
        asyncio.run(scenario())


@contextmanager
def limited_files(most: int) -> Iterator[None]:
    """Start programs as a service manager would, which lets them open fewer files than there are hosts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def expect_a_difference(controller: Controller, host: str) -> None:
    """Have something to say to a host."""
    api = Api(controller.api)
    api.create("projects/p/vpcs/v")
    api.create("projects/p/vpcs/v/subnets/s", cidr="10.1.0.0/24")
    api.create("projects/p/vpcs/v/subnets/s/ports/a", host=f"hosts/{host}")
    api.close()
