"""The reconciler: marks, retries and waits, on a clock that jumps."""

import asyncio
from collections.abc import Awaitable, Callable

from tenacity import wait_exponential, wait_fixed

from headgate_common.reconciler import PermanentError, Reconciler, backoff

WAIT = wait_fixed(10)


class Stop(BaseException):
    """Ends a run: nothing is left to do."""


class JumpingClock:
    """Jumps to where it is asked to wait for, and stops the run when nothing will ever be due."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            raise Stop
        if not event.is_set():
            self.time += seconds


Act = Callable[["Scene", str], Awaitable[None]]


class Scene:
    """A reconciler, its clock, and when which key was acted on."""

    def __init__(self, act: Act | None = None) -> None:
        self.clock = JumpingClock()
        self.seen: list[tuple[str, float]] = []
        self._wanted = act
        self.reconciler: Reconciler[str] = Reconciler("test", self._act, wait=WAIT, clock=self.clock)

    async def _act(self, key: str) -> None:
        self.seen.append((key, self.clock.time))
        if self._wanted:
            await self._wanted(self, key)

    def run(self, *marks: str) -> list[tuple[str, float]]:
        for key in marks:
            self.reconciler.mark(key)
        try:
            asyncio.run(self.reconciler.run())
        except Stop:
            return self.seen
        raise AssertionError("the reconciler ended by itself")


def failing(times: int, error: Exception | None = None) -> Act:
    async def act(scene: Scene, key: str) -> None:
        if len([1 for seen, _ in scene.seen if seen == key]) <= times:
            raise error or RuntimeError("not yet")

    return act


def test_marks_of_one_key_coalesce():
    assert Scene().run("a", "a", "b") == [("a", 0.0), ("b", 0.0)]


def test_a_failed_key_is_retried_only_after_its_backoff():
    assert Scene(failing(2)).run("a") == [("a", 0.0), ("a", 10.0), ("a", 20.0)]


def test_a_permanent_error_is_not_retried():
    assert Scene(failing(9, PermanentError("no"))).run("a") == [("a", 0.0)]


def test_a_mark_during_the_action_runs_it_again():
    async def act(scene: Scene, key: str) -> None:
        if len(scene.seen) == 1:
            scene.reconciler.mark(key)

    assert Scene(act).run("a") == [("a", 0.0), ("a", 0.0)]


def test_a_mark_during_a_failing_action_wins_over_the_backoff():
    async def act(scene: Scene, key: str) -> None:
        if len(scene.seen) == 1:
            scene.reconciler.mark(key)
            raise RuntimeError("not yet")

    assert Scene(act).run("a") == [("a", 0.0), ("a", 0.0)]


def test_one_failing_key_does_not_hold_up_another():
    async def act(_: Scene, key: str) -> None:
        if key == "bad" and _.clock.time < 30:
            raise RuntimeError("not yet")

    assert ("good", 0.0) in Scene(act).run("bad", "good")


def test_a_later_mark_is_kept_until_it_is_due():
    scene = Scene()
    scene.reconciler.mark_after("a", 5)
    assert scene.run() == [("a", 5.0)]


def test_an_earlier_mark_wins_over_a_later_one():
    scene = Scene()
    scene.reconciler.mark_after("a", 5)
    assert scene.run("a") == [("a", 0.0)]


def test_backoff_follows_the_wait_strategy():
    assert [backoff(wait_exponential(multiplier=1, max=5), n) for n in (1, 2, 3, 4)] == [1, 2, 4, 5]
