"""What the user's wish to stop does to work under way."""

import asyncio

import pytest

from headgate_terraform.interruption import InterruptedByUserError, Interruption


async def answer_after(event: asyncio.Event) -> str:
    await event.wait()
    return "answered"


def test_work_that_is_answered_within_the_grace_counts() -> None:
    async def story() -> str:
        interruption, answered = Interruption(), asyncio.Event()
        guarded = asyncio.ensure_future(interruption.guard(answer_after(answered), grace=10))
        interruption.set()
        # Many turns of the loop: the guard has seen the interruption and now waits for the grace to end.
        for _ in range(20):
            await asyncio.sleep(0)
        answered.set()
        return await guarded

    assert asyncio.run(story()) == "answered"


def test_work_that_outlives_the_grace_is_cancelled() -> None:
    async def story() -> None:
        interruption, never = Interruption(), asyncio.Event()
        work = asyncio.ensure_future(answer_after(never))
        interruption.set()
        with pytest.raises(InterruptedByUserError):
            await interruption.guard(work, grace=0)
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(story())


def test_nobody_sleeps_on_after_the_interruption() -> None:
    async def story() -> None:
        interruption = Interruption()
        interruption.set()
        with pytest.raises(InterruptedByUserError):
            await interruption.sleep(60)

    asyncio.run(story())


def test_sleep_ends_by_itself_where_nobody_interrupts() -> None:
    asyncio.run(Interruption().sleep(0.001))
