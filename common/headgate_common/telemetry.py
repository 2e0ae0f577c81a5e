"""OpenTelemetry: spans of what a program does, sent to a collector that speaks OTLP over gRPC.

Its packages are an extra, and are imported only where a collector is configured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NANOSECONDS = 1_000_000_000
SEND_SECONDS = 1.0
"""How long a collector may take to accept spans; a program that ends waits no longer for it."""


class TelemetryError(Exception):
    """Spans cannot be sent; the message says what to do."""


class Telemetry:
    """The spans of one program."""

    def __init__(self, service: str, endpoint: str) -> None:
        """Send them to `endpoint`, "http://address:port" or, with TLS, "https://address:port".

        Raises:
            TelemetryError: the packages are not there, or the endpoint is of another form.
        """
        if not endpoint.startswith(("http://", "https://")):
            raise TelemetryError(f"{endpoint!r} is no collector; write http://address:4317, or https:// for TLS.")
        try:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            text = f'The Python package {error.name} is missing: install headgate with its extra "telemetry".'
            raise TelemetryError(text) from error
        exporter = OTLPSpanExporter(endpoint, insecure=endpoint.startswith("http://"), timeout=SEND_SECONDS)
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def server_interceptors(self) -> Sequence[Any]:
        """Return what makes a span of each call that a server of grpc.aio answers, under the caller's."""
        from opentelemetry.instrumentation.grpc import aio_server_interceptor

        return [aio_server_interceptor(tracer_provider=self._provider)]  # type: ignore[no-untyped-call]

    def client_interceptors(self) -> Sequence[Any]:
        """Return what makes a span of each call over a channel of grpc.aio, and tells the server of it."""
        from opentelemetry.instrumentation.grpc import aio_client_interceptors

        return list(aio_client_interceptors(tracer_provider=self._provider))  # type: ignore[no-untyped-call]

    def current(self) -> str:
        """Return the span in progress as a `traceparent`; empty if there is none.

        Source: W3C Trace Context.
        """
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        return carrier.get("traceparent", "")

    def record(self, name: str, parent: str, began: float, ended: float, facts: Mapping[str, str | int]) -> None:
        """Make a span, under the one that `parent` names, of what is over; times in seconds since the epoch."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract({"traceparent": parent})
        tracer = self._provider.get_tracer("headgate")
        span = tracer.start_span(name, context, attributes=dict(facts), start_time=int(began * NANOSECONDS))
        span.end(int(ended * NANOSECONDS))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
