"""The test bed itself: it boots, packets cross it, faults work, and nothing is left behind.

The switches are programmed by hand here, with the commands that agents replace.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from headgate_lab import ByHand, Lab, LabError, no_reach, reach, seen_as, site_of, three_hosts
from headgate_lab.command import run
from headgate_lab.configuration import PHYSICAL_NETWORK, PROVIDER_BRIDGE, SB_PORT, TUNNEL_BRIDGE
from headgate_lab.host import LabHost
from headgate_lab.namespaces import End, Namespace, cable, unplug
from headgate_lab.registry import Record, Registry, current_boot
from headgate_lab.topology import CENTRAL_ADDRESS, UNDERLAY_MTU, Endpoint, Workload
from headgate_lab.waiting import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

BOOT_SECONDS = 20
"""Generous: a quiet machine takes two."""

CRASHING = """
import sys
from headgate_lab import ByHand, Lab, site_of
nothing = lambda *_: None
lab = Lab.boot(site_of(1), by_hand=ByHand(plug=nothing, unplug=nothing))
print(lab.record.name, flush=True)
sys.stdin.read()
"""


def program(host: LabHost) -> None:
    """What an agent does to a switch: bridges, uplinks, tunnel address, and what ovn-controller is told."""
    spec, vsctl = host.spec, host.switch.vsctl
    bridges = {TUNNEL_BRIDGE: spec.underlay, PROVIDER_BRIDGE: spec.provider}
    for bridge, link in bridges.items():
        vsctl("--may-exist", "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")
        vsctl("--may-exist", "add-port", bridge, link.device)
    vsctl("set", "Bridge", TUNNEL_BRIDGE, f'other_config:hwaddr="{spec.tunnel_mac}"')
    await_device(host.namespace, TUNNEL_BRIDGE)
    await_device(host.namespace, PROVIDER_BRIDGE)
    host.namespace.ip(
        f"address replace {spec.tunnel_address} dev {TUNNEL_BRIDGE}",
        f"link set {TUNNEL_BRIDGE} up mtu {UNDERLAY_MTU}",
        f"link set {PROVIDER_BRIDGE} up",
    )
    settings = {
        "system-id": spec.name,
        "ovn-remote": f'"tcp:{CENTRAL_ADDRESS}:{SB_PORT}"',
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": spec.tunnel_address.partition("/")[0],
        "ovn-bridge-datapath-type": "netdev",
        "ovn-bridge-mappings": f"{PHYSICAL_NETWORK}:{PROVIDER_BRIDGE}",
    }
    vsctl("set", "Open_vSwitch", ".", *(f"external_ids:{key}={value}" for key, value in settings.items()))


def await_device(namespace: Namespace, device: str) -> None:
    """A restarted switch daemon answers before it has made its devices again."""

    def there() -> bool:
        return device in namespace.run("ls", "/sys/class/net").split()

    wait_until(there, seconds=10, what=f"{device} in {namespace.name}")


def plug(host: LabHost, workload: Workload, namespace: Namespace) -> None:
    device = f"p-{workload.name}"
    unplug(End(host.namespace, device))
    cable(End(namespace, "eth0"), End(host.namespace, device), mtu=1500)
    iface = f"external_ids:iface-id={workload.port}"
    host.switch.vsctl("--may-exist", "add-port", "br-int", device, "--", "set", "Interface", device, iface)


def unplug_by_hand(host: LabHost, workload: Workload, _namespace: Namespace) -> None:
    device = f"p-{workload.name}"
    host.switch.vsctl("--if-exists", "del-port", "br-int", device)
    unplug(End(host.namespace, device))


HANDS = ByHand(plug=plug, unplug=unplug_by_hand)


def program_all(lab: Lab) -> None:
    for host in lab.hosts.values():
        program(host)
    lab.await_hosts()


def overlay(lab: Lab, switch: str, ports: dict[str, str]) -> None:
    """One logical switch; `ports` are name and address, the MAC follows from the address."""
    lab.central.nbctl("ls-add", switch)
    for name, address in ports.items():
        lab.central.nbctl("lsp-add", switch, name, "--", "lsp-set-addresses", name, f"{mac_of(address)} {address}")


def vlan(lab: Lab, switch: str, tag: int) -> None:
    localnet = f"{switch}-localnet"
    lab.central.nbctl(
        *("lsp-add", switch, localnet, "--", "lsp-set-type", localnet, "localnet"),
        *("--", "lsp-set-addresses", localnet, "unknown"),
        *("--", "lsp-set-options", localnet, f"network_name={PHYSICAL_NETWORK}"),
        *("--", "set", "Logical_Switch_Port", localnet, f"tag={tag}"),
    )


def mac_of(address: str) -> str:
    return "0a:00:" + ":".join(f"{int(octet):02x}" for octet in address.split("."))


def vm(lab: Lab, name: str, host: str, address: str, gateway: str | None = None) -> None:
    lab.workload(name, host=host, port=name, ip=f"{address}/24", mac=mac_of(address), gateway=gateway)


def boot(hosts: int) -> Lab:
    return Lab.boot(site_of(hosts), by_hand=HANDS)


@pytest.fixture(scope="module")
def bench() -> Iterator[Lab]:
    """Three programmed hosts: a1 and a2 on one overlay, b1 alone on another, v1 on the VLAN of the internet."""
    with Lab.boot(three_hosts(), by_hand=HANDS) as lab:
        program_all(lab)
        overlay(lab, "a", {"a1": "10.1.0.11", "a2": "10.1.0.12"})
        overlay(lab, "b", {"b1": "10.1.0.13"})
        overlay(lab, "v", {"v1": "203.0.113.50"})
        vlan(lab, "v", 200)
        vm(lab, "a1", "h1", "10.1.0.11")
        vm(lab, "a2", "h2", "10.1.0.12")
        vm(lab, "b1", "h3", "10.1.0.13")
        vm(lab, "v1", "h3", "203.0.113.50", gateway="203.0.113.1")
        yield lab


def test_three_hosts_boot_in_seconds_and_leave_nothing():
    started = time.monotonic()
    lab = boot(3)
    seconds = time.monotonic() - started
    assert all(daemon.alive for daemon in lab.daemons.values())
    started = time.monotonic()
    lab.down()
    print(f"up {seconds:.2f} s, down {time.monotonic() - started:.2f} s")
    assert lab.leftovers() == []
    assert seconds < BOOT_SECONDS


def test_workloads_on_two_hosts_reach_each_other_over_geneve(bench):
    before = tunnel_packets(bench.hosts["h1"], "h2")
    matrix = bench.expect(
        reach("a1", "a2"), reach("a2", "a1", protocol="tcp", port=80), seen_as("a1", "a2", "10.1.0.11")
    ).within(seconds=30)
    assert matrix.unmet == ()
    wait_until(lambda: tunnel_packets(bench.hosts["h1"], "h2") > before, seconds=10, what="Geneve packets are counted")


def test_switches_are_isolated_and_the_vlan_leads_through_the_top_of_rack(bench):
    bench.expect(
        reach("v1", "internet"),
        reach("v1", "198.51.100.7", protocol="tcp", port=80),
        reach("internet", "v1", protocol="tcp"),
        seen_as("v1", "198.51.100.7", "203.0.113.50"),
        no_reach("a1", "b1"),
        no_reach("a1", "b1", protocol="tcp"),
        no_reach("b1", "internet"),
    ).within(seconds=30)


def test_an_endpoint_on_another_vlan_is_not_reached(bench):
    bench.endpoint(Endpoint(name="elsewhere", vlan=201, addresses=("203.0.113.66/24",)))
    bench.expect(reach("v1", "internet"), no_reach("v1", "203.0.113.66")).within(seconds=30)


def test_failed_expectations_say_who_whom_expected_and_saw(bench):
    bench.expect(reach("a1", "a2")).within(seconds=30)
    with pytest.raises(AssertionError) as failure:
        bench.expect(
            reach("a1", "a2"), no_reach("a1", "a2"), reach("b1", "a1"), seen_as("a1", "a2", "192.0.2.1", port=80)
        ).within(seconds=2)
    text = str(failure.value)
    assert "3 of 4 expectations not met within 2 s" in text
    assert re.search(r"^ok +a1 +a2 +icmp +reply +reply$", text, re.MULTILINE)
    assert re.search(r"^NO +a1 +a2 +icmp +nothing +reply$", text, re.MULTILINE)
    assert re.search(r"^NO +b1 +a1 +icmp +reply +(silence|.*unreachable)$", text, re.MULTILINE)
    assert re.search(r"^NO +a1 +a2 +tcp/80 +seen as 192\.0\.2\.1 +seen as 10\.1\.0\.11$", text, re.MULTILINE)


def test_a_failed_expectation_names_daemons_that_do_not_run(bench):
    northd = bench.daemons["central/ovn-northd"]
    northd.kill()
    try:
        with pytest.raises(AssertionError, match=r"not running: central/ovn-northd, see .*ovn-northd\.log"):
            bench.expect(reach("a1", "10.1.0.99")).within(seconds=0)
    finally:
        northd.start()


def test_negative_probes_share_one_window(bench):
    started = time.monotonic()
    bench.expect(*(no_reach("a1", f"10.1.0.{last}") for last in range(100, 120))).within(seconds=5)
    assert time.monotonic() - started < 5


def test_a_gap_is_as_long_as_the_uplinks_were_down(bench):
    bench.expect(reach("a1", "a2")).within(seconds=30)
    with bench.ping_gap("a1", "a2") as quiet:
        wait_for_replies(bench)
    assert quiet.seconds < 0.5
    with bench.ping_gap("a1", "a2") as gap:
        bench.hosts["h2"].set_uplinks(up=False)
        bench.expect(no_reach("a1", "a2")).within(seconds=5)
        bench.hosts["h2"].set_uplinks(up=True)
        bench.expect(reach("a1", "a2")).within(seconds=30)
    print(f"quiet {quiet}, cut {gap}")
    assert gap.seconds > 1
    assert gap.lost > 10


def test_a_connection_that_never_comes_back_shows_as_a_gap(bench):
    bench.expect(reach("a1", "a2")).within(seconds=30)
    with bench.ping_gap("a1", "a2") as gap:
        bench.hosts["h2"].set_uplinks(up=False)
        bench.expect(no_reach("a1", "a2")).within(seconds=5)
    bench.hosts["h2"].set_uplinks(up=True)
    assert gap.seconds > 1


def test_a_ping_without_any_reply_is_an_error_not_a_gap(bench, monkeypatch):
    monkeypatch.setattr("headgate_lab.gap.WARM_UP_SECONDS", 1.0)
    with pytest.raises(LabError, match="a reply from"), bench.ping_gap("a1", "b1"):
        pytest.fail("the body must not run")


def test_a_northbound_snapshot_changes_with_what_is_written_and_not_with_what_ovn_fills_in(bench):
    before, count = bench.nb_rows(), bench.nb_cfg()
    bench.central.nbctl("--wait=hv", "sync")
    assert bench.nb_rows() == before
    assert bench.nb_cfg() == count + 1
    bench.central.nbctl("ls-add", "extra")
    after = bench.nb_rows()
    assert [row["name"] for row in after["Logical_Switch"].values() if row["name"] == "extra"] == ["extra"]
    bench.central.nbctl("ls-del", "extra")
    assert bench.nb_rows() == before


def test_every_daemon_is_killed_restarted_paused_and_resumed_by_its_own_pid(bench):
    for name, daemon in bench.daemons.items():
        pid = daemon.pid
        daemon.kill()
        assert not daemon.alive, name
        daemon.start()
        assert daemon.pid != pid, name
        daemon.pause()
        assert state_of(daemon.pid) == "T", name
        daemon.resume()
        daemon.restart()
        assert daemon.alive, name
        assert daemon.log.exists(), name
    program_all(bench)
    bench.expect(reach("a1", "a2"), reach("v1", "internet")).within(seconds=30)


def test_a_rebooted_host_comes_back_with_its_disk_and_its_workloads(bench):
    bench.expect(reach("a1", "a2")).within(seconds=30)
    bench.crash("h2")
    bench.expect(no_reach("a1", "a2")).within(seconds=5)
    bench.power_on("h2")
    assert "br-phy" in bench.hosts["h2"].switch.vsctl("list-br").split()
    program(bench.hosts["h2"])
    bench.expect(reach("a1", "a2"), reach("a2", "a1", protocol="tcp")).within(seconds=30)


def test_a_detached_workload_is_gone_and_its_name_is_free(bench):
    overlay(bench, "d", {"d1": "10.1.0.31", "d2": "10.1.0.32"})
    vm(bench, "d1", "h1", "10.1.0.31")
    vm(bench, "d2", "h2", "10.1.0.32")
    bench.expect(reach("d1", "d2"), reach("d1", "d2", protocol="tcp")).within(seconds=30)
    bench.detach("d2")
    bench.expect(no_reach("d1", "10.1.0.32")).within(seconds=5)
    assert "p-d2" not in bench.hosts["h2"].switch.vsctl("list-ports", "br-int").split()
    vm(bench, "d2", "h3", "10.1.0.32")
    bench.expect(reach("d1", "d2"), reach("d1", "d2", protocol="tcp")).within(seconds=30)


def test_labs_run_side_by_side_with_the_same_addresses():
    with ExitStack() as stack:
        labs = [stack.enter_context(boot(2)) for _ in range(2)]
        for lab in labs:
            program_all(lab)
            overlay(lab, "a", {"a1": "10.1.0.11", "a2": "10.1.0.12"})
            vm(lab, "a1", "h1", "10.1.0.11")
        first, second = labs
        vm(first, "a2", "h2", "10.1.0.12")
        first.expect(reach("a1", "a2")).within(seconds=30)
        second.expect(no_reach("a1", "10.1.0.12")).within(seconds=5)
        second.down()
        first.expect(reach("a1", "a2")).within(seconds=5)
    assert [lab.leftovers() for lab in labs] == [[], []]


def test_a_lab_whose_process_was_killed_is_removed_by_the_next_boot():
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as crashing:
        name = crashing.stdout.readline().strip()
        dead = Registry().get(name)
        assert len(dead.processes()) >= 8
        crashing.send_signal(signal.SIGKILL)
    with boot(1):
        assert Registry().get(name) is None
        assert dead.leftovers() == []


def test_the_daemons_of_a_killed_process_end_with_it():
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as crashing:
        dead = Registry().get(crashing.stdout.readline().strip())
        assert dead.processes()
        crashing.send_signal(signal.SIGKILL)
    try:
        wait_until(lambda: not dead.processes(), seconds=5, what="all daemons end")
    finally:
        Registry().reap()


def test_a_process_that_merely_has_the_pid_of_a_dead_daemon_is_spared(tmp_path):
    run_dir = tmp_path / "run"
    (run_dir / "h1").mkdir(parents=True)
    registry = Registry(tmp_path / "labs")
    gone = (os.getpid(), 1)
    record = Record(name="t1", run_dir=str(run_dir), hosts=1, api_port=1, boot_id=current_boot(), owner=gone)
    registry.add(record)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        try:
            (run_dir / "h1" / "ovs-vswitchd.pid").write_text(f"{bystander.pid}\n")
            assert registry.reap() == ["t1"]
            assert bystander.poll() is None
            assert not run_dir.exists()
        finally:
            bystander.kill()


def test_labs_of_living_processes_are_never_reaped(bench):
    assert Registry().reap() == []
    assert all(daemon.alive for daemon in bench.daemons.values())


def test_a_fixed_name_belongs_to_one_lab_at_a_time(bench):
    with pytest.raises(LabError, match="exists already"):
        Lab.boot(site_of(1), by_hand=HANDS, name=bench.record.name)
    assert all(daemon.alive for daemon in bench.daemons.values())


def test_a_boot_that_fails_names_the_daemon_and_its_last_words_and_leaves_nothing(tmp_path, monkeypatch):
    broken = tmp_path / "ovn-northd"
    broken.write_text("#!/bin/sh\necho cannot go on\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = {record.name for record in Registry().records()}
    with pytest.raises(LabError, match=r"ovn-northd ended with status 3\n.*ovn-northd\.log:\n +cannot go on"):
        boot(1)
    assert {record.name for record in Registry().records()} == before


def tunnel_packets(host: LabHost, peer: str) -> int:
    """Packets that left the integration bridge through Geneve to a peer."""
    text = run(["ovs-ofctl", "dump-ports", f"unix:{host.run_dir}/br-int.mgmt", f"ovn-{peer}-0"])
    return int(re.search(r"tx pkts=(\d+)", text)[1])


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for_replies(lab: Lab) -> None:
    """Something that takes a moment and disturbs nothing."""
    lab.expect(no_reach("b1", "a1")).within(seconds=1)


CONTROLLER = """
import signal, socket, sys, tomllib
config = tomllib.load(open(sys.argv[2], "rb"))
assert config["southbound_remote"] == "ssl:10.99.0.1:6642", config
assert config["database"].startswith("sqlite:////"), config
held = []
for where in config["listen"] + config["host_listen"]:
    if where.startswith("unix:"):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].bind(where.removeprefix("unix:"))
    else:
        held.append(socket.socket())
        held[-1].bind((where.split(":")[0], int(where.split(":")[1])))
    held[-1].listen()
