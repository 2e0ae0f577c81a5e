"""What Open_vSwitch and the devices should be, and the way there."""

from dataclasses import replace

import pytest

from headgate_common.config import ConfigError
from headgate_hostagent.config import AgentConfig, BridgeConfig, load_config
from headgate_hostagent.managers.links import AddAddress, BringUp, Link, SetMtu, missing, plan_links
from headgate_hostagent.managers.nics import Nic, networks_down
from headgate_hostagent.managers.plan import (
    AddBridge,
    AddPort,
    RemoveBridge,
    RemovePort,
    SetBridge,
    SetInterface,
    SetKey,
    SetSsl,
    foreign_ssl,
    misplaced,
    plan,
)
from headgate_hostagent.managers.report import HostSeen, report
from headgate_hostagent.managers.seen import BridgeSeen, InterfaceSeen, PortSeen, SslSeen, SwitchSeen
from headgate_hostagent.managers.switch import failures, object_of_bridge, wanted_switch
from headgate_hostagent.managers.workload import PlacedElsewhereError, host_device, plan_plug, plan_unplug
from headgate_hostagent.objects import Chassis, Held, PhysicalNetwork, Unknown

CONFIG = AgentConfig(
    host="h1",
    tunnel_address="172.31.0.11/24",
    tunnel_device="br-phy",
    datapath_type="netdev",
    bridges={
        "br-phy": BridgeConfig(uplinks=["eth1"], mac="02:00:00:00:00:0B"),
        "br-ext": BridgeConfig(uplinks=["eth2"]),
    },
    physical_networks={"provider": "br-ext"},
)
HELD = Held(
    "7",
    3,
    {
        "chassis": Chassis("tcp:10.99.0.1:6642", "geneve", "172.31.0.11"),
        "physical_network/provider": PhysicalNetwork("br-ext"),
    },
)
UUID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


def wanted(config: AgentConfig = CONFIG, held: Held = HELD, settled: bool = True):
    return wanted_switch(config, held, settled=settled)


def bridge(name: str, *ports: PortSeen, mark: str = "bridge", **fields: object) -> BridgeSeen:
    own = PortSeen(name, {}, (InterfaceSeen(name, "internal"),))
    ids = {"headgate": mark} if mark else {}
    found = {port.name: port for port in (own, *ports)}
    return BridgeSeen(name, **({"datapath_type": "netdev", "external_ids": ids, "ports": found} | fields))


def port(name: str, **ids: str) -> PortSeen:
    return PortSeen(
        name, {}, (InterfaceSeen(name, external_ids={key.replace("_", "-"): value for key, value in ids.items()}),)
    )


def seen(*bridges: BridgeSeen, **ids: str) -> SwitchSeen:
    return SwitchSeen(ids, "3.1", {item.name: item for item in bridges})


RIGHT = SwitchSeen(
    dict(wanted().keys) | {"rundir": "/x"},
    "3.1",
    {
        "br-ext": bridge("br-ext", port("eth2", headgate="uplink"), port("patch-x")),
        "br-phy": bridge("br-phy", port("eth1", headgate="uplink"), hwaddr="02:00:00:00:00:0b"),
        "br-int": bridge("br-int", port("vm", iface_id="u"), mark=""),
    },
)


def test_a_right_host_needs_nothing():
    assert plan(wanted(), RIGHT) == ()


def test_an_empty_host_gets_bridges_uplinks_and_keys():
    changes = plan(wanted(), seen())
    assert changes[:4] == (
        AddBridge("br-ext", "netdev", mark="bridge"),
        AddPort("br-ext", "eth2", "uplink"),
        AddBridge("br-phy", "netdev", "02:00:00:00:00:0b", mark="bridge"),
        AddPort("br-phy", "eth1", "uplink"),
    )
    assert SetKey("ovn-bridge-mappings", "provider:br-ext") in changes
    assert SetKey("ovn-encap-ip", "172.31.0.11") in changes


def test_without_a_desired_state_the_controllers_keys_are_left_alone_and_nothing_is_removed():
    before = replace(RIGHT, bridges=RIGHT.bridges | {"br-old": bridge("br-old")})
    assert plan(wanted(held=Held()), before) == ()


