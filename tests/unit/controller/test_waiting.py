"""Who waits for a change of a site of many hosts costs little while they confirm it, one by one."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from kind_site import SUBNET, connected, schema

from data_plane import Display
from headgate_controller.observed import HostHeard

HOSTS, WAITERS, NB_CFG = 200, 20, 7


class Counted(dict[str, int]):
    """Counts how often it is asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


def a_plane() -> Display:
    """Return a site whose only VPC is on all hosts, every one of which is there, and none of which has confirmed."""
    site = connected()
    for number in range(HOSTS):
        site.create(f"{SUBNET}/ports/p{number}")
    display = Display(schema(), site.world)
    display.plane.chassis_nb_cfg, display.plane.connected = Counted(), True
    for number in range(HOSTS):
        port: Any = site.world.resources[f"{SUBNET}/ports/p{number}"]
        display.plane.hosts[f"h{number}"] = HostHeard(connected=True)
        display.bind(port.iface_id, f"h{number}")
    display.realisation.written(site.world.revision, NB_CFG)
    return display


def waiting(display: Display) -> list[asyncio.Task[None]]:
    noun = display.committed.world.resources[SUBNET]
    wait = display.realisation.wait
    return [asyncio.create_task(wait(noun, 1, 60)) for _ in range(WAITERS)]


async def confirm(display: Display, *hosts: str) -> None:
    for host in hosts:
        display.confirm(host, NB_CFG)
        await asyncio.sleep(0)


def test_waiters_look_at_few_hosts_while_each_confirms_by_itself() -> None:
    async def scenario() -> int:
        display = a_plane()
        tasks = waiting(display)
        await asyncio.sleep(0)
        names = [f"h{number}" for number in range(HOSTS)]
        random.Random(1).shuffle(names)
        *first, last = names
        await confirm(display, *first)
        assert not any(task.done() for task in tasks), "one host has not confirmed"
        await confirm(display, last)
        await asyncio.gather(*tasks)
        counted = display.plane.chassis_nb_cfg
        assert isinstance(counted, Counted)
        return counted.asked

    assert asyncio.run(scenario()) < 20 * HOSTS * WAITERS, "they would be some 200 times as many, one by one"


def test_a_waiter_waits_no_longer_for_a_host_that_is_away_or_has_no_part_any_more() -> None:
    async def scenario() -> None:
        display = a_plane()
        tasks = waiting(display)
        await confirm(display, *(f"h{number}" for number in range(2, HOSTS)))
        assert not any(task.done() for task in tasks)
        port: Any = display.committed.world.resources[f"{SUBNET}/ports/p0"]
        display.bind(port.iface_id, None)
        display.plane.hosts["h1"] = HostHeard()
        display.realisation.hosts_changed()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)

    asyncio.run(scenario())
