"""What hosts and VMs show of themselves, compared with what the lab was made to be."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from api import Api
from headgate.v1 import vm_pb2
from headgate_lab import Lab
from headgate_lab.expect import reach
from headgate_lab.waiting import wait_until
from shop import Shop, open_shop, plug

SHORT_GAP = 2.0
"""Seconds without the outside world when the cable to it is pulled."""

ON_ITS_WAY = 1
"""Pings that may be unanswered at the end of a measurement because it ended."""

ON, OFF, UNKNOWN = vm_pb2.POWER_STATE_ON, vm_pb2.POWER_STATE_OFF, vm_pb2.POWER_STATE_UNSPECIFIED


def await_vm(api: Api, name: str, power: int, *hosts: str) -> None:
    """Return when a VM is seen to have that power and to be on these hosts."""

    def seen() -> bool:
        vm = api.get(name)
        return vm.power == power and list(vm.hosts) == [f"hosts/{host}" for host in hosts]

    wait_until(seen, seconds=10, what=f"{name} to be {vm_pb2.PowerState.Name(power)} on {hosts}")


def test_a_vm_shows_where_it_is_and_whether_it_runs(lab: Lab, api: Api, project: str) -> None:
    vpc, vm = f"projects/{project}/vpcs/v", f"projects/{project}/vms/web"
    api.create(vpc)
    api.create(f"{vpc}/subnets/a", cidr="10.1.0.0/24")
    api.create(f"{vpc}/subnets/b", cidr="10.2.0.0/24")
    api.create(vm)
    await_vm(api, vm, UNKNOWN)
    second = api.create(f"{vpc}/subnets/b/ports/web-b", vm=vm)
    await_vm(api, vm, OFF)
    first = plug(api, lab, f"{vpc}/subnets/a/ports/web-a", "h2", vm=vm)
    await_vm(api, vm, ON, "h2")
    shown = api.get(vm)
    assert list(shown.ports) == [first.name, second.name]
    assert list(shown.addresses) == [first.ip, second.ip]
    assert table_line(lab, project, "web").split()[1:3] == ["on", "h2"]

    nic = lab.stations()["web-a"].namespace
    nic.ip("link set eth0 down")
    await_vm(api, vm, OFF, "h2")
    nic.ip("link set eth0 up")
    await_vm(api, vm, ON, "h2")
    agent = lab.daemons["h2/agent"]
    agent.kill()
    try:
        await_vm(api, vm, UNKNOWN, "h2")
    finally:
        agent.start()
    await_vm(api, vm, ON, "h2")
    lab.detach("web-a")
    await_vm(api, vm, OFF)
    plug(api, lab, f"{vpc}/subnets/a/ports/web-c", "h3", vm=vm)
    await_vm(api, vm, ON, "h3")


def table_line(lab: Lab, project: str, name: str) -> str:
    """Return the line of a VM in the table of the command line."""
    assert lab.controller is not None
    command = [sys.executable, "-m", "headgate_cli", "get", "vms", "-p", project, "--endpoint", lab.controller.api]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line for line in lines if line.startswith(name))


def test_a_host_shows_its_cards_versions_and_tunnel_peers(lab: Lab, api: Api, project: str) -> None:
    open_shop(api, lab, project)

    def peers() -> dict[str, str]:
        return {peer.host: peer.bfd_state for peer in api.get("hosts/h1").tunnel_peers}

    wanted = {"hosts/h2": "up", "hosts/h3": "up"}
    wait_until(lambda: peers() == wanted, seconds=10, what="h1 to hear the others through its tunnels")
    shown = api.get("hosts/h1")
    spec = lab.hosts["h1"].spec
    cards = {nic.name: nic.bridge for nic in shown.nics if nic.link_up and nic.mtu == 1600}
    assert cards == {spec.underlay.device: "br-phy", spec.provider.device: "br-ext"}
    assert set(shown.versions) == {"open-vswitch", "ovn", "kernel"}
    assert all(version[0].isdigit() for version in shown.versions.values())
    assert shown.liveness.connected
    assert shown.liveness.ovn_connected
    assert shown.liveness.ovn_behind == 0


@pytest.fixture
def zones(api: Api) -> Iterator[dict[str, str]]:
    """Hosts h1 and h3 are in one zone, h2 in another."""
    given = {"h1": "north", "h2": "south", "h3": "north"}
    for host, zone in given.items():
        api.update(f"hosts/{host}", zone=zone)
    yield given
    for host in given:
        api.call(api.kind("hosts/x"), "Update", host={"name": f"hosts/{host}"}, update_mask={"paths": ["zone"]})


def test_a_vpc_whose_span_crosses_zones_says_so_until_it_does_not(
    lab: Lab, api: Api, project: str, zones: dict[str, str]
) -> None:
    vpc = f"projects/{project}/vpcs/v"
    api.create(vpc)
    api.create(f"{vpc}/subnets/a", cidr="10.1.0.0/24")
    plug(api, lab, f"{vpc}/subnets/a/ports/one", "h1")
    plug(api, lab, f"{vpc}/subnets/a/ports/two", "h3")
    assert api.realised(vpc).realised
    assert reasons(api, vpc) == {}
    plug(api, lab, f"{vpc}/subnets/a/ports/far", "h2")
    wait_until(lambda: reasons(api, vpc), seconds=10, what="the warning")
    assert "(north: h1, h3; south: h2)" in reasons(api, vpc)["SPANS_ZONES"]
    lab.detach("far")
    wait_until(lambda: not reasons(api, vpc), seconds=10, what="the warning to be over")


def reasons(api: Api, name: str) -> dict[str, str]:
    return {condition.reason: condition.message for condition in api.get(name).status.conditions}


def carrier(lab: Lab, shop: Shop) -> str:
    """Return the host that carries the VPC's gateway, as Southbound says."""
    binding = lab.central.sbctl(
        "--bare", "--columns=chassis", "find", "Port_Binding", f'logical_port="cr-{shop.vpc}/external/internet"'
    ).strip()
    return lab.central.sbctl("get", "Chassis", binding, "name").strip().strip('"') if binding else ""


