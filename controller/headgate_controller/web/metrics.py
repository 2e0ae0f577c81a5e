"""Metrics of the controller, as Prometheus reads them; `python -m headgate_controller.web.metrics` prints their page.

What happens is counted where it happens, through the callables that the parts of the controller offer; what merely is,
is asked of them when somebody reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as rendered
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headgate_controller.journeys import Stage, Step
from headgate_controller.principal import SITE, Access
from headgate_controller.rpc_guard import Outcome
from headgate_controller.web.callers import Callers

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of buckets, in seconds."""

PAGE = """\
# Metrics of the controller

Generated from the program by `./dev gen`. They are served at `/metrics` of `http_listen`, in the text format of
Prometheus, to callers with a token that may see the whole site (`headgate token create prometheus --all-projects`), or
by the unix socket to whoever can open it:

```yaml
scrape_configs:
  - job_name: headgate
    authorization: {credentials_file: /etc/prometheus/headgate.token}
    static_configs: [{targets: ["127.0.0.1:7480"]}]
```

[grafana-headgate.json](grafana-headgate.json) is a dashboard for Grafana that shows them. Those of the process itself
(`process_*`) are as everywhere.

| name | type | labels | what it tells |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is asked when somebody reads; each answers at once."""

    revision: Callable[[], int]
    waiting: Callable[[], int]
    resources: Callable[[], Mapping[str, int]]
    hosts_connected: Callable[[], int]
    host_lags: Callable[[], Mapping[str, int]]
    rows_refused: Callable[[], int]
    northbound_in_step: Callable[[], bool]
    southbound_connected: Callable[[], bool]


class Metrics:
    """The metrics of one controller, in a registry of their own."""

    def __init__(self, sources: Sources | None) -> None:
        """Begin to count; a controller that does not lead has no sources."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Present(sources))
        seconds = Histogram(
            "headgate_stage_seconds",
            "How long changes take, by stage: `queue` until its commit begins, `commit` validating a group of requests "
            "and writing it to disk, `compile` what one or several revisions changed, `write` into Northbound; from "
            "there, when somebody waits, `translate` into Southbound by northd, and `realise` by each host.",
            ["stage"],
            buckets=FAST,
            registry=registry,
        )
        self._stages = {stage: seconds.labels(stage) for stage in Stage}
        self.plan_rows = Counter(
            "headgate_plan_rows_total", "Changes of Northbound's rows that were written.", ["op"], registry=registry
        )
        self.repaired_rows = Counter(
            "headgate_repaired_rows_total",
            "Of these, changes that put right what somebody else had changed.",
            registry=registry,
        )
        self.host_answer_seconds = Histogram(
            "headgate_host_answer_seconds",
            "How long agents took to take what their hosts are to be, from when that was due to be sent.",
            buckets=FAST,
            registry=registry,
        )
        self.rpc_seconds = Histogram(
            "headgate_rpc_seconds",
            "Calls that ended, by method and gRPC status; the time of streams is how long they were open.",
            ["method", "code"],
            buckets=FAST,
            registry=registry,
        )
        self.rpc_streams = Gauge(
            "headgate_rpc_streams", "Streams that are open now, by method.", ["method"], registry=registry
        )

    def note_step(self, step: Step) -> None:
        """Count a stage that a change has passed."""
        self._stages[step.stage].observe(step.seconds)

    def note_written(self, changes: Mapping[str, int]) -> None:
        """Count what was written to Northbound, by kind of change."""
        for op, count in changes.items():
            self.plan_rows.labels(op).inc(count)

    @contextmanager
    def watch(self, method: str, *, streams: bool) -> Iterator[Outcome]:
        """Stand around a call, and count it when it ends."""
        outcome, started = Outcome(), time.perf_counter()
        open_now = self.rpc_streams.labels(method) if streams else None
        if open_now is not None:
            open_now.inc()
        try:
            yield outcome
        except BaseException as error:
            if outcome.code == "OK":
                outcome.code = "CANCELLED" if isinstance(error, asyncio.CancelledError) else "UNKNOWN"
            raise
        finally:
            self.rpc_seconds.labels(method, outcome.code).observe(time.perf_counter() - started)
            if open_now is not None:
                open_now.dec()

    def route(self, callers: Callers) -> Route:
        """Return the route by which they are read."""

        async def serve(request: Request) -> Response:
            callers.check(request, Access.READ, SITE)
            return Response(rendered(self.registry), media_type=CONTENT_TYPE_LATEST)

        return Route("/metrics", serve)


class _Present(Collector):
    """What is so at the moment."""

    def __init__(self, sources: Sources | None) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Any]:
        ask = self._sources
        leading = "1 on the controller that leads the site, 0 on one that stands by and has nothing else to tell."
        yield _one("headgate_leading", leading, ask is not None)
        if ask is None:
            return
        yield _one("headgate_revision", "The revision of the intent that is committed.", ask.revision())
        yield _one("headgate_commit_queue_requests", "Requests that wait for their commit.", ask.waiting())
        yield _each("headgate_resources", "Resources that there are, by type.", "kind", ask.resources())
        yield _one("headgate_hosts_connected", "Hosts whose agent is connected.", ask.hosts_connected())
        lags = "Revisions by which a host is behind what it was last asked to confirm."
        yield _each("headgate_host_lag_revisions", lags, "host", ask.host_lags())
        yield _one("headgate_rows_refused", "Rows that Northbound does not take.", ask.rows_refused())
        in_step = "1 while Northbound is connected and was compared, else 0."
        yield _one("headgate_northbound_in_step", in_step, ask.northbound_in_step())
        yield _one(
            "headgate_southbound_connected", "1 while Southbound is connected, else 0.", ask.southbound_connected()
        )


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, float(value))


def _each(name: str, text: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def page() -> str:
    """Return the page about the metrics."""
    return PAGE + "".join(
        f"| `{name}` | {kind} | {labels} | {text} |\n" for name, kind, labels, text in sorted(_rows())
    )


def _rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, labels and meaning of each metric."""
    nothing = Sources(
        revision=int,
        waiting=int,
        resources=lambda: {"": 0},
        hosts_connected=int,
        host_lags=lambda: {"": 0},
        rows_refused=int,
        northbound_in_step=bool,
        southbound_connected=bool,
    )
    metrics = Metrics(nothing)
    metrics.note_written({"": 0})
    with metrics.watch("", streams=True):
        pass
    for family in metrics.registry.collect():
        if family.name.startswith("headgate_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
            yield name, family.type, ", ".join(f"`{label}`" for label in labels), family.documentation


if __name__ == "__main__":
    print(page(), end="")
