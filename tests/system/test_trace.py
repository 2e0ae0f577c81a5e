"""`headgate trace`: what the network would do with a packet, told in the names of resources, and true."""

import subprocess
import sys

import pytest

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import reach
from headgate_lab.waiting import wait_until
from shop import Shop, open_shop


@pytest.fixture
def shop(lab: Lab, api: Api, project: str) -> Shop:
    """A network that works; web1 has a floating IP."""
    shop = open_shop(api, lab, project)
    internet = f"projects/{project}/subnets/internet"
    api.create(f"projects/{project}/floatingIps/web1", externalSubnet=internet, port=shop.ports["web1"].name)
    api.realised(f"projects/{project}/floatingIps/web1")
    lab.expect(reach("web1", "internet"), reach("db1", "internet")).within(seconds=20)
    return shop


def trace(lab: Lab, project: str, *words: str, status: int = 0) -> list[str]:
    """Return what `headgate trace` prints, line by line."""
    assert lab.controller is not None
    command = [sys.executable, "-m", "headgate_cli", "trace", *words, "-p", project, "--endpoint", lab.controller.api]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return (done.stdout or done.stderr).splitlines()


def test_a_trace_tells_the_way_there_and_back_in_the_names_of_resources(lab: Lab, shop: Shop, project: str) -> None:
    assert trace(lab, project, "web1", "db1", "--tcp", "80") == [
        "there: tcp 10.1.0.2:40000 > 10.2.0.2:80",
        "  vpcs/shop/subnets/web  enters",
        "  vpcs/shop              enters",
        "  vpcs/shop/subnets/db   routes 10.2.0.0/24, directly connected",
        "  vpcs/shop/subnets/db   enters",
        "  => delivered: vpcs/shop/subnets/db/ports/db1. It is delivered.",
        "",
        "back: tcp 10.2.0.2:80 > 10.1.0.2:40000",
        "  vpcs/shop/subnets/db   enters",
        "  vpcs/shop              enters",
        "  vpcs/shop/subnets/web  routes 10.1.0.0/24, directly connected",
        "  vpcs/shop/subnets/web  enters",
        "  => delivered: vpcs/shop/subnets/web/ports/web1. It is delivered.",
    ]


def test_within_a_subnet_a_trace_passes_no_router(lab: Lab, shop: Shop, project: str) -> None:
    assert trace(lab, project, "web1", "web2") == [
        "there: ping 10.1.0.2 > 10.1.0.3",
        "  vpcs/shop/subnets/web  enters",
        "  => delivered: vpcs/shop/subnets/web/ports/web2. It is delivered.",
        "",
        "back: ping 10.1.0.3 > 10.1.0.2",
        "  vpcs/shop/subnets/web  enters",
        "  => delivered: vpcs/shop/subnets/web/ports/web1. It is delivered.",
    ]


def test_a_trace_names_the_route_and_the_translation_that_decided(lab: Lab, shop: Shop, project: str) -> None:
    there = trace(lab, project, "db1", "198.51.100.7")
    assert there[3:] == [
        "  vpcs/shop/routes/default  routes 0.0.0.0/0 to 203.0.113.1",
        f"  vpcs/shop/subnets/db      translates its source to {shop.router_ip}",
        "  subnets/internet          enters",
        "  => leaves: subnets/internet. It goes out to the physical network. Answers come back by the translation of "
        "their connection.",
    ]
    floating = trace(lab, project, "internet", "web1", "--tcp", "443")
    assert floating[0] == "there: tcp 192.0.2.1:40000 > 203.0.113.11:443"
    assert "  floatingIps/web1       translates its destination to 10.1.0.2" in floating
    assert "  floatingIps/web1          translates its source to 203.0.113.11" in floating
    assert floating[-1] == "  => leaves: subnets/internet. It goes out to the physical network."


def test_a_trace_says_why_a_packet_does_not_get_through(lab: Lab, api: Api, shop: Shop, project: str) -> None:
    assert trace(lab, project, "db1", "10.2.0.1")[-1] == "  => answered: vpcs/shop. The router answers it itself."
    api.delete(f"{shop.vpc}/routes/default")
    wait_until(lambda: not lab.nb_rows()["Logical_Router_Static_Route"], seconds=5, what="the route to be gone")
    lab.central.nbctl("--wait=sb", "sync")
    dropped = trace(lab, project, "db1", "198.51.100.7", status=1)
    assert dropped[-1] == "  => dropped: vpcs/shop. The router has no route to it; add one."
    refused = trace(lab, project, "internet", "db1", status=1)
    assert "has no floating IP on" in refused[1]
    nobody = trace(lab, project, "web2", "10.1.0.99", status=1)
    assert "No port of" in nobody[1]
    assert trace(lab, project, "nobody", "db1", status=1)[0].startswith("There is no port or subnet nobody")
