"""OpenTelemetry, end to end: the real Terraform, the provider that it starts, a controller and OVN, and a collector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Central, Controller, central, controlling
from host_stream import host_stream
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp

from api import Api
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until
from terraform import Terraform

SECONDS = 30.0
STAGES = {f"headgate.{stage}" for stage in ("queue", "commit", "compile", "write", "translate", "realise")}
SERVICE = "/opentelemetry.proto.collector.trace.v1.TraceService"


class Collector:
    """Takes spans, and keeps them."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.spans: list[tuple[str, Any]] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        export = grpc.unary_unary_rpc_method_handler(
            self._export,
            otlp.ExportTraceServiceRequest.FromString,
            otlp.ExportTraceServiceResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE[1:], {"Export": export}),))
        self._server.add_insecure_port(self.address)
        self._server.start()

    def _export(self, request: Any, _context: Any) -> Any:
        for resource in request.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.extend((names["service.name"], span) for span in scope.spans)
        return otlp.ExportTraceServiceResponse()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def trace_of(self, call: str) -> list[tuple[str, Any]]:
        """Return all spans of the trace that holds a call of the API, the children after their parents."""
        roots = {span.trace_id for _, span in list(self.spans) if span.name == call}
        found = [(service, span) for service, span in list(self.spans) if span.trace_id in roots]
        return sorted(found, key=lambda item: item[1].start_time_unix_nano)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


def port_on_a_host(ovn: Central, controller: Controller, project: str) -> None:
    api = Api(controller.api)
    vpc = f"projects/{project}/vpcs/v"
    api.create(vpc)
    api.create(f"{vpc}/subnets/s", cidr="10.1.0.0/24")
    ovn.bind(api.create(f"{vpc}/subnets/s/ports/p").uid, "h1")
    api.close()


def test_one_trace_leads_from_terraform_to_the_host_that_carried_the_change_out(
    run_directory: Path, tmp_path: Path, project: str, installed_provider: dict[str, str], collector: Collector
) -> None:
    endpoint, directory = f"http://{collector.address}", tmp_path / "configuration"
    directory.mkdir()
    with (
        central(run_directory / "traces-ovn") as ovn,
        controlling(Controller(run_directory / "traces", ovn, telemetry_endpoint=endpoint)) as controller,
        host_stream(controller.hosts) as agent,
    ):
        # A host whose agent is away is not waited for.
        agent.hello("h1")
        agent.accept()
        port_on_a_host(ovn, controller, project)
        variables = {"HEADGATE_ENDPOINTS": controller.api, "HEADGATE_PROJECT": project}
        traced = installed_provider | variables | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        terraform = Terraform(directory, traced)
        terraform.write(
            f'resource "headgate_route" "r" {{\n  name = "r"\n  vpc = "projects/{project}/vpcs/v"\n'
            '  destination = "192.0.2.0/24"\n  next_hops = [{ ip = "10.1.0.9" }]\n}\n'
        )
        terraform.run("init", "-no-color")
        applying = threading.Thread(target=terraform.apply)
        applying.start()
        while applying.is_alive():
            ovn.confirm("h1")
            applying.join(0.1)
    call = "/headgate.v1.RouteService/CreateRoute"
    wait_until(lambda: {s.name for _, s in collector.trace_of(call)} >= STAGES, seconds=SECONDS, what="all stages")
    trace = collector.trace_of(call)
    by_id = {span.span_id: (service, span.name) for service, span in trace}
    parents = {(service, span.name): by_id.get(span.parent_span_id) for service, span in trace}
    shim, controlled = "headgate-terraform-provider", "headgate-controller"
    assert parents[(shim, "/tfplugin6.Provider/ApplyResourceChange")] is None
    assert parents[(controlled, call)] == (shim, call)
    assert {parents[(controlled, stage)] for stage in STAGES} == {(controlled, call)}
    realised = next(span for _, span in trace if span.name == "headgate.realise")
    assert {a.key: a.value.string_value for a in realised.attributes}["headgate.host"] == "h1"


def test_a_collector_that_is_not_there_holds_nothing_up(
    run_directory: Path, project: str, installed_provider: dict[str, str], tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    directory = tmp_path / "configuration"
    directory.mkdir()
    controller = Controller(run_directory / "untraced", telemetry_endpoint=nowhere)
    controller.start()
    try:
        variables = {"HEADGATE_ENDPOINTS": controller.api, "OTEL_EXPORTER_OTLP_ENDPOINT": nowhere}
        terraform = Terraform(directory, installed_provider | variables)
        terraform.write(
            f'provider "headgate" {{\n  project = "{project}"\n  wait = "none"\n}}\n'
            'resource "headgate_vpc" "v" {\n  name = "v"\n}\n'
        )
        terraform.run("init", "-no-color")
        assert "1 added" in terraform.apply()
        controller.stop()
    finally:
        controller.kill()


def test_an_endpoint_that_is_none_is_refused_at_start_with_the_form_that_is(run_directory: Path) -> None:
    controller = Controller(run_directory / "no-collector", telemetry_endpoint="localhost:4317")
    controller.launch()
    assert controller.status() != 0
    assert "telemetry_endpoint: 'localhost:4317' is no collector; write http://" in controller.said()
