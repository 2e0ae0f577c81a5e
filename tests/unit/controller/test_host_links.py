"""The host stream before anybody has said who it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from headgate.v1.host_link_pb2 import ConnectRequest
from headgate_controller.errors import IdleError
from headgate_controller.hosts import links
from headgate_controller.hosts.door import Door
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer
from headgate_controller.world import World


class OpenDoor:
    """Lets everybody in."""

    def admit(self, context: Any) -> None:
        return None


async def silence() -> AsyncIterator[ConnectRequest]:
    await asyncio.Event().wait()
    yield ConnectRequest()


def test_a_stream_on_which_nobody_says_hello_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "HELLO_SECONDS", 0.05)
    served = links.HostLinks(Committed(World()), cast(Writer, None), 1, "", cast(Door, OpenDoor()))

    async def scenario() -> None:
        async with asyncio.timeout(5):
            async for _ in served.connect(silence(), None):
                raise AssertionError

    with pytest.raises(IdleError, match="has not said which host it is"):
        asyncio.run(scenario())
