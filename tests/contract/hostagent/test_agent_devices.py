"""The agent on a machine with real devices: ovs-vswitchd in userspace, ovn-controller, workloads."""

import json
import subprocess
from pathlib import Path

import pytest
from agent_bench import AgentProcess, Controller, Machine, desired, until

from headgate.v1 import host_link_pb2 as pb

UUID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"
MAC = ("--mac", "02:00:00:00:01:01")
DEVICE = "hg0a1b2c3d4e5f6"


@pytest.fixture
def running(real_agent: AgentProcess, controller: Controller) -> AgentProcess:
    """The agent, connected and with its first desired state realised."""
    real_agent.start()
    controller.hello()
    controller.say("1", desired(remote=f"unix:{real_agent.machine.directory}/sb.sock"))
    controller.expect_report(lambda report: report.realised_version == "1")
    return real_agent


def is_right(machine: Machine) -> bool:
    up = all(machine.is_up(name) for name in ("br-phy", "br-ext", "eth1", "eth2"))
    return up and "172.31.0.11" in machine.addresses("br-phy") and machine.link("br-phy")["mtu"] == 1600


def test_devices_are_up_and_the_tunnel_address_is_there_without_a_controller(real_agent, real_machine):
    real_agent.start()
    until(lambda: is_right(real_machine), "devices")


@pytest.mark.parametrize("kill", [False, True])
def test_a_restart_of_the_switch_gets_link_address_and_size_again(running, real_machine, controller, kill):
    first = real_machine.link("br-phy")["ifindex"]
    real_machine.stop("vswitchd", kill=kill)
    for device in ("br-phy", "br-ext"):  # they outlive ovs-vswitchd, but not a reboot of the machine
        if real_machine.link(device):
            real_machine.ip("link", "delete", device)
    controller.expect_report(lambda report: "br-phy" in report.failures["chassis"])
    real_machine.start_switch()
    until(lambda: is_right(real_machine), "devices", seconds=5)
    assert real_machine.link("br-phy")["ifindex"] != first
    controller.expect_report(lambda report: report.realised_version == "1")


def test_cards_are_reported_and_a_pulled_cable_takes_its_physical_network_down(running, real_machine, controller):
    def linked(report: pb.Report) -> set[str]:
        return {nic.name for nic in report.nics if nic.link_up}

    report = controller.expect_report(lambda report: linked(report) >= {"eth1", "eth2"})
    eth2 = next(nic for nic in report.nics if nic.name == "eth2")
    assert (eth2.mac, eth2.mtu, eth2.bridge) == (real_machine.link("eth2")["address"], 1600, "br-ext")
    assert list(report.physical_networks_down) == []
    real_machine.ip("link", "set", "dev", "eth1-wire", "down")
    controller.expect_report(lambda report: "eth1" not in linked(report))
    assert list(controller.report.physical_networks_down) == [], "eth1 leads to no physical network"
    real_machine.ip("link", "set", "dev", "eth2-wire", "down")
    controller.expect_report(lambda report: list(report.physical_networks_down) == ["provider"], seconds=2)
    real_machine.ip("link", "set", "dev", "eth2-wire", "up")
    controller.expect_report(lambda report: not report.physical_networks_down, seconds=2)
    real_machine.ip("link", "delete", "dev", "eth2-wire")
    gone = controller.expect_report(lambda report: list(report.physical_networks_down) == ["provider"])
    assert "eth2" not in {nic.name for nic in gone.nics}


def test_an_address_taken_away_and_a_link_set_down_come_back_within_a_second(running, real_machine):
    real_machine.ip("address", "flush", "dev", "br-phy")
    real_machine.ip("link", "set", "dev", "eth2", "down")
    until(lambda: is_right(real_machine), "devices", seconds=1)


def test_other_addresses_stay(running, real_machine):
    real_machine.ip("address", "add", "192.0.2.1/24", "dev", "br-phy")
    real_machine.ip("address", "del", "172.31.0.11/24", "dev", "br-phy")
    until(lambda: "172.31.0.11" in real_machine.addresses("br-phy"))
    assert "192.0.2.1" in real_machine.addresses("br-phy")


