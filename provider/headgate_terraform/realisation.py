"""Waiting until the data plane does what was asked for."""

import time
from typing import Any

import grpc
import grpc.aio

from headgate.v1 import intent_pb2
from headgate_terraform.client import Client
from headgate_terraform.interruption import InterruptedByUserError
from headgate_terraform.kinds import find_method
from headgate_terraform.paths import Problem, Severity

SLACK_SECONDS = 2.0
"""How much later than the deadline the controller's answer to it may arrive."""


async def await_realised(client: Client, message: Any, *, until: float) -> list[Problem]:
    """Return nothing once `message` is realised; else, at `until`, a warning that says what is missing.

    Never an error: the resource exists as intended, and tainting it would have it replaced.
    """
    method = find_method(intent_pb2.DESCRIPTOR, "IntentService", "AwaitRealised")
    request = intent_pb2.AwaitRealisedRequest(name=message.name, generation=message.generation)
    request.deadline.FromMilliseconds(max(1, int(1000 * (until - time.monotonic()))))
    try:
        answer = await client.call(method, request, until=until + SLACK_SECONDS, grace=0)
    except grpc.aio.AioRpcError as error:
        return [_warning(message.name, f"Whether it is realised could not be found out: {error.details()}")]
    except InterruptedByUserError:
        return [_warning(message.name, "The wait was stopped.")]
    return [] if answer.realised else [_warning(message.name, _missing(answer))]


def _missing(answer: intent_pb2.AwaitRealisedResponse) -> str:
    lags = [f"- {lag.host}: {lag.reason}" for lag in answer.status.waiting_for]
    conditions = [f"- {condition.reason}: {condition.message}" for condition in answer.status.conditions]
    return "\n".join(lags + conditions) or "The controller did not say what is missing."


def _warning(name: str, detail: str) -> Problem:
    words = f"{name} is stored, but the network does not follow yet.\n\n{detail}"
    return Problem("Not realised yet", words, severity=Severity.WARNING)
