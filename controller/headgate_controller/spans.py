"""The stages of changes as spans of the calls that made them, for a collector of OpenTelemetry."""

from __future__ import annotations

import asyncio
from typing import Any

from headgate_common.telemetry import Telemetry
from headgate_controller.journeys import Arrival, Journeys
from headgate_controller.realisation import Realisation
from headgate_controller.state import Committed

LONGEST_SECONDS = 60.0
"""How long a change is followed; of one that is not realised by then, the stages that it has passed are told."""

MOST_FOLLOWED = 1_000
"""Changes that are followed at once; of more, nothing is told."""


class Spans:
    """Follows each change whose caller is traced, until the hosts have carried it out."""

    def __init__(
        self, telemetry: Telemetry, committed: Committed, realisation: Realisation, journeys: Journeys
    ) -> None:
        self._telemetry = telemetry
        self._committed = committed
        self._realisation = realisation
        self._journeys = journeys
        self._following: set[asyncio.Task[None]] = set()

    def follow(self, arrival: Arrival) -> None:
        """Tell of a change that was just committed, once it is realised."""
        if arrival.trace and len(self._following) < MOST_FOLLOWED:
            task = asyncio.create_task(self._follow(arrival))
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def _follow(self, arrival: Arrival) -> None:
        noun: Any = self._committed.world.resources.get(arrival.name)
        hosts = []
        if noun is None:
            await self._realisation.wait_written(arrival.revision, LONGEST_SECONDS)
        else:
            await self._realisation.wait(noun, noun.meta.generation, LONGEST_SECONDS)
            hosts = self._realisation.hosts_of(noun)
        for step in self._journeys.of(arrival.revision, hosts):
            facts: dict[str, str | int] = {"headgate.resource": arrival.name, "headgate.revision": arrival.revision}
            if step.host:
                facts["headgate.host"] = step.host
            self._telemetry.record(f"headgate.{step.stage}", arrival.trace, step.began, step.ended, facts)