def test_an_uplink_that_is_missing_is_reported_and_used_when_it_comes(running, real_machine, controller):
    real_machine.ip("link", "del", "eth2")
    report = controller.expect_report(lambda report: "physical_network/provider" in report.failures)
    assert report.realised_version == ""
    assert "eth2" in report.failures["physical_network/provider"]
    real_machine.ip("link", "add", "eth2", "type", "veth", "peer", "name", "eth2-wire")
    controller.expect_report(lambda report: report.realised_version == "1")
    assert real_machine.is_up("eth2")


@pytest.fixture
def southbound(real_machine: Machine) -> Machine:
    """A Southbound database on the machine, and a program to start ovn-controller."""
    database = real_machine.directory / "sb.db"
    subprocess.run(["ovsdb-tool", "create", database, "/usr/share/ovn/ovn-sb.ovsschema"], check=True)
    remote = f"--remote=punix:{real_machine.directory}/sb.sock"
    real_machine.start("sb", "ovsdb-server", str(database), remote, f"--unixctl={real_machine.directory}/sb.ctl")
    real_machine.environment |= dict.fromkeys(("OVN_RUNDIR", "OVN_LOGDIR"), str(real_machine.directory))
    until((real_machine.directory / "sb.sock").exists, "Southbound")
    subprocess.run(["ovn-sbctl", f"--db=unix:{real_machine.directory}/sb.sock", "init"], check=True)
    return real_machine


def test_every_ovn_controller_is_told_to_log_without_limit_and_its_connection_reported(running, southbound, controller):
    southbound.start("ovn", "ovn-controller", southbound.remote)
    until(lambda: running.log.count("ovn-controller log unlimited") == 1, "first start")
    controller.expect_report(lambda report: report.ovn_connected)
    southbound.stop("ovn", kill=True)
    controller.expect_report(lambda report: not report.ovn_connected)
    southbound.start("ovn", "ovn-controller", southbound.remote)
    until(lambda: running.log.count("ovn-controller log unlimited") == 2, "second start")
    controller.expect_report(lambda report: report.ovn_connected)


def test_ovn_controller_waits_before_it_clears_unless_the_switch_was_started_just_now(running, southbound):
    key = "ovn-ofctrl-wait-before-clear"
    southbound.start("ovn", "ovn-controller", southbound.remote)
    socket_path = southbound.directory / "br-int.mgmt"
    until(socket_path.exists, "the integration bridge")
    assert southbound.ids()[key] == "0"
    until(lambda: southbound.ids()[key] == "1500", "settled", seconds=15)
    southbound.stop("vswitchd", kill=True)
    southbound.start_switch()
    until(lambda: southbound.ids()[key] == "0", "started anew")