def test_what_is_no_longer_desired_leaves_empty_keys():
    changes = plan(wanted(held=Held("8", 3, {})), RIGHT)
    assert changes == tuple(
        SetKey(key, "") for key in ("ovn-bridge-mappings", "ovn-encap-ip", "ovn-encap-type", "ovn-remote")
    )


BY_CERTIFICATE = replace(HELD, objects=dict(HELD.objects) | {"chassis": Chassis("ssl:10.99.0.1:6642", "geneve", "")})
PKI = "/var/lib/headgate-agent/pki"
OURS = SslSeen(f"{PKI}/identity.pem", f"{PKI}/identity.pem", f"{PKI}/ca.pem", {"headgate": "ssl"})


def ssl_changes(held: Held, there: SslSeen | None) -> list[SetSsl]:
    return [change for change in plan(wanted(held=held), replace(RIGHT, ssl=there)) if isinstance(change, SetSsl)]


def test_ovn_gets_the_hosts_certificate_where_southbound_is_reached_by_one():
    files = SetSsl(OURS.private_key, OURS.ca_cert, "ssl")
    assert ssl_changes(BY_CERTIFICATE, None) == [files]
    assert ssl_changes(BY_CERTIFICATE, OURS) == []
    assert ssl_changes(BY_CERTIFICATE, replace(OURS, ca_cert="/elsewhere")) == [files]
    assert ssl_changes(HELD, OURS) == [SetSsl()]
    assert ssl_changes(HELD, None) == []


def test_a_certificate_that_somebody_else_gave_open_vswitch_is_left_alone_and_told_of():
    theirs = SslSeen("/k", "/c", "/ca")
    for held in (HELD, BY_CERTIFICATE):
        assert ssl_changes(held, theirs) == []
    told = foreign_ssl(wanted(held=BY_CERTIFICATE), replace(RIGHT, ssl=theirs))
    assert "/c of somebody else" in told
    assert "ovs-vsctl del-ssl" in told
    assert foreign_ssl(wanted(), replace(RIGHT, ssl=theirs)) == ""
    assert foreign_ssl(wanted(held=BY_CERTIFICATE), replace(RIGHT, ssl=OURS)) == ""


@pytest.mark.parametrize("mark", ["", "somebody"])
def test_bridges_and_ports_without_our_mark_are_never_removed(mark):
    before = replace(RIGHT, bridges=RIGHT.bridges | {"br-old": bridge("br-old", mark=mark)})
    assert plan(wanted(), before) == ()


def test_our_bridge_that_is_no_longer_configured_is_removed():
    before = replace(RIGHT, bridges=RIGHT.bridges | {"br-old": bridge("br-old")})
    assert plan(wanted(), before) == (RemoveBridge("br-old"),)


def test_an_uplink_moves_with_its_configuration():
    moved = replace(
        CONFIG, bridges=CONFIG.bridges | {"br-phy": BridgeConfig(), "br-ext": BridgeConfig(uplinks=["eth1", "eth2"])}
    )
    changes = plan(wanted(moved), RIGHT)
    assert changes == (RemovePort("br-phy", "eth1"), AddPort("br-ext", "eth1", "uplink"))


def test_somebody_elses_port_is_not_moved_but_told_of():
    before = replace(
        RIGHT,
        bridges={
            **RIGHT.bridges,
            "br-phy": replace(RIGHT.bridges["br-phy"], ports={}),
            "x": bridge("x", port("eth1"), mark=""),
        },
    )
    assert plan(wanted(), before) == ()
    assert "ovs-vsctl del-port x eth1" in misplaced(wanted(), before)["br-phy"]


@pytest.mark.parametrize("fields", [{"datapath_type": "system"}, {"hwaddr": "02:00:00:00:00:ff"}])
def test_an_edited_bridge_is_set_right(fields):
    before = replace(RIGHT, bridges=RIGHT.bridges | {"br-phy": replace(RIGHT.bridges["br-phy"], **fields)})
    assert plan(wanted(), before) == (SetBridge("br-phy", "netdev", "02:00:00:00:00:0b"),)


def test_an_address_that_is_not_configured_is_left_to_open_vswitch():
    before = replace(
        RIGHT, bridges=RIGHT.bridges | {"br-ext": replace(RIGHT.bridges["br-ext"], hwaddr="02:00:00:00:00:ff")}
    )
    assert plan(wanted(), before) == ()


