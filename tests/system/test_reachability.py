"""Who reaches whom, judged by packets and by the source addresses seen outside."""

import subprocess
from pathlib import Path

import pytest

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import no_reach, reach, seen_as
from headgate_lab.waiting import wait_until
from shop import open_shop, plug


def test_ports_of_a_vpc_reach_each_other_on_one_host_across_hosts_and_across_subnets(
    lab: Lab, api: Api, project: str
) -> None:
    open_shop(api, lab, project)
    pairs = [("web1", "web3"), ("web1", "web2"), ("web2", "web1"), ("web1", "db1"), ("db1", "web2")]
    wanted = [reach(a, b, protocol=protocol) for a, b in pairs for protocol in ("icmp", "tcp")]
    lab.expect(*wanted).within(seconds=20)


def test_traffic_leaves_with_the_routers_address_and_a_floating_ip_works_in_both_directions(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)
    name = f"projects/{project}/floatingIps/web1"
    floating = api.create(name, externalSubnet=shop.internet, port=shop.ports["web1"].name)
    lab.expect(
        reach("web2", "internet"),
        seen_as("web2", "internet", shop.router_ip),
        seen_as("db1", "internet", shop.router_ip),
        seen_as("web1", "internet", floating.ip),
        reach("internet", floating.ip),
        reach("internet", floating.ip, protocol="tcp"),
    ).within(seconds=20)


def test_a_floating_ip_that_moves_to_another_port_takes_its_traffic_along(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    name = f"projects/{project}/floatingIps/front"
    floating = api.create(name, externalSubnet=shop.internet, port=shop.ports["web1"].name)
    lab.expect(seen_as("web1", "internet", floating.ip)).within(seconds=20)
    api.update(name, port=shop.ports["web2"].name)
    lab.expect(
        seen_as("web1", "internet", shop.router_ip),
        seen_as("web2", "internet", floating.ip),
        reach("internet", floating.ip),
    ).within(seconds=20)


def test_two_vpcs_with_the_same_addresses_do_not_see_each_other(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    twin = f"projects/{project}/vpcs/twin"
    api.create(twin)
    api.create(f"{twin}/subnets/web", cidr="10.1.0.0/24")
    first = plug(api, lab, f"{twin}/subnets/web/ports/twin1", "h2")
    assert first.ip == shop.ports["web1"].ip, "the addresses are meant to be the same"
    plug(api, lab, f"{twin}/subnets/web/ports/twin2", "h3", ip="10.1.0.77")
    lab.expect(
        reach("twin1", "twin2"),
        reach("web1", "web2"),
        no_reach("twin1", shop.ports["web2"].ip),
        no_reach("twin1", shop.ports["db1"].ip),
        no_reach("web2", "10.1.0.77"),
    ).within(seconds=20)


def test_ports_of_a_vlan_subnet_reach_each_other_across_hosts_and_no_other_vlan(
    lab: Lab, api: Api, project: str
) -> None:
    for vlan in (310, 320):
        subnet = f"projects/{project}/subnets/v{vlan}"
        api.create(subnet, vlan={"physicalNetwork": "provider", "id": vlan}, cidr="10.30.0.0/24")
        for number in (1, 2):
            ip = f"10.30.0.{vlan % 100 + number}"
            plug(api, lab, f"{subnet}/ports/p{number}", f"h{number}", f"v{vlan}p{number}", ip=ip)
    lab.expect(
        reach("v310p1", "v310p2"), reach("v320p1", "v320p2", protocol="tcp"), no_reach("v310p1", "10.30.0.22")
    ).within(seconds=20)


def test_a_workload_gets_its_address_by_dhcp(lab: Lab, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/dhcp"
    api.create(vpc)
    servers = ["192.0.2.53", "192.0.2.54"]
    api.create(f"{vpc}/subnets/a", cidr="10.9.0.0/24", dnsServers=servers, domainName="shop.example")
    port = plug(api, lab, f"{vpc}/subnets/a/ports/asker", "h1")
    namespace = lab.stations()["asker"].namespace
    subprocess.run(namespace.command("ip", "addr", "flush", "dev", "eth0"), check=True)
    lease = lab.run_dir / f"{project}.lease"
    script = lab.run_dir / f"{project}.sh"
    script.write_text("#!/bin/sh\nenv > $LEASE_FILE\n")
    script.chmod(0o755)
    client = ["dhclient", "-4", "-1", "-d", "-sf", str(script), "-lf", str(lease.with_suffix(".db"))]
    client += ["-pf", str(lease.with_suffix(".pid")), "-e", f"LEASE_FILE={lease}", "eth0"]
    with subprocess.Popen(namespace.command(*client), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await_line(lease, f"new_ip_address={port.ip}")
        finally:
            process.terminate()
    options = lease.read_text()
    assert "new_routers=10.9.0.1" in options
    assert "new_interface_mtu=1442" in options
    assert "new_domain_name_servers=192.0.2.53 192.0.2.54" in options
    assert "new_domain_name=shop.example" in options


def _await_line(file: Path, line: str) -> None:
    wait_until(lambda: file.exists() and line in file.read_text(), seconds=20, what=f"{line} in {file.name}")


@pytest.mark.parametrize("target", ["same host", "other host"])
def test_ipv6_reaches_across_subnets(lab: Lab, api: Api, project: str, target: str) -> None:
    vpc = f"projects/{project}/vpcs/six"
    api.create(vpc)
    for number in (1, 2):
        api.create(f"{vpc}/subnets/s{number}", cidr=f"10.{number}.0.0/24", ipv6Cidr=f"2001:db8:{number}::/64")
    places = {1: "h1", 2: "h1" if target == "same host" else "h2"}
    ports = {n: plug(api, lab, f"{vpc}/subnets/s{n}/ports/six{n}", host) for n, host in places.items()}
    for number, port in ports.items():
        namespace = lab.stations()[f"six{number}"].namespace
        for command in (
            ["ip", "-6", "addr", "add", f"{port.ipv6}/64", "dev", "eth0", "nodad"],
            # The router's advertisement may have brought one already.
            ["ip", "-6", "route", "replace", "default", "via", f"2001:db8:{number}::1"],
        ):
            subprocess.run(namespace.command(*command), check=True)
    ping = lab.stations()["six1"].namespace.command("ping", "-6", "-c1", "-w15", ports[2].ipv6)
    assert subprocess.run(ping, check=False, capture_output=True).returncode == 0
