"""JourneyService: what became of a resource's latest change, stage by stage."""

from __future__ import annotations

from typing import Any

import grpc

from headgate.v1 import journey_pb2
from headgate_controller.intent import existing
from headgate_controller.journeys import Journeys, Step
from headgate_controller.realisation import Realisation
from headgate_controller.state import Committed

SERVICE = "headgate.v1.JourneyService"
NANOSECONDS = 1_000_000_000


class JourneyService:
    """Serves questions about changes."""

    def __init__(self, committed: Committed, journeys: Journeys, realisation: Realisation) -> None:
        self._committed = committed
        self._journeys = journeys
        self._realisation = realisation

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        request, response = journey_pb2.GetJourneyRequest, journey_pb2.GetJourneyResponse
        get = grpc.unary_unary_rpc_method_handler(self.get, request.FromString, response.SerializeToString)
        return grpc.method_handlers_generic_handler(SERVICE, {"GetJourney": get})

    async def get(self, request: journey_pb2.GetJourneyRequest, _context: Any) -> journey_pb2.GetJourneyResponse:
        """Tell of one resource."""
        noun = existing(self._committed.world, request.name)
        meta = noun.meta
        status = self._realisation.status(noun)
        response = journey_pb2.GetJourneyResponse(
            name=noun.name, generation=meta.generation, revision=meta.revision, status=status
        )
        response.update_time.FromNanoseconds(meta.update_time)
        for step in self._journeys.of(meta.revision, self._realisation.hosts_of(noun)):
            _add(response, step)
        if response.status.waiting_for:
            self._realisation.ask(noun)
        return response


def _add(response: journey_pb2.GetJourneyResponse, step: Step) -> None:
    stage = journey_pb2.JourneyStage.Value(f"JOURNEY_STAGE_{step.stage.name}")
    added = response.steps.add(stage=stage, host=f"hosts/{step.host}" if step.host else "")
    added.start_time.FromNanoseconds(int(step.began * NANOSECONDS))
    added.end_time.FromNanoseconds(int(step.ended * NANOSECONDS))
