"""What restarts, dead programs and foreign hands do to the network: nothing."""

import random

import pytest

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import reach, seen_as
from headgate_lab.waiting import wait_until
from invariants import await_synchronised, key_of, our_rows
from shop import Shop, open_shop

SHORT_GAP = 2.0
"""Seconds that traffic may pause while programs that carry none of it restart."""


def test_restarting_every_program_in_any_order_writes_no_row_and_traffic_goes_on(
    lab: Lab, api: Api, project: str
) -> None:
    open_shop(api, lab, project)
    lab.expect(reach("web1", "web2"), reach("web1", "db1")).within(seconds=20)
    before = lab.nb_rows()
    programs = [name for name in lab.daemons if name.endswith(("controller", "agent", "ovn-northd"))]
    random.Random(project).shuffle(programs)
    with lab.ping_gap("web1", "web2") as gap:
        for program in programs:
            lab.daemons[program].restart()
        await_synchronised(lab)
        lab.expect(reach("web1", "db1")).within(seconds=20)
    print(f"\nrestarted {', '.join(programs)}: longest gap {gap.seconds:.2f} s")
    assert gap.seconds < SHORT_GAP
    assert lab.nb_rows() == before


def test_without_a_controller_traffic_flows_agents_restart_and_a_host_comes_back_from_its_disk(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)
    assert lab.controller is not None
    lab.controller.daemon.kill()
    try:
        for host in lab.hosts.values():
            assert host.agent is not None
            host.agent.restart()
        lab.expect(reach("web1", "web2"), seen_as("db1", "internet", shop.router_ip)).within(seconds=20)
        lab.reboot("h2")
        lab.expect(reach("web1", "web2"), reach("web2", "db1"), reach("web2", "internet")).within(seconds=40)
    finally:
        lab.controller.daemon.start()
        await_synchronised(lab)


def test_rows_that_are_not_ours_survive_everything(lab: Lab, api: Api, project: str) -> None:
    nbctl = lab.central.nbctl
    nbctl("ls-add", "foreign-ls", "--", "lsp-add", "foreign-ls", "foreign-port", "--", "lr-add", "foreign-lr")
    nbctl("set", "NB_Global", ".", "options:foreign=kept", "external_ids:foreign=kept")
    foreign = lab.hosts["h1"].switch
    foreign.vsctl("set", "Open_vSwitch", ".", "external_ids:foreign=kept")
    try:
        shop = open_shop(api, lab, project)
        nbctl("lsp-add", shop.web, "foreign-on-ours")
        lab.daemons["controller"].restart()
        lab.daemons["h1/agent"].restart()
        await_synchronised(lab)
        api.update(shop.web, description="changed")
        assert "foreign-port" in nbctl("show", "foreign-ls")
        assert "foreign-lr" in nbctl("lr-list")
        assert nbctl("get", "NB_Global", ".", "options:foreign").strip() == "kept"
        assert "kept" in foreign.vsctl("get", "Open_vSwitch", ".", "external_ids:foreign")
    finally:
        nbctl("--if-exists", "ls-del", "foreign-ls", "--", "--if-exists", "lr-del", "foreign-lr")
        for column in ("options", "external_ids"):
            nbctl("remove", "NB_Global", ".", column, "foreign")
        foreign.vsctl("remove", "Open_vSwitch", ".", "external_ids", "foreign")