@pytest.fixture
def workload(real_machine: Machine) -> str:
    """A network namespace to plug."""
    name = f"{real_machine.netns}-w"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def inside(netns: str) -> dict[str, object]:
    command = ["ip", "-netns", netns, "-json", "link", "show", "dev", "eth0"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return next(iter(json.loads(found.stdout or "[]")), {})


def test_plug_gives_a_namespace_its_device_and_repeating_it_changes_nothing(running, real_machine, workload):
    done = running.call("plug", UUID, "--netns", workload, *MAC)
    assert (done.returncode, done.stdout.strip()) == (0, DEVICE), done.stderr
    assert inside(workload)["address"] == "02:00:00:00:01:01"
    assert {"iface-id": UUID, "headgate": "plug"}.items() <= real_machine.interface_ids(DEVICE).items()
    assert real_machine.vsctl("port-to-br", DEVICE) == "br-int"
    assert real_machine.vsctl("get-fail-mode", "br-int") == "secure"
    before, index = real_machine.writes(), inside(workload)["ifindex"]
    assert running.call("plug", UUID, "--netns", workload, *MAC).returncode == 0
    assert inside(workload)["ifindex"] == index
    assert real_machine.vsctl("list-ports", "br-int").split() == [DEVICE]
    assert before == real_machine.writes()


def test_a_workload_whose_ethernet_address_nobody_told_is_refused_in_words(running, workload):
    refused = running.call("plug", UUID, "--netns", workload)
    assert refused.returncode == 1
    assert "--mac" in refused.stderr
    assert subprocess.run(["ip", "-netns", workload, "link", "show", "eth0"], check=False).returncode != 0


def test_unplug_removes_what_plug_made_and_may_be_repeated(running, real_machine, workload):
    running.call("plug", UUID, "--netns", workload, *MAC)
    for _ in range(2):
        done = running.call("unplug", UUID)
        assert done.returncode == 0, done.stderr
        assert inside(workload) == {}
        assert real_machine.link(DEVICE) == {}
        assert real_machine.vsctl("list-ports", "br-int") == ""


def test_a_port_is_plugged_by_name_with_the_address_that_is_expected(running, real_machine, controller, workload):
    name = "projects/p/vpcs/v/subnets/s/ports/web1"
    refused = running.call("plug", name, "--netns", workload, "--timeout", "0.2")
    assert refused.returncode == 1
    assert "is not expected on this host" in refused.stderr
    waiting = subprocess.Popen(
        ["ip", "netns", "exec", real_machine.netns, *running.command, "plug", name, "--netns", workload]
    )
    controller.say("2", desired_port(name), base_version="1")
    assert waiting.wait(10) == 0
    assert inside(workload)["address"] == "02:00:00:00:00:42"
    assert real_machine.interface_ids(DEVICE)["iface-id"] == UUID


def desired_port(name: str) -> dict[str, object]:
    return {name: pb.DesiredObject(port=pb.ExpectedPort(iface_id=UUID, mac="02:00:00:00:00:42"))}


def test_a_plugged_workload_is_plugged_again_after_its_namespace_was_made_anew(running, real_machine, workload):
    running.call("plug", UUID, "--netns", workload, *MAC)
    subprocess.run(["ip", "netns", "delete", workload], check=True)
    subprocess.run(["ip", "netns", "add", workload], check=True)
    until(lambda: real_machine.link(DEVICE) == {}, "the pair went with its namespace")
    done = running.call("plug", UUID, "--netns", workload, *MAC)
    assert done.returncode == 0, done.stderr
    assert inside(workload)["ifname"] == "eth0"
    assert real_machine.vsctl("list-ports", "br-int").split() == [DEVICE]


def test_a_device_that_is_there_is_plugged_and_stays_when_unplugged(running, real_machine):
    real_machine.ip("tuntap", "add", "tap7", "mode", "tap")
    assert running.call("plug", UUID, "--tap", "tap7").returncode == 0
    assert real_machine.vsctl("port-to-br", "tap7") == "br-int"
    assert running.call("unplug", UUID).returncode == 0
    assert real_machine.vsctl("list-ports", "br-int") == ""
    assert real_machine.link("tap7")["ifname"] == "tap7"


def test_a_missing_tap_and_a_foreign_device_are_refused_in_words(running, real_machine, workload):
    missing = running.call("plug", UUID, "--tap", "tap9")
    assert (missing.returncode, "create it first" in missing.stderr) == (1, True)
    subprocess.run(["ip", "-netns", workload, "link", "add", "eth0", "type", "bridge"], check=True)
    foreign = running.call("plug", UUID, "--netns", workload, *MAC)
    assert (foreign.returncode, "not ours" in foreign.stderr) == (1, True)


def test_a_plugged_workload_is_reported(running, real_machine, controller, workload):
    running.call("plug", UUID, "--netns", workload, *MAC)
    report = controller.expect_report(lambda report: report.interfaces and report.interfaces[0].link_up)
    assert (report.interfaces[0].name, report.interfaces[0].iface_id) == (DEVICE, UUID)


def test_the_agent_leaves_nothing_running_and_only_its_state_behind(running, real_machine):
    children = f"/proc/{running.process.pid}/task/{running.process.pid}/children"
    assert running.stop() == 0
    assert not Path(children).exists()
    assert [path.name for path in running.state.parent.iterdir()] == ["desired"]
