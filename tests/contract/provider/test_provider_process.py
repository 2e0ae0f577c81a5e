"""What one process of the provider remembers from call to call, and what it must not."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from provider_backend import Backend, Refused
from provider_driven import Driven, name

from headgate_terraform import patience
from headgate_terraform.prefetch import READS_FOR_A_PAGE
from headgate_terraform.provider import Provider

MANY = 100


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def driven(runner: asyncio.Runner, backend: Backend, tmp_path: Path) -> Iterator[Driven]:
    provider = Provider(environment={"HEADGATE_ENDPOINTS": f"unix:{tmp_path}/api.sock"})
    called = Driven(provider)
    runner.run(called.configure())
    for number in range(MANY):
        message = backend.kinds["headgate_vpc"].method("Create").response(name=name(number), uid="u", generation=1)
        message.state = 1
        backend.objects[name(number)] = message
    yield called
    runner.run(provider.close())


@pytest.mark.parametrize("event", ["change", "configuration"])
def test_after_a_change_or_a_new_configuration_nothing_read_ahead_is_used(
    runner: asyncio.Runner, driven: Driven, backend: Backend, event: str
) -> None:
    async def story() -> list[str | None]:
        for number in range(READS_FOR_A_PAGE + 1):
            await driven.read(number)
        backend.change(name(MANY - 1), description="new")
        before = await driven.read(MANY - 1)
        if event == "change":
            await driven.apply(driven.vpc(0), driven.vpc(0, description="mine"))
        else:
            await driven.configure()
        return [before["description"], (await driven.read(MANY - 1))["description"]]

    assert runner.run(story()) == [None, "new"]


def test_a_refused_change_waits_for_another_that_moves(
    runner: asyncio.Runner, driven: Driven, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "QUIET_SECONDS", 0.2)
    backend.realising = threading.Event()
    refused = Refused(StatusCode.FAILED_PRECONDITION, "IN_USE", "It is held.", passes=True)
    ended = backend.realising.is_set
    backend.refuse = lambda verb, _request: refused if verb == "Update" and not ended() else None
    threading.Timer(1.0, backend.realising.set).start()

    async def story() -> Any:
        moving = driven.apply(None, driven.vpc(MANY))
        waiting = driven.apply(driven.vpc(0), driven.vpc(0, description="mine"))
        return await asyncio.gather(moving, waiting)

    assert [list(answer.diagnostics) for answer in runner.run(story())] == [[], []]
