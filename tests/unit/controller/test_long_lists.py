"""A list of many resources, which must not keep agents and other callers waiting."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from kind_site import Site

from headgate.v1 import vpc_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.resources import Resources
from headgate_controller.api.shown import Shown
from headgate_controller.observed import HostHeard
from headgate_controller.principal import ADMINISTRATOR
from headgate_controller.realisation import Realisation
from headgate_controller.serialized import Serialized
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer

MANY = 1_000


class NoHosts:
    """A data plane of which nothing is known."""

    connected = False
    nb_cfg = 0

    def __init__(self) -> None:
        self.chassis_nb_cfg: dict[str, int] = {}
        self.bindings: dict[str, str | None] = {}

    def heard(self, chassis: str) -> HostHeard:
        return HostHeard()


def many() -> Resources:
    site = Site()
    site.submit(*(site.creation(f"projects/p/vpcs/v{number}") for number in range(MANY)))
    committed, nothing = Committed(site.world), NoHosts()
    realisation = Realisation(site.schema, committed, nothing, nothing)
    shown = Shown(site.schema, committed, realisation, Serialized(site.schema))
    return Resources(site.schema, site.schema.by_type["vpc"], committed, cast(Writer, None), shown)


async def turns_during(call: Any) -> tuple[int, Any]:
    """Return how often others had the event loop meanwhile, and the answer."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    try:
        answer = await call
    finally:
        waiting.cancel()
    return turns, answer


def test_others_are_served_while_a_long_list_is_searched_and_shown() -> None:
    resources = many()
    caller.set(ADMINISTRATOR)

    async def scenario() -> None:
        searched, found = await turns_during(
            resources.list(vpc_pb2.ListVpcsRequest(parent="projects/p", filter='display_name = "none"'), None)
        )
        assert (found, searched >= 5) == (b"", True)
        shown, found = await turns_during(resources.list(vpc_pb2.ListVpcsRequest(parent="projects/p"), None))
        names = [vpc.name for vpc in vpc_pb2.ListVpcsResponse.FromString(found).vpcs]
        assert (len(names), shown >= 5) == (MANY, True)
        assert names == sorted(names)

    asyncio.run(scenario())
