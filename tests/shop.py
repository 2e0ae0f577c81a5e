"""The network that most system tests start from: a VPC with two subnets on three hosts, behind an external subnet."""

from dataclasses import dataclass
from typing import Any

from api import Api
from headgate_lab import Lab

POOL = [{"start": "203.0.113.10", "end": "203.0.113.99"}]
VLAN = {"physicalNetwork": "provider", "id": 200}


@dataclass(frozen=True, slots=True)
class Shop:
    """Names of what `open_shop` made, and the addresses that the platform chose."""

    project: str
    vpc: str
    web: str
    db: str
    internet: str
    router_ip: str
    ports: dict[str, Any]


def open_shop(api: Api, lab: Lab, project: str) -> Shop:
    """Create the network, plug web1 (h1), web2 (h2), web3 (h1) and db1 (h3), and return when it is realised."""
    internet = f"projects/{project}/subnets/internet"
    external = {"vlan": VLAN, "cidr": "203.0.113.0/24", "gateway": "203.0.113.1", "pools": POOL}
    api.create(internet, **external, external={"mode": "MODE_NAT"})
    vpc = api.create(f"projects/{project}/vpcs/shop", externalSubnets={"internet": {"subnet": internet}})
    web, db = f"{vpc.name}/subnets/web", f"{vpc.name}/subnets/db"
    api.create(web, cidr="10.1.0.0/24")
    api.create(db, cidr="10.2.0.0/24")
    api.create(f"{vpc.name}/routes/default", destination="0.0.0.0/0", nextHops=[{"externalSubnet": internet}])
    places = {"web1": (web, "h1"), "web2": (web, "h2"), "web3": (web, "h1"), "db1": (db, "h3")}
    ports = {name: plug(api, lab, f"{subnet}/ports/{name}", host) for name, (subnet, host) in places.items()}
    answer = api.realised(vpc.name)
    assert answer.realised, answer
    router = vpc.external_subnets["internet"].router_ips[0]
    return Shop(project, vpc.name, web, db, internet, router, ports)


def plug(api: Api, lab: Lab, name: str, host: str, workload: str = "", **fields: Any) -> Any:
    """Create a port, start a workload on a host, plug it in, and return the port."""
    port = api.create(name, **fields)
    subnet = api.get(name.rsplit("/", 2)[0])
    address = f"{port.ip}/{subnet.cidr.split('/')[1]}"
    gateway = subnet.gateway if "/vpcs/" in name else None
    lab.workload(
        workload or name.rsplit("/", 1)[1], host=host, port=port.iface_id, mac=port.mac, ip=address, gateway=gateway
    )
    return port
