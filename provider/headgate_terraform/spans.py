"""Spans of OpenTelemetry, where the environment of Terraform names a collector."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate_common.telemetry import Telemetry

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that names it. Source: OpenTelemetry, "OTLP Exporter Configuration"."""


def telemetry_of(environment: Mapping[str, str]) -> "Telemetry | None":
    """Return what sends spans; None if nobody wants them, or if they cannot be sent: Terraform's log says why."""
    endpoint = environment.get(ENDPOINT, "")
    if not endpoint:
        return None
    from headgate_common.telemetry import Telemetry, TelemetryError

    try:
        return Telemetry("headgate-terraform-provider", endpoint)
    except TelemetryError as error:
        print(f"[WARN] {ENDPOINT}: {error}", file=sys.stderr)
        return None
