"""What a change costs does not grow with what else there is: validation, allocation and compile call as many functions
beside many resources as beside few. What maps and sets do inside is not counted; `./dev bench port-slope` measures it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kind_site import INTERNET, INTERNET_FIELDS, PROVIDER, SUBNET, VPC, Site, calls, units

from headgate_controller.compile import Compiler

FEW, MANY = 4, 84
LEEWAY = 20
"""Calls that may come and go with where things land; one for each further resource would be eighty."""

PROJECT = VPC.partition("/vpcs/")[0]
OUT = [{"external_subnet": INTERNET}]

BESIDE: dict[str, Callable[[Site, int], object]] = {
    "ports": lambda site, n: site.create(f"{SUBNET}/ports/p{n}"),
    "VPCs": lambda site, n: site.create(f"{PROJECT}/vpcs/v{n}"),
    "floating IPs": lambda site, n: site.create(f"{PROJECT}/floatingIps/f{n}", external_subnet=INTERNET),
    "routes": lambda site, n: site.create(f"{VPC}/routes/r{n}", destination=f"172.16.{n}.0/24", next_hops=OUT),
    "hosts": lambda site, n: site.register(f"x{n}", "other"),
    "VMs": lambda site, n: site.create(f"{PROJECT}/vms/m{n}"),
}

CHANGES: dict[str, Callable[[Site], object]] = {
    "a port": lambda site: site.create(f"{SUBNET}/ports/a"),
    "a subnet": lambda site: site.create(f"{VPC}/subnets/more", cidr="10.200.0.0/24"),
    "a VPC": lambda site: site.create(f"{PROJECT}/vpcs/more"),
    "a floating IP": lambda site: site.create(f"{PROJECT}/floatingIps/more", external_subnet=INTERNET),
    "a route": lambda site: site.create(f"{VPC}/routes/more", destination="192.168.9.0/24", next_hops=OUT),
    "a host": lambda site: site.register("more", "other"),
    "the words of the VPC": lambda site: site.update(VPC, description="x"),
    "the words of the subnet": lambda site: site.update(SUBNET, description="x"),
    "the words of the external subnet": lambda site: site.update(INTERNET, description="x"),
    "the facts of a gateway host": lambda site: site.register("h1", PROVIDER, tunnel_ip="192.0.2.9"),
}


def site_of(number: int, kind: str) -> Site:
    site = Site()
    for host in ("h1", "h2"):
        site.register(host, PROVIDER)
    site.create(INTERNET, **INTERNET_FIELDS | {"pools": []})
    site.create(VPC)
    site.update(VPC, external_subnets={"internet": {"subnet": INTERNET}})
    site.create(SUBNET, cidr="10.1.0.0/16")
    for n in range(number):
        BESIDE[kind](site, n)
    return site


def work(site: Site, compiler: Compiler, change: Callable[[Site], object]) -> int:
    """Return how many functions a change calls until its plan is there; the site is as before."""
    before = site.world
    site.touched = set()
    count = calls(lambda: change(site))
    count += calls(lambda: compiler.advance(site.world, site.touched))
    compiler.advance(before, site.touched)
    site.world = before
    return count


@pytest.mark.parametrize("kind", BESIDE)
def test_a_change_does_the_same_work_beside_few_resources_and_beside_many(kind: str) -> None:
    grown = {}
    for number in (FEW, MANY):
        site, compiler = site_of(number, kind), Compiler(units())
        compiler.advance(site.world, site.world.resources)
        for name, change in CHANGES.items():
            grown[name] = work(site, compiler, change) - grown.get(name, 0)
    assert {name: more for name, more in grown.items() if more > LEEWAY} == {}
