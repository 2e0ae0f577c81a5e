"""Hosts that do too much of something are bounded, and bound nobody else."""

from __future__ import annotations

import asyncio
import logging

import pytest

from headgate_controller.hosts.comings import LINE_SECONDS, LINES, Comings
from headgate_controller.hosts.pace import Pace
from headgate_controller.hosts.window import Window


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_may_do_so_much_at_once_and_then_one_in_so_many_seconds() -> None:
    clock = Clock()
    pace = Pace(3, 10.0, clock)
    for _ in range(3):
        assert pace.seconds_until("a") == 0
        pace.take("a")
    assert (pace.seconds_until("a"), pace.seconds_until("b")) == (10.0, 0)
    clock.now += 10
    assert pace.seconds_until("a") == 0
    pace.take("a")
    assert pace.seconds_until("a") == 10.0
    clock.now += 1000
    for left in (0, 0, 10.0):
        pace.take("a")
        assert pace.seconds_until("a") == left


def test_a_host_that_flaps_is_a_few_lines_in_the_log_that_say_how_often(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    comings = Comings(clock)
    with caplog.at_level(logging.INFO):
        for _ in range(100):
            comings.came("hosts/h1", "v", "1.0")
            comings.went("hosts/h1")
        comings.came("hosts/h2", "v", "1.0")
        clock.now += LINE_SECONDS
        comings.went("hosts/h1")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["host connected", "host disconnected"] * (LINES // 2) + [
        "host flaps",
        "host connected",
        "host disconnected",
    ]
    assert vars(caplog.records[-1])["unlogged"] == 200 - LINES


def test_whoever_takes_too_long_makes_room_for_others() -> None:
    async def scenario() -> list[str]:
        window, done = Window(2, 0.05), list[str]()

        async def pass_through(name: str, ends: asyncio.Event) -> None:
            async with window.admitted():
                await ends.wait()
                done.append(name)

        never, now = asyncio.Event(), asyncio.Event()
        now.set()
        slow = [asyncio.create_task(pass_through("slow", never)) for _ in range(4)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await pass_through("quick", now)
        assert done == ["quick"]
        never.set()
        await asyncio.gather(*slow)
        async with asyncio.timeout(5), window.admitted(), window.admitted():
            return done

    assert asyncio.run(scenario()) == ["quick"] + ["slow"] * 4