print("ready", flush=True)
signal.pause()
"""

AGENT = """
import os, signal, socket, subprocess, sys, time, tomllib
config = tomllib.load(open(sys.argv[2], "rb"))
call = lambda *argv: subprocess.run(argv, check=True)
vsctl = lambda *argv: call("ovs-vsctl", "--db=" + config["ovsdb"], *argv)
def dial():
    host, _, port = config["controllers"][0].rpartition(":")
    while True:
        try:
            return socket.create_connection((host, int(port)))
        except OSError:
            time.sleep(0.05)
def run():
    dial()
    for name, bridge in config["bridges"].items():
        vsctl("--may-exist", "add-br", name, "--", "set", "Bridge", name, "datapath_type=" + config["datapath_type"])
        for uplink in bridge["uplinks"]:
            vsctl("--may-exist", "add-port", name, uplink)
    while config["tunnel_device"] not in os.listdir("/sys/class/net"):
        time.sleep(0.01)
    call("ip", "address", "replace", config["tunnel_address"], "dev", config["tunnel_device"])
    call("ip", "link", "set", config["tunnel_device"], "up")
    vsctl("set-ssl", *(config["pki_dir"] + name for name in ("/identity.pem", "/identity.pem", "/ca.pem")))
    settings = {"system-id": config["host"], "ovn-remote": "ssl:10.99.0.1:6642", "ovn-encap-type": "geneve",
                "ovn-encap-ip": config["tunnel_address"].split("/")[0], "ovn-bridge-datapath-type": "netdev"}
    vsctl("set", "Open_vSwitch", ".", *('external_ids:%s="%s"' % item for item in settings.items()))
    signal.pause()