def test_a_pulled_provider_cable_moves_the_gateway_and_its_return_costs_no_packet(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)
    order = list(api.get(shop.vpc).external_subnets["internet"].gateway_hosts)
    active = order[0].removeprefix("hosts/")
    source = {"h1": "web2", "h2": "db1", "h3": "web1"}[active]
    wait_until(lambda: carrier(lab, shop) == active, seconds=10, what="the first host to carry the gateway")
    cable = lab.hosts[active].set_provider
    try:
        with lab.ping_gap(source, "internet") as pulled:
            cable(up=False)
            wait_until(lambda: carrier(lab, shop) not in ("", active), seconds=10, what="another host to carry it")
            lab.expect(reach(source, "internet")).within(seconds=20)
        assert "UPLINK_DOWN" in reasons(api, f"hosts/{active}")
        with lab.ping_gap(source, "internet") as plugged:
            cable(up=True)
            link = f"hosts/{active}"
            wait_until(lambda: "UPLINK_DOWN" not in reasons(api, link), seconds=10, what="the link to be seen")
            assert api.realised(shop.vpc).realised
    finally:
        cable(up=True)
    print(f"\nprovider cable of {active}: pulled {pulled.seconds:.2f} s, plugged {plugged.seconds:.2f} s")
    assert pulled.seconds < SHORT_GAP
    assert plugged.lost <= ON_ITS_WAY
    assert list(api.get(shop.vpc).external_subnets["internet"].gateway_hosts) == [*order[1:], order[0]]


def test_a_flow_that_ovn_controller_cannot_use_is_a_condition_of_its_hosts_until_it_is_gone(
    lab: Lab, api: Api, project: str
) -> None:
    vpc = f"projects/{project}/vpcs/v"
    web = api.create(vpc) and api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24").name
    plug(api, lab, f"{web}/ports/one", "h1")
    assert api.realised(vpc).realised
    lab.central.nbctl("acl-add", web, "to-lport", "1000", "nonsense-of-" + project, "drop")
    try:
        wait_until(lambda: left_out(api, "hosts/h1"), seconds=15, what="the complaint")
        assert f"nonsense-of-{project}" in left_out(api, "hosts/h1")
        assert left_out(api, "hosts/h2") == "", "nothing of the VPC is there"
    finally:
        lab.central.nbctl("acl-del", web)
    wait_until(lambda: not left_out(api, "hosts/h1"), seconds=30, what="the complaint to be over")


def left_out(api: Api, host: str) -> str:
    return reasons(api, host).get("OVN_LEAVES_OUT", "")
