"""Waiting until the data plane does what the intent says."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import typer

from headgate.v1 import intent_pb2, types_pb2
from headgate_cli.api import CALL_SECONDS, Api
from headgate_cli.errors import CliError, Status
from headgate_cli.kinds import intent_method
from headgate_cli.names import shorten
from headgate_cli.screen import note

AT_ONCE = 0.2
"""Seconds before a deadline from which on an answer counts as given because of it."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What has not confirmed a resource yet, and why; `away` hosts are not waited for."""

    name: str
    words: str
    away: bool


@dataclass(slots=True)
class Waited:
    """What came of waiting: what is missing still, and conditions that may need somebody to act."""

    lags: list[Lag] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)


def await_realised(
    api: Api, resources: Iterable[Any], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Waited:
    """Return what is missing of the generations of these resources, once only hosts that are away are, or at last
    after `seconds`.
    """
    end, waited = clock() + seconds, Waited()
    for resource in resources:
        _await_one(api, resource, end, clock, waited)
    return waited


def _await_one(api: Api, resource: Any, end: float, clock: Callable[[], float], waited: Waited) -> None:
    request = intent_pb2.AwaitRealisedRequest(name=resource.name, generation=resource.generation)
    left = max(end - clock(), 0.0)
    request.deadline.FromMicroseconds(int(left * 1e6))
    answer = api.call(intent_method("AwaitRealised"), request, left + CALL_SECONDS)
    told = (c for c in answer.status.conditions if c.severity != types_pb2.SEVERITY_INFO)
    waited.conditions += [f"{resource.name}: {condition.reason}: {condition.message}" for condition in told]
    away = clock() < end - AT_ONCE
    for lag in answer.status.waiting_for if not answer.realised else ():
        words = f"{shorten(lag.host, '')}: {lag.reason}" if lag.host else lag.reason
        waited.lags.append(Lag(resource.name, words, away))


def report(waited: Waited, seconds: float) -> None:
    """Say what has become of waiting.

    Raises:
        CliError: something is missing that was waited for.
    """
    if waited.conditions:
        note("\n".join(["Take note:", *(f"  {condition}" for condition in waited.conditions)]))
    late = [f"  {lag.name}: {lag.words}" for lag in waited.lags if not lag.away]
    if late:
        words = f"Accepted, and not realised within {seconds:g} s:"
        raise CliError("\n".join([words, *late, "`headgate wait` goes on waiting."]), Status.TIMEOUT)
    away = sorted({lag.words for lag in waited.lags})
    if away:
        typer.echo(
            "\n".join(
                ["Realised, but for hosts that are away and follow when they are back:", *(f"  {w}" for w in away)]
            )
        )
    else:
        typer.echo("Realised.")
