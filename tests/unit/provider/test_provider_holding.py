"""When a plan that is held from Terraform is judged, asked about again, or let go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from headgate_terraform import holding
from headgate_terraform.holding import Holding, Traffic, Turn
from headgate_terraform.terraform_command import Command, parse_command


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    return Traffic(clock)


def run(work: Awaitable[Turn]) -> Turn:
    async def bounded() -> Turn:
        return await asyncio.wait_for(work, 5)

    return asyncio.run(bounded())


def test_a_held_plan_is_judged_once_nothing_has_come_for_a_while(traffic: Traffic, clock: Clock) -> None:
    places = Holding(traffic, 10)
    with traffic.call(), places.hold() as held:
        clock.now += holding.QUIET_SECONDS + 0.1
        assert run(places.turn(held, ["x"])) is Turn.BE_JUDGED


def test_it_is_not_judged_while_another_call_is_under_way(
    traffic: Traffic, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "QUIET_SECONDS", 0.01)
    places = Holding(traffic, 10)

    async def story() -> Turn:
        with traffic.call(), places.hold() as held:
            other = traffic.call()
            other.__enter__()
            clock.now += 1
            waiting = asyncio.create_task(places.turn(held, ["x"]))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            assert not done
            other.__exit__(None, None, None)
            clock.now += 1
            return await waiting

    assert run(story()) is Turn.BE_JUDGED


def test_what_it_waits_for_wakes_it(traffic: Traffic) -> None:
    places = Holding(traffic, 10)

    async def story() -> Turn:
        with traffic.call(), places.hold() as held:
            waiting = asyncio.create_task(places.turn(held, ["x"]))
            await asyncio.sleep(0)
            places.tell("y")
            places.tell("x")
            return await waiting

    assert run(story()) is Turn.ASK_AGAIN


@pytest.mark.parametrize("places", [1, 3])
def test_with_every_place_held_the_one_that_has_waited_longest_is_let_go_at_once(traffic: Traffic, places: int) -> None:
    holds = Holding(traffic, places)

    async def story() -> list[int]:
        passed: list[int] = []

        async def plan(number: int) -> None:
            with traffic.call(), holds.hold() as held:
                if await holds.turn(held, ["x"]) is Turn.PASS:
                    passed.append(number)

        tasks = [asyncio.create_task(plan(number)) for number in range(places)]
        await asyncio.wait(tasks, timeout=0.1)
        holds.tell("x")
        await asyncio.gather(*tasks)
        return passed

    assert asyncio.run(story()) == [0]


def test_where_nobody_knows_the_number_of_places_those_seen_count(traffic: Traffic) -> None:
    holds = Holding(traffic, None)
    with traffic.call(), holds.hold() as held:
        assert run(holds.turn(held, ["x"])) is Turn.PASS


def test_an_apply_lets_all_of_them_go(traffic: Traffic) -> None:
    holds = Holding(traffic, 10)

    async def story() -> Turn:
        with traffic.call(), holds.hold() as held:
            waiting = asyncio.create_task(holds.turn(held, ["x"]))
            await asyncio.sleep(0)
            holds.release()
            holds.tell("x")
            return await waiting

    assert run(story()) is Turn.PASS


@pytest.mark.parametrize(
    ("line", "environment", "command"),
    [
        ("terraform plan", {}, Command("plan", 10)),
        ("/usr/local/bin/terraform -chdir=infra plan -out=x", {}, Command("plan", 10)),
        ("tofu plan -parallelism=3", {}, Command("plan", 3)),
        ("terraform plan --parallelism 4 -input=false", {}, Command("plan", 4)),
        ("terraform apply -parallelism=2 -parallelism=7 saved", {}, Command("apply", 7)),
        ("terraform plan", {"TF_CLI_ARGS": "-parallelism=5"}, Command("plan", 5)),
        ("terraform plan", {"TF_CLI_ARGS_plan": "-parallelism=6", "TF_CLI_ARGS": "-no-color"}, Command("plan", 6)),
        ("terraform plan -parallelism=1", {"TF_CLI_ARGS_plan": "-parallelism=6"}, Command("plan", 1)),
        ("terraform plan", {"TF_CLI_ARGS_apply": "-parallelism=6"}, Command("plan", 10)),
        ("terraform plan -parallelism=many", {}, None),
        ("terraform", {}, None),
        ("python -m pytest plan", {}, None),
        ("", {}, None),
    ],
)
def test_the_command_is_read_as_terraform_reads_it(
    line: str, environment: dict[str, str], command: Command | None
) -> None:
    assert parse_command(line.split(), environment) == command


def test_only_plan_plans_and_nothing_else() -> None:
    assert [name for name in ("plan", "apply", "destroy", "test") if Command(name, 10).plans_only] == ["plan"]
