"""Waiting until the data plane does what the intent says."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import typer

from headgate.v1 import intent_pb2
from headgate_cli.api import CALL_SECONDS, Api
from headgate_cli.errors import CliError, Status
from headgate_cli.kinds import intent_method
from headgate_cli.names import shorten

AT_ONCE = 0.2
"""Seconds before a deadline from which on an answer counts as given because of it."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What has not confirmed a resource yet, and why; `away` hosts are not waited for."""

    name: str
    words: str
    away: bool


def lags(api: Api, resources: Iterable[Any], seconds: float, clock: Callable[[], float] = time.monotonic) -> list[Lag]:
    """Return what is missing of the generations of these resources, once only hosts that are away are, or at last
    after `seconds`.
    """
    end = clock() + seconds
    return [lag for resource in resources for lag in _of(api, resource, end, clock)]


def _of(api: Api, resource: Any, end: float, clock: Callable[[], float]) -> Iterator[Lag]:
    request = intent_pb2.AwaitRealisedRequest(name=resource.name, generation=resource.generation)
    left = max(end - clock(), 0.0)
    request.deadline.FromMicroseconds(int(left * 1e6))
    answer = api.call(intent_method("AwaitRealised"), request, left + CALL_SECONDS)
    if answer.realised:
        return
    away = clock() < end - AT_ONCE
    for lag in answer.status.waiting_for:
        yield Lag(resource.name, f"{shorten(lag.host, '')}: {lag.reason}" if lag.host else lag.reason, away)


def report(found: list[Lag], seconds: float) -> None:
    """Say what has become of waiting.

    Raises:
        CliError: something is missing that was waited for.
    """
    late = [f"  {lag.name}: {lag.words}" for lag in found if not lag.away]
    if late:
        words = f"Accepted, and not realised within {seconds:g} s:"
        raise CliError("\n".join([words, *late, "`headgate wait` goes on waiting."]), Status.TIMEOUT)
    away = sorted({lag.words for lag in found})
    if away:
        typer.echo(
            "\n".join(
                ["Realised, but for hosts that are away and follow when they are back:", *(f"  {w}" for w in away)]
            )
        )
    else:
        typer.echo("Realised.")