def test_ovn_controller_does_not_wait_after_a_start_of_the_switch():
    assert wanted(settled=False).keys["ovn-ofctrl-wait-before-clear"] == "0"
    assert wanted(settled=True).keys["ovn-ofctrl-wait-before-clear"] == "1500"


def test_a_network_without_its_bridge_is_a_failure_and_not_mapped():
    held = replace(HELD, objects=HELD.objects | {"physical_network/a": PhysicalNetwork("br-none")})
    assert wanted(held=held).keys["ovn-bridge-mappings"] == "provider:br-ext"
    assert "[bridges.br-none]" in failures(CONFIG, held)["physical_network/a"]


def test_the_machine_says_its_tunnel_address_and_a_difference_is_a_failure():
    held = replace(HELD, objects={"chassis": Chassis("tcp:1", "geneve", "9.9.9.9")})
    assert wanted(held=held).keys["ovn-encap-ip"] == "172.31.0.11"
    assert "9.9.9.9" in failures(CONFIG, held)["chassis"]


def test_an_unknown_object_is_a_failure():
    assert "upgrade" in failures(CONFIG, Held("1", 1, {"gateway/g": Unknown(b"")}))["gateway/g"]


def test_a_bridge_is_reported_under_the_object_that_needs_it():
    assert object_of_bridge(CONFIG, HELD, "br-ext") == "physical_network/provider"
    assert object_of_bridge(CONFIG, HELD, "br-phy") == "chassis"


LINKS = {
    "br-phy": Link("br-phy", True, 1600, ("172.31.0.11/24", "10.0.0.1/8")),
    "br-ext": Link("br-ext", True, 1500),
    "eth1": Link("eth1", True, 1600),
    "eth2": Link("eth2", True, 1500),
}


def test_right_devices_need_nothing():
    assert plan_links(CONFIG, LINKS) == ()
    assert missing(CONFIG, LINKS) == {}


def test_a_new_tunnel_device_gets_link_size_and_address():
    links = LINKS | {"br-phy": Link("br-phy", False, 1500)}
    assert plan_links(CONFIG, links) == (
        BringUp("br-phy"),
        SetMtu("br-phy", 1600),
        AddAddress("br-phy", "172.31.0.11/24"),
    )


def test_another_prefix_length_is_another_address():
    links = LINKS | {"br-phy": Link("br-phy", True, 1600, ("172.31.0.11/32",))}
    assert plan_links(CONFIG, links) == (AddAddress("br-phy", "172.31.0.11/24"),)


def test_an_ipv6_address_is_compared_as_an_address():
    config = replace(CONFIG, tunnel_address="fd00:31:0::11/64")
    links = LINKS | {"br-phy": Link("br-phy", True, 1600, ("fd00:31::11/64",))}
    assert plan_links(config, links) == ()


def test_missing_devices_are_told_and_do_not_stop_the_others():
    links = {name: link for name, link in LINKS.items() if name != "eth2"} | {"eth1": Link("eth1", False, 1600)}
    assert plan_links(CONFIG, links) == (BringUp("eth1"),)
    assert missing(CONFIG, links) == {"br-ext": "there is no device eth2"}


def test_without_a_tunnel_device_no_address_is_touched():
    links = LINKS | {"br-phy": Link("br-phy", True, 1500)}
    assert plan_links(replace(CONFIG, tunnel_device=""), links) == ()


def test_plug_adds_the_device_and_if_need_be_the_bridge():
    add = AddPort("br-int", "tap0", "plug", UUID)
    assert plan_plug(seen(bridge("br-int", mark="")), "tap0", UUID, "netdev") == (add,)
    assert plan_plug(seen(), "tap0", UUID, "netdev") == (AddBridge("br-int", "netdev", secure=True), add)


def test_plug_again_changes_nothing_or_only_the_identity():
    there = seen(bridge("br-int", port("tap0", iface_id=UUID, headgate="plug"), mark=""))
    assert plan_plug(there, "tap0", UUID, "netdev") == ()
    assert plan_plug(there, "tap0", "other", "netdev") == (SetInterface("tap0", "plug", "other"),)


