"""What a trace tells whom: a caller learns where a packet goes, and no address of another project."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from kind_site import INTERNET, SUBNET, VPC, connected

from headgate.v1 import trace_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.trace_service import TraceService
from headgate_controller.principal import ADMINISTRATOR, Principal
from headgate_controller.state import Committed
from headgate_controller.tracing.packet import Packet

PORT, FLOATING = f"{SUBNET}/ports/web", "projects/p/floatingIps/web"
STRANGER = Principal("tokens/t", frozenset({"q"}), writes=False)
INNER = "10.1.0.2"


class Scripted:
    """Stands for ovn-trace: a packet from outside is translated by the router of a VPC, and delivered."""

    def __init__(self, iface_id: str) -> None:
        self._iface_id = iface_id

    async def trace(self, packet: Packet) -> str:
        return (
            f'ingress(dp="{VPC}", inport="x")\n'
            f" 7. lr_in_dnat (northd.c:1): ip && ip4.dst == {packet.destination}, priority 100, uuid a3a19dc9\n"
            f"    ct_dnat({INNER});\n"
            f'ingress(dp="{SUBNET}", inport="y")\n'
            f'    /* output to "{self._iface_id[:6]}", type "" */\n'
        )

    async def rows_behind(self, stages: Iterable[str]) -> Mapping[str, str]:
        return {}


def traced(principal: Principal) -> trace_pb2.TraceResponse:
    site = connected()
    port = site.create(PORT, ip=INNER)
    site.create(FLOATING, external_subnet=INTERNET, port=PORT, ip="203.0.113.50")
    service = TraceService(Committed(site.world), Scripted(port.iface_id), lambda _: None)
    request = trace_pb2.TraceRequest(source=INTERNET, destination="203.0.113.50")

    async def scenario() -> trace_pb2.TraceResponse:
        caller.set(principal)
        return await service.trace(request, None)

    return asyncio.run(scenario())


def test_whoever_sees_the_resources_on_the_way_is_told_what_they_do() -> None:
    there, back = traced(ADMINISTRATOR).legs
    assert there.end == PORT
    assert (there.steps[1].resource, there.steps[1].action) == (VPC, f"translates its destination to {INNER}")
    assert back.packet == f"ping {INNER} > 192.0.2.1"


def test_no_address_behind_a_resource_of_another_project_is_told() -> None:
    response = traced(STRANGER)
    there = response.legs[0]
    assert there.end == there.steps[1].resource == "a resource of another project"
    assert (there.steps[0].action, there.steps[1].action) == ("enters", "translates its destination")
    assert len(response.legs) == 2
    assert INNER not in str(response)
    assert "projects/p" not in str(response)
