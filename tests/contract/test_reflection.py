"""The whole API by reflection alone: `buf curl` without any file, over loopback TCP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from api import Api

Curl = Callable[..., Any]


def test_a_network_is_made_realised_and_deleted_without_any_file(curl: Curl, api: Api, project: str) -> None:
    services = curl("", "--list-services").split()
    kinds = ("FloatingIp", "Host", "Port", "Route", "Subnet", "Vpc")
    assert {f"headgate.v1.{kind}Service" for kind in kinds} | {"headgate.v1.IntentService"} <= set(services)
    vpc = f"projects/{project}/vpcs/shop"
    made = json.loads(
        curl("/headgate.v1.VpcService/CreateVpc", parent=f"projects/{project}", vpcId="shop", vpc={"displayName": "x"})
    )
    assert (made["name"], made["displayName"]) == (vpc, "x")
    subnet = {"parent": vpc, "subnetId": "web", "subnet": {"cidr": "10.1.0.0/24"}}
    assert json.loads(curl("/headgate.v1.SubnetService/CreateSubnet", **subnet))["gateway"] == "10.1.0.1"
    answer = json.loads(curl("/headgate.v1.IntentService/AwaitRealised", name=f"{vpc}/subnets/web", deadline="20s"))
    assert answer["realised"] is True
    refused = curl("/headgate.v1.SubnetService/CreateSubnet", **subnet | {"subnetId": "db"}, expect=1)
    for word in ("invalid_argument", "google.rpc.BadRequest", "cidr: 10.1.0.0/24 overlaps", "choose another range"):
        assert word in refused
    curl("/headgate.v1.SubnetService/DeleteSubnet", name=f"{vpc}/subnets/web")
    curl("/headgate.v1.VpcService/DeleteVpc", name=vpc)
    assert list(api.names(f"projects/{project}/")) == []


def test_every_service_says_that_it_serves(api: Api) -> None:
    stub = health_pb2_grpc.HealthStub(api.channel)
    services = [f"headgate.v1.{name}Service" for name in ("Vpc", "Subnet", "Port", "Route", "FloatingIp", "Host")]
    for service in ("", "headgate.v1.IntentService", *services):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