def _edits(shop: Shop) -> dict[str, list[str]]:
    """Return one edit, as ovn-nbctl's arguments, for every column of every table that the shop's rows set."""
    port, snat = shop.ports["web1"].iface_id, f"{shop.web}/snat/internet"
    gateway, external = f"{shop.web}/gateway", f"{shop.vpc}/external/internet"

    def of(table: str, key: str, *settings: str) -> list[str]:
        return ["set", table, f"KEY:{key}", *settings]

    return {
        "switch name": of("Logical_Switch", shop.web, "name=hacked"),
        "switch other_config": of("Logical_Switch", shop.web, "other_config:subnet=10.1.0.0/24"),
        "switch ports": ["clear", "Logical_Switch", f"KEY:{shop.web}", "ports"],
        "port addresses": of("Logical_Switch_Port", port, 'addresses="0a:00:00:00:00:01 10.1.0.200"'),
        "port security": ["clear", "Logical_Switch_Port", f"KEY:{port}", "port_security"],
        "port options": of("Logical_Switch_Port", port, "options:requested-chassis=nowhere"),
        "port dhcp": ["clear", "Logical_Switch_Port", f"KEY:{port}", "dhcpv4_options"],
        "port type": of("Logical_Switch_Port", port, "type=localport"),
        "port tag": of("Logical_Switch_Port", port, "tag=5"),
        "port name": of("Logical_Switch_Port", port, "name=hacked"),
        "router options": of("Logical_Router", shop.vpc, "options:mac_binding_age_threshold=0"),
        "router nat": ["clear", "Logical_Router", f"KEY:{shop.vpc}", "nat"],
        "router routes": ["clear", "Logical_Router", f"KEY:{shop.vpc}", "static_routes"],
        "router ports": ["clear", "Logical_Router", f"KEY:{shop.vpc}", "ports"],
        "router port mac": of("Logical_Router_Port", gateway, 'mac="0a:00:00:00:00:01"'),
        "router port networks": of("Logical_Router_Port", gateway, 'networks="10.77.0.1/24"'),
        "router port group": ["clear", "Logical_Router_Port", f"KEY:{external}", "ha_chassis_group"],
        "nat external_ip": of("NAT", snat, "external_ip=203.0.113.66"),
        "nat type": of("NAT", snat, "type=dnat"),
        "nat gateway_port": ["clear", "NAT", f"KEY:{snat}", "gateway_port"],
        "dhcp options": of("DHCP_Options", f"{shop.web}/v4", "options:lease_time=1"),
        "dhcp cidr": of("DHCP_Options", f"{shop.web}/v4", "cidr=10.77.0.0/24"),
        "group members": ["clear", "HA_Chassis_Group", f"KEY:{external}", "ha_chassis"],
        "chassis priority": of("HA_Chassis", f"{external}/h1", "priority=1"),
        "mark of ownership": ["remove", "Logical_Switch", f"KEY:{shop.db}", "external_ids", "headgate-key"],
        "whole switch": ["destroy", "Logical_Switch", f"KEY:{shop.web}"],
        "whole router": ["destroy", "Logical_Router", f"KEY:{shop.vpc}"],
    }


def test_rows_edited_by_hand_are_repaired_within_a_second(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    wanted = our_rows(lab)
    for what, edit in _edits(shop).items():
        uuids = {row["key"]: row["uuid"] for row in _keyed(lab, edit[1])}
        arguments = [uuids[a.removeprefix("KEY:")] if a.startswith("KEY:") else a for a in edit]
        lab.central.nbctl(*arguments)
        wait_until(lambda: not _differences(lab, wanted), seconds=1, what=f"the repair of {what}")
    lab.expect(reach("web1", "web2"), seen_as("db1", "internet", shop.router_ip)).within(seconds=20)


def _differences(lab: Lab, wanted: dict[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Return the keys of our rows that are not as wanted."""
    found = our_rows(lab)
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))


def _keyed(lab: Lab, table: str) -> list[dict[str, str]]:
    rows = lab.nb_rows()[table]
    return [{"uuid": uuid, "key": key} for uuid, row in rows.items() if (key := key_of(row))]


@pytest.mark.parametrize("way", ["drain", "crash"])
def test_a_gateway_host_that_goes_away_hands_its_traffic_to_the_next(
    lab: Lab, api: Api, project: str, way: str
) -> None:
    shop = open_shop(api, lab, project)
    order = api.get(shop.vpc).external_subnets["internet"].gateway_hosts
    active = order[0].removeprefix("hosts/")
    source = {"h1": "web2", "h2": "db1", "h3": "web1"}[active]
    lab.expect(reach(source, "internet")).within(seconds=20)
    with lab.ping_gap(source, "internet") as gap:
        if way == "drain":
            api.update(f"hosts/{active}", drain=True)
            wait_until(lambda: _carrier(lab, shop) not in ("", active), seconds=10, what="another host to carry it")
        else:
            lab.crash(active)
        lab.expect(reach(source, "internet")).within(seconds=20)
    print(f"\n{way} of {active}: longest gap {gap.seconds:.2f} s")
    if way == "drain":
        api.update(f"hosts/{active}", drain=False)
    else:
        lab.power_on(active)
        lab.await_hosts()
    assert gap.seconds < (SHORT_GAP if way == "drain" else 5)


def _carrier(lab: Lab, shop: Shop) -> str:
    """Return the host that carries the VPC's gateway, as Southbound says."""
    binding = lab.central.sbctl(
        "--bare", "--columns=chassis", "find", "Port_Binding", f'logical_port="cr-{shop.vpc}/external/internet"'
    ).strip()
    return lab.central.sbctl("get", "Chassis", binding, "name").strip().strip('"') if binding else ""


def test_a_port_pinned_to_a_host_is_plugged_by_its_name(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    name = f"{shop.web}/ports/pinned"
    port = api.create(name, host="hosts/h3")
    lab.workload("pinned", host="h3", port=name, ip=f"{port.ip}/24", gateway="10.1.0.1")
    lab.expect(reach("pinned", "web1"), reach("db1", "pinned")).within(seconds=20)
