"""What a site is filled with to be measured: one VPC, subnets of equal size, and ports with addresses of their own."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.v1 import intent_pb2
from headgate.v1.port_pb2 import Port
from headgate.v1.subnet_pb2 import Subnet
from headgate.v1.vpc_pb2 import Vpc
from headgate_sdk import Client, creation

VPC = "projects/bench/vpcs/v"
BATCH = 500


def fill(client: Client, *, ports: int, subnets: int) -> None:
    """Create all of it, by way of the API."""
    networks = [creation(Vpc(name=VPC)), *(creation(_subnet(number)) for number in range(subnets))]
    for start in range(0, len(networks), BATCH):
        client.batch(*networks[start : start + BATCH])
    for start in range(0, ports, BATCH):
        client.batch(*port_creations(range(start, min(start + BATCH, ports)), subnets))


def port_creations(numbers: Sequence[int], subnets: int) -> list[intent_pb2.Mutation]:
    """Return what creates the ports of these numbers, dealt out to the subnets in turn."""
    return [creation(Port(name=port_name(number, subnets))) for number in numbers]


def port_name(number: int, subnets: int) -> str:
    """Return the name of a port."""
    return f"{VPC}/subnets/s{number % subnets}/ports/p{number}"


def _subnet(number: int) -> Subnet:
    return Subnet(name=f"{VPC}/subnets/s{number}", cidr=f"10.{number}.0.0/16")
