"""TraceService: what becomes of a packet, told in the names that users gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import grpc

from headgate.v1 import trace_pb2
from headgate_controller.addresses import V4, V6, Address, parse_address
from headgate_controller.api.callers import caller
from headgate_controller.api.veil import HIDDEN, Veil
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.nouns.port import Port
from headgate_controller.state import Committed
from headgate_controller.tracing import output, packet
from headgate_controller.tracing.output import Verdict
from headgate_controller.tracing.packet import Packet
from headgate_controller.world import World

SERVICE = "headgate.v1.TraceService"
OUTSIDE = "192.0.2.1"
PROTOCOLS = {0: packet.ICMP, 1: packet.ICMP, 2: packet.TCP, 3: packet.UDP}
LARGEST_PORT = 65_535

RowOf = Callable[[str], str | None]
"""Returns the key of our Northbound row whose UUID begins so."""


class Tracer(Protocol):
    """Answers what the data plane does with a packet."""

    async def trace(self, packet: Packet) -> str:
        """Return what ovn-trace prints for a packet."""

    async def rows_behind(self, stages: Iterable[str]) -> Mapping[str, str]:
        """Return, for each flow of some stages by the beginning of its UUID, the beginning of its Northbound row's."""


class TraceService:
    """Serves questions about packets."""

    def __init__(self, committed: Committed, tracer: Tracer, row_of: RowOf) -> None:
        self._committed = committed
        self._tracer = tracer
        self._row_of = row_of

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        trace = grpc.unary_unary_rpc_method_handler(
            self.trace, trace_pb2.TraceRequest.FromString, trace_pb2.TraceResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Trace": trace})

    async def trace(self, request: trace_pb2.TraceRequest, _context: Any) -> trace_pb2.TraceResponse:
        """Follow a packet there and back."""
        world = self._committed.world
        if request.verbose and caller.get().projects is not None:
            text = "What ovn-trace says shows addresses of others; ask without it, or with a token for all projects."
            raise InvalidError("", [Violation("verbose", "NOT_PERMITTED", text)])
        there = _asked(world, request)
        journey, leg = await self._leg(world, there, verbose=request.verbose)
        response = trace_pb2.TraceResponse(legs=[leg])
        back = packet.answer(world, there, _end(world, journey), (journey.source, journey.destination))
        if journey.verdict is Verdict.LEAVES and back is None:
            response.legs[0].reason += " Answers come back by the translation of their connection."
        elif journey.verdict in (Verdict.DELIVERED, Verdict.LEAVES) and back is not None:
            response.legs.append((await self._leg(world, back, verbose=request.verbose))[1])
            if leg.end == HIDDEN:
                response.legs[1].packet = f"the answer to {there}"
        return response

    async def _leg(self, world: World, sent: Packet, *, verbose: bool) -> tuple[output.Journey, trace_pb2.TraceLeg]:
        said = await self._tracer.trace(sent)
        journey = output.read(said, sent.source, sent.destination, sent.inport)
        hints = await self._tracer.rows_behind(step.stage for step in journey.steps if step.flow)
        leg = trace_pb2.TraceLeg(packet=str(sent), verdict=f"VERDICT_{journey.verdict.name}", reason=journey.reason)
        veil = Veil(caller.get())
        leg.end = veil.over(_end(world, journey))
        leg.output = said if verbose else ""
        for step in journey.steps:
            decider = self._decider(world, step, hints)
            shown = veil.over(decider)
            # What others' resources do shows their addresses, unless it is told in general.
            action = step.action if shown == decider else output.DECIDING.get(step.stage, step.action)
            leg.steps.add(resource=shown, action=action, stage=step.stage)
        return journey, leg

    def _decider(self, world: World, step: output.Step, hints: Mapping[str, str]) -> str:
        """Return the resource behind a step: whose row it is, or else the one whose datapath it happens in."""
        key = self._row_of(hints[step.flow]) if step.flow in hints else None
        return (key and _resource(world, key)) or _resource(world, step.datapath) or ""


def _asked(world: World, request: trace_pb2.TraceRequest) -> Packet:
    """Return the packet that a request asks about.

    Raises:
        InvalidError: there is no such packet.
    """
    faults = []
    if request.protocol not in PROTOCOLS:
        faults.append(Violation("protocol", "UNKNOWN_VALUE", f"{request.protocol} is none of icmp, tcp, udp."))
    if request.destination_port > LARGEST_PORT:
        faults.append(Violation("destination_port", "OUT_OF_RANGE", f"{request.destination_port} is no port."))
    if faults:
        raise InvalidError("", faults)
    source = world.get(Port, request.source)
    if source is not None:
        destination = packet.address_of(world, request.destination, V6 if source.ip is None else V4)
        found = packet.from_port(world, request.source, destination)
    else:
        destination = packet.outside_address_of(world, request.destination, request.source)
        found = packet.from_outside(world, request.source, destination, _source_address(request))
    return replace(
        found, protocol=PROTOCOLS[request.protocol], destination_port=request.destination_port or found.destination_port
    )


def _source_address(request: trace_pb2.TraceRequest) -> Address:
    try:
        return parse_address(request.source_address or OUTSIDE)
    except ValueError as error:
        text = f"{request.source_address!r} is not an IP address: {error}."
        raise InvalidError("", [Violation("source_address", "BAD_FORMAT", text)]) from error


def _end(world: World, journey: output.Journey) -> str:
    """Return the resource at which a packet ended; ovn-trace shortens the name of a port, which is a UUID."""
    if journey.verdict is Verdict.DELIVERED:
        ports = (world.get(Port, name) for name in world.group("referrers", journey.steps[-1].datapath))
        for port in ports:
            if port is not None and port.iface_id.startswith(journey.end):
                return port.name
    return _resource(world, journey.end) or journey.end


def _resource(world: World, key: str) -> str | None:
    """Return the resource whose row has this key: its name, perhaps with the row's part of it behind."""
    parts = key.split("/")
    names = ("/".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((name for name in names if name in world.resources), None)