def plug(port, _netns, namespace, *_address):
    call("ip", "link", "add", "p-" + port, "up", "type", "veth", "peer", "name", "eth0", "netns", namespace)
    vsctl("--may-exist", "add-port", "br-int", "p-" + port, "--", "set", "Interface", "p-" + port,
          "external_ids:iface-id=" + port)
def unplug(port):
    vsctl("del-port", "p-" + port)
    call("ip", "link", "delete", "p-" + port)
globals()[sys.argv[3]](*sys.argv[4:])
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for controller and agent that read the files the lab writes for the real ones."""
    for package, text in {"headgate_controller": CONTROLLER, "headgate_hostagent": AGENT}.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__main__.py").write_text(text)
        (tmp_path / package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_controller_and_agents_are_daemons_of_the_lab_and_hosts_reboot_with_them(programs):
    with Lab.boot(site_of(2)) as lab:
        assert {"controller", "h1/agent", "h2/agent"} <= set(lab.daemons)
        overlay(lab, "a", {"a1": "10.1.0.11", "a2": "10.1.0.12"})
        vm(lab, "a1", "h1", "10.1.0.11")
        vm(lab, "a2", "h2", "10.1.0.12")
        lab.expect(reach("a1", "a2")).within(seconds=30)
        lab.reboot("h2")
        lab.expect(reach("a1", "a2")).within(seconds=30)
        lab.detach("a1")
        with socket.create_connection(("127.0.0.1", lab.record.api_port), timeout=1):
            pass
    assert lab.leftovers() == []


def test_an_agent_that_ends_at_once_fails_the_boot_with_its_last_words(programs):
    (programs / "headgate_hostagent" / "__main__.py").write_text("raise SystemExit('no such setting')")
    with pytest.raises(LabError, match=r"h1/agent ended\n(.*\n)*.*no such setting"):
        Lab.boot(site_of(1))


def test_the_command_line_boots_a_lab_that_stays_until_it_is_taken_down(programs):
    name = f"cli{os.getpid()}"

    def lab(*argv: str) -> str:
        return run([sys.executable, "-m", "headgate_lab", "--name", name, *argv], seconds=60)

    try:
        text = lab("up", "--hosts", "1")
        endpoint = re.search(r"API +127\.0\.0\.1:(\d+), unix:/", text)
        with socket.create_connection(("127.0.0.1", int(endpoint[1])), timeout=1):
            pass
        assert "is up already" in lab("up")
        assert "DOWN" not in lab("status")
        assert "br-phy" in lab("shell", "h1", "-c", "ovs-vsctl list-br")
        lab("workload", "w1", "--host", "h1", "--port", "w1", "--ip", "10.1.0.9/24")
        assert "10.1.0.9/24" in lab("shell", "w1", "-c", "ip -br address")
    finally:
        text = lab("down")
    assert "nothing left behind" in text
    assert "is not up" in lab("down")


def test_down_after_a_failure_in_the_middle_of_a_boot_leaves_nothing_even_with_a_daemon_frozen():
    lab = boot(1)
    lab.daemons["h1/ovs-vswitchd"].pause()
    lab.daemons["central/ovn-northd"].kill()
    lab.down()
    lab.down()
    assert lab.leftovers() == []