def test_plug_refuses_a_device_of_another_bridge():
    with pytest.raises(PlacedElsewhereError, match="br-ext"):
        plan_plug(seen(bridge("br-ext", port("tap0"))), "tap0", UUID, "netdev")


def test_unplug_removes_only_what_plug_made():
    there = seen(
        bridge(
            "br-int",
            port("a", iface_id=UUID, headgate="plug"),
            port("b", iface_id=UUID),
            port("c", iface_id="x", headgate="plug"),
        )
    )
    assert plan_unplug(there, UUID) == (RemovePort("br-int", "a"),)


def test_the_hosts_device_has_a_name_the_kernel_takes():
    assert host_device(UUID) == "hg0a1b2c3d4e5f6"
    assert len(host_device(UUID)) == 15


def test_a_report_tells_of_workloads_and_tunnels_only_what_is_seen():
    tunnel = PortSeen("t", {}, (InterfaceSeen("t", "geneve", {"remote_ip": "172.31.0.12"}, bfd_state="down"),))
    vm = PortSeen("vm", {}, (InterfaceSeen("vm", "", {}, {"iface-id": "u", "ovn-installed": "true"}, True, "oops"),))
    told = report(HostSeen(seen(bridge("br-int", tunnel, vm, port("other"))), "7", {"k": "why"}, True))
    assert [(item.name, item.iface_id, item.link_up, item.ovn_installed, item.error) for item in told.interfaces] == [
        ("vm", "u", True, True, "oops")
    ]
    assert [(item.remote_ip, item.bfd_state) for item in told.tunnels] == [("172.31.0.12", "down")]
    assert (told.realised_version, dict(told.failures), told.ovn_connected) == ("7", {"k": "why"}, True)


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        ({}, "host: it is required"),
        ({"tunnel_address": "172.31.0.11"}, "tunnel_address: expected an address with its prefix length"),
        ({"datapath_type": "dpdk"}, 'datapath_type: expected "system" or "netdev"'),
        ({"physical_networks": "provider=br-x"}, "physical_networks.provider: there is no bridge br-x"),
        ({"controllers": "10.0.0.1"}, "controllers: '10.0.0.1' is no address"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(flags, fault):
    with pytest.raises(ConfigError, match=fault.replace(".", r"\.")):
        load_config(None, {}, flags)


def card(name: str, link_up: bool, enabled: bool = True) -> dict[str, Nic]:
    return {name: Nic(name, enabled=enabled, link_up=link_up)}


@pytest.mark.parametrize(
    ("nics", "down"),
    [
        (card("eth2", link_up=True), []),
        (card("eth2", link_up=False), ["provider"]),
        ({}, ["provider"]),
        (card("eth2", link_up=False, enabled=False), []),
        (card("eth3", link_up=True), ["provider"]),
    ],
)
def test_a_physical_network_is_down_if_no_enabled_uplink_to_it_has_a_link(nics: dict[str, Nic], down: list[str]):
    assert list(networks_down(CONFIG, nics)) == down


def test_one_link_of_several_is_enough_and_without_uplinks_nobody_knows():
    two = replace(CONFIG, bridges={**CONFIG.bridges, "br-ext": BridgeConfig(uplinks=["eth2", "eth3"])})
    assert list(networks_down(two, card("eth2", link_up=False) | card("eth3", link_up=True))) == []
    none = replace(CONFIG, bridges={**CONFIG.bridges, "br-ext": BridgeConfig()})
    assert list(networks_down(none, {})) == []


def test_a_report_names_the_bridge_of_a_card_and_only_versions_that_are_known():
    switch = SwitchSeen(bridges={"br-ext": bridge("br-ext", port("eth2"))})
    nics = {"eth2": Nic("eth2", "0a:00:00:00:00:02", True, True, 10_000, 1500), "eth9": Nic("eth9")}
    told = report(HostSeen(switch, nics=nics, ovn_version="23.03.1", networks_down=("provider",)))
    assert [(nic.name, nic.speed_mbps, nic.bridge) for nic in told.nics] == [
        ("eth2", 10_000, "br-ext"),
        ("eth9", 0, ""),
    ]
    assert (told.versions["ovn"], "open-vswitch" in told.versions) == ("23.03.1", False)
    assert list(told.physical_networks_down) == ["provider"]
