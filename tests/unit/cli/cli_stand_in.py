"""A stand-in for a controller that holds resources in memory, and a way to run the command line against it."""

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from headgate.v1 import floating_ip_pb2, host_pb2, intent_pb2, port_pb2, subnet_pb2, types_pb2, vpc_pb2
from headgate_cli.connection import Connection
from headgate_cli.errors import NotFoundError
from headgate_cli.refusals import RefusedError
from headgate_common.methods import Method

PAGE = 2
"""Small, so that every list has several pages."""


@dataclass
class StandIn:
    """Answers the standard methods of any kind; `users` says who refers to what."""

    resources: dict[str, Any] = field(default_factory=dict)
    users: dict[str, list[str]] = field(default_factory=dict)
    endpoints: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)

    def dial(self, connection: Connection) -> "StandIn":
        self.endpoints = list(connection.endpoints)
        return self

    def add(self, resource: Any, *used_by: str) -> None:
        self.resources[resource.name] = resource
        self.users[resource.name] = list(used_by)

    def call(self, method: Method, request: Any, seconds: float = 0) -> Message:
        verb = method.path.rsplit("/", 1)[1]
        if verb.startswith("List"):
            return self._list(method, request)
        if verb == "AwaitRealised":
            self.resources[request.name].reconciling = False
            return intent_pb2.AwaitRealisedResponse(realised=True)
        if request.name not in self.resources:
            raise NotFoundError(f"There is no {request.name}.")
        return self._delete(request) if verb.startswith("Delete") else self.resources[request.name]

    def _list(self, method: Method, request: Any) -> Message:
        page: Any = method.response()
        self.filters += [request.filter] if getattr(request, "filter", "") else []
        wanted = getattr(request, "parent", "").split("/")
        listed = getattr(page, page.DESCRIPTOR.fields[0].name)
        kind = page.DESCRIPTOR.fields[0].message_type.full_name
        found = [r for r in self.resources.values() if r.DESCRIPTOR.full_name == kind and _within(r.name, wanted)]
        start = int(request.page_token or 0)
        listed.extend(found[start : start + PAGE])
        page.next_page_token = str(start + PAGE) if start + PAGE < len(found) else ""
        return page

    def _delete(self, request: Any) -> Message:
        if self.users[request.name] and not request.when_unreferenced:
            raise RefusedError("It is used.", "IN_USE", {"referrers": ",".join(self.users[request.name])})
        if not request.validate_only:
            if self.users[request.name]:
                self.resources[request.name].state = types_pb2.STATE_DELETING
            else:
                del self.resources[request.name]
        return Empty()


def _within(name: str, wanted: list[str]) -> bool:
    parent = name.split("/")[:-2] or [""]
    return len(parent) == len(wanted) and all(w in ("-", p) for p, w in zip(parent, wanted, strict=True))


def shop() -> StandIn:
    """A project with a bit of everything, and a second one with a VPC of the same id."""
    server, p = StandIn(), "projects/default"
    attachment = vpc_pb2.ExternalAttachment(subnet=f"{p}/subnets/internet", snat_ips=["203.0.113.10"])
    vpc = vpc_pb2.Vpc(name=f"{p}/vpcs/shop", generation=3, state=types_pb2.STATE_ACTIVE)
    vpc.external_subnets["internet"].CopyFrom(attachment)
    server.add(vpc, f"{p}/vpcs/shop/subnets/web", f"{p}/vpcs/shop/routes/default")
    server.add(vpc_pb2.Vpc(name="projects/other/vpcs/shop", state=types_pb2.STATE_ACTIVE))
    vlan = subnet_pb2.Vlan(physical_network="provider", id=0)
    external = subnet_pb2.External(mode=subnet_pb2.External.MODE_NAT)
    server.add(subnet_pb2.Subnet(name=f"{p}/subnets/internet", vlan=vlan, cidr="203.0.113.0/24", external=external))
    for vpc_id in ("shop", "bank", "lab"):
        server.add(subnet_pb2.Subnet(name=f"{p}/vpcs/{vpc_id}/subnets/web", cidr="10.1.0.0/24"))
    waiting = types_pb2.Status(waiting_for=[types_pb2.HostLag(host="hosts/h2", reason="behind")])
    port = port_pb2.Port(name=f"{p}/vpcs/shop/subnets/web/ports/web1", ip="10.1.0.2", reconciling=True, status=waiting)
    server.add(port, f"{p}/floatingIps/web1")
    server.add(floating_ip_pb2.FloatingIp(name=f"{p}/floatingIps/web1", ip="203.0.113.11", port=port.name))
    server.add(host_pb2.Host(name="hosts/h1", tunnel_ip="172.31.0.11", physical_networks={"provider": "br-ext"}))
    return server
