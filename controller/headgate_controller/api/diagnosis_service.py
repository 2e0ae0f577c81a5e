"""DiagnosisService: runs the checks of the site and tells what they found."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import grpc

from headgate.v1 import diagnosis_pb2, types_pb2
from headgate_common.diagnosis import Finding, State

SERVICE = "headgate.v1.DiagnosisService"
SEVERITIES = {
    State.OK: types_pb2.SEVERITY_INFO,
    State.WARNING: types_pb2.SEVERITY_WARNING,
    State.FAILED: types_pb2.SEVERITY_ERROR,
}


class DiagnosisService:
    """Serves the checks."""

    def __init__(self, checks: Sequence[Callable[[], Iterable[Finding] | Awaitable[Iterable[Finding]]]]) -> None:
        self._checks = checks

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        request, response = diagnosis_pb2.GetDiagnosisRequest, diagnosis_pb2.GetDiagnosisResponse
        diagnose = grpc.unary_unary_rpc_method_handler(self.diagnose, request.FromString, response.SerializeToString)
        return grpc.method_handlers_generic_handler(SERVICE, {"GetDiagnosis": diagnose})

    async def diagnose(
        self, _request: diagnosis_pb2.GetDiagnosisRequest, _context: Any
    ) -> diagnosis_pb2.GetDiagnosisResponse:
        """Run every check; between two of them others are served."""
        response = diagnosis_pb2.GetDiagnosisResponse(version=importlib.metadata.version("headgate"))
        for check in self._checks:
            findings = check()
            for found in await findings if isinstance(findings, Awaitable) else findings:
                response.findings.add(
                    check=found.check, severity=SEVERITIES[found.state], text=found.text, fix=found.fix
                )
            await asyncio.sleep(0)
        return response
