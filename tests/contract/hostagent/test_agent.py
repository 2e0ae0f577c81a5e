"""The agent on a real database: what it makes of Open_vSwitch, keeps, repairs and leaves alone."""

import signal
import time

import pytest
from agent_bench import AgentProcess, Controller, Machine, desired, until
from silent_relay import relay

from headgate.v1 import host_link_pb2 as pb

FLAPPING_SECONDS, MOST_STREAMS = 5.0, 20
"""The waits are random, 0.1 s on average at first and double each time: seven streams or so in five seconds."""

MAPPINGS = "ovn-bridge-mappings"


@pytest.fixture
def running(agent: AgentProcess, controller: Controller) -> AgentProcess:
    """The agent, connected and with its first desired state realised."""
    agent.start()
    controller.hello()
    assert controller.say("1", desired()).ack.version == "1"
    controller.expect_report(lambda report: report.realised_version == "1")
    return agent


def test_a_desired_state_becomes_rows(running: AgentProcess, machine: Machine):
    ids = machine.ids()
    assert {key: ids.get(key) for key in ("system-id", "hostname")} == {"system-id": "h1", "hostname": "h1"}
    assert ids["ovn-remote"] == "tcp:10.99.0.1:6642"
    assert ids["ovn-encap-type"] == "geneve"
    assert ids["ovn-encap-ip"] == "172.31.0.11"
    assert ids["ovn-bridge-datapath-type"] == "netdev"
    assert ids[MAPPINGS] == "provider:br-ext"
    assert ids["ovn-monitor-all"] == "false"
    assert machine.vsctl("list-br").split() == ["br-ext", "br-phy"]
    assert machine.vsctl("get", "bridge", "br-phy", "datapath_type") == "netdev"
    assert machine.vsctl("get", "bridge", "br-phy", "other_config:hwaddr") == '"02:00:00:00:00:0b"'


def test_ovn_is_given_the_hosts_certificate_and_loses_it_again(running: AgentProcess, machine, controller):
    def ssl_row() -> str:
        return machine.vsctl("--bare", "--columns=private_key,certificate,ca_cert", "list", "SSL")

    controller.say("2", desired(remote="ssl:10.99.0.1:6642"))
    told = controller.expect_report(lambda report: report.failures)
    assert "there is no /var/lib/headgate-agent/pki/identity.pem; enrol this host" in told.failures["chassis"]
    identity = "/var/lib/headgate-agent/pki/identity.pem"
    assert ssl_row().split() == [identity, identity, "/var/lib/headgate-agent/pki/ca.pem"]
    controller.say("3", desired())
    controller.expect_report(lambda report: report.realised_version == "3")
    assert ssl_row() == ""


def test_the_certificate_that_somebody_else_gave_open_vswitch_survives(running: AgentProcess, machine, controller):
    machine.vsctl("set-ssl", "/their/key", "/their/certificate", "/their/ca")
    controller.say("2", desired(remote="ssl:10.99.0.1:6642"))
    told = controller.expect_report(lambda report: report.failures)
    assert "/their/certificate of somebody else; take it out: ovs-vsctl del-ssl" in told.failures["chassis"]
    assert machine.vsctl("get-ssl").count("/their/") == 3
    machine.vsctl("del-ssl")
    controller.expect_report(lambda report: "there is no" in report.failures.get("chassis", ""))


def test_hello_names_host_facts_and_what_is_held(agent: AgentProcess, controller: Controller):
    agent.start()
    first = controller.hello()
    assert (first.host, first.held_version, first.epoch) == ("h1", "", 0)
    assert (first.oldest_protocol, first.protocol) == (1, 2)
    assert (first.facts.tunnel_ip, dict(first.facts.physical_networks)) == ("172.31.0.11", {"provider": "br-ext"})
    controller.say("7", desired(), epoch=3)
    agent.stop()
    agent.start()
    second = controller.hello()
    assert (second.held_version, second.epoch) == ("7", 3)


def test_a_controller_of_an_older_and_of_a_newer_version_is_worked_with(running, controller):
    assert controller.say("2", desired()).ack.version == "2", "one that knows no welcome"
    controller.tell(welcome=pb.Welcome(protocol=2))
    controller.tell()  # a message of a later version, of which this one knows nothing
    assert controller.say("3", desired()).ack.version == "3"


def test_a_controller_that_speaks_what_this_agent_does_not_is_left_with_words(running, controller):
    controller.tell(welcome=pb.Welcome(protocol=9))
    until(lambda: "version 9 of the host protocol is not spoken here; upgrade this agent" in running.log)
    controller.hello()
    assert controller.say("2", desired()).ack.version == "2", "it tries again, and one that it understands is heard"


def test_a_restart_writes_nothing(running: AgentProcess, machine: Machine, controller: Controller):
    before = machine.writes()
    assert running.stop() == 0
    controller.report = pb.Report()
    running.start()
    controller.hello()
    controller.expect_report(lambda report: report.realised_version == "1")
    assert machine.writes() == before


def test_a_kill_and_restart_without_any_controller_writes_nothing(running, machine, controller):
    before = machine.writes()
    running.stop(kill=True)
    controller.close()
    running.start()
    until(lambda: running.log.count("agent started") == 2)
    machine.vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-remote=tcp:6.6.6.6:6642")
    until(lambda: machine.ids()["ovn-remote"] == "tcp:10.99.0.1:6642", "repair, headless")
    assert machine.ids()[MAPPINGS] == "provider:br-ext"
    assert before != machine.writes()


def test_keys_and_rows_that_are_not_ours_survive(running, machine, controller):
    machine.vsctl("set", "Open_vSwitch", ".", "external_ids:rundir=/x", "external_ids:ovn-cms-options=y")
    machine.vsctl("add-br", "br-mine", "--", "add-port", "br-ext", "mine")
    assert controller.say("2", desired(remote="tcp:2.2.2.2:6642")).ack.version == "2"
    controller.expect_report(lambda report: report.realised_version == "2")
    ids = machine.ids()
    assert (ids["rundir"], ids["ovn-cms-options"], ids["ovn-remote"]) == ("/x", "y", "tcp:2.2.2.2:6642")
    assert machine.vsctl("list-br").split() == ["br-ext", "br-mine", "br-phy"]
    assert machine.vsctl("list-ports", "br-ext").split() == ["eth2", "mine"]


ROOT, KEYS = ("Open_vSwitch", "."), "external_ids"
HWADDR = "other_config:hwaddr"


@pytest.mark.parametrize(
    ("edit", "query", "right"),
    [
        (("set", *ROOT, f"{KEYS}:system-id=x"), ("get", *ROOT, f"{KEYS}:system-id"), "h1"),
        (("remove", *ROOT, KEYS, MAPPINGS), ("get", *ROOT, f"{KEYS}:{MAPPINGS}"), '"provider:br-ext"'),
        (("set", "bridge", "br-phy", "datapath_type=system"), ("get", "bridge", "br-phy", "datapath_type"), "netdev"),
        (("set", "bridge", "br-phy", f"{HWADDR}=02:ff"), ("get", "bridge", "br-phy", HWADDR), '"02:00:00:00:00:0b"'),
        (("del-port", "br-ext", "eth2"), ("port-to-br", "eth2"), "br-ext"),
        (("del-br", "br-ext"), ("br-exists", "br-ext"), ""),
    ],
)
def test_hand_edits_are_repaired_within_a_second(running, machine, edit, query, right):
    machine.vsctl(*edit)

    def repaired() -> bool:
        try:
            return machine.vsctl(*query) == right
        except Exception:
            return False

    until(repaired, f"repair of {edit}", seconds=1.0)


def test_a_delta_changes_only_what_it_names(running, machine, controller):
    assert controller.say("2", {}, base_version="1", remove=["physical_network/provider"]).ack.version == "2"
    controller.expect_report(lambda report: report.realised_version == "2")
    assert MAPPINGS not in machine.ids()
    assert machine.ids()["ovn-remote"] == "tcp:10.99.0.1:6642"


def test_a_stale_epoch_is_refused_and_changes_nothing(running, machine, controller):
    controller.say("2", desired(), epoch=5)
    answer = controller.say("9", desired(remote="tcp:6.6.6.6:6642"), epoch=4)
    assert (answer.nack.reason, answer.nack.version) == ("STALE_EPOCH", "2")
    assert machine.ids()["ovn-remote"] == "tcp:10.99.0.1:6642"


def test_a_delta_on_another_base_is_refused_and_changes_nothing(running, controller):
    answer = controller.say("3", {}, base_version="2", remove=["chassis"])
    assert (answer.nack.reason, answer.nack.version) == ("UNKNOWN_BASE", "1")


def test_a_network_without_its_bridge_is_reported_and_not_mapped(running, machine, controller):
    controller.say("2", desired(networks={"provider": "br-ext", "other": "br-none"}))
    report = controller.expect_report(lambda report: "physical_network/other" in report.failures)
    assert "br-none" in report.failures["physical_network/other"]
    assert report.realised_version == ""
    assert machine.ids()[MAPPINGS] == "provider:br-ext"


def test_a_report_says_what_open_vswitch_says(running, machine, controller):
    machine.vsctl("add-br", "br-int", "--", "add-port", "br-int", "p1", "--", "set", "interface", "p1",
                  "external_ids:iface-id=u1", "external_ids:ovn-installed=true")  # fmt: skip
    machine.vsctl("add-port", "br-int", "ovn-h2-0", "--", "set", "interface", "ovn-h2-0", "type=geneve",
                  "options:remote_ip=172.31.0.12", "bfd_status:state=up")  # fmt: skip
    report = controller.expect_report(lambda report: report.tunnels and report.interfaces)
    assert [(bridge.name, list(bridge.ports)) for bridge in report.bridges][1] == (
        "br-int",
        ["br-int", "ovn-h2-0", "p1"],
    )
    assert [(item.name, item.iface_id, item.ovn_installed) for item in report.interfaces] == [("p1", "u1", True)]
    assert [(item.remote_ip, item.bfd_state) for item in report.tunnels] == [("172.31.0.12", "up")]
    assert (report.chassis.ovn_remote, report.chassis.encap_ip) == ("tcp:10.99.0.1:6642", "172.31.0.11")


UNUSABLE = {
    "truncated": (lambda content: content[:-5], "its checksum is wrong"),
    "of another host": (lambda content: content.replace(b'"h1"', b'"h2"'), "it is of host h2, not h1"),
    "of a newer version": (lambda content: content.replace(b'"format": 1', b'"format": 2'), "it has format 2, not 1"),
    "empty": (lambda content: b"", "its first line is damaged"),
    "of zeros": (lambda content: bytes(len(content)), "its first line is damaged"),
}


@pytest.mark.parametrize(("spoil", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_state_is_set_aside_and_nothing_is_deleted(running, machine, controller, spoil, words):
    running.stop()
    before, content = machine.writes(), running.state.read_bytes()
    running.state.write_bytes(spoil(content))
    assert running.state.read_bytes() != content
    running.start()
    assert controller.hello().held_version == ""
    controller.expect_report(lambda report: report.realised_version == "")
    assert f'desired.unusable reason="{words}"' in running.log
    assert not running.state.exists()
    assert machine.writes() == before
    assert controller.say("2", desired()).ack.version == "2"


def test_before_any_desired_state_the_configuration_alone_is_realised(agent: AgentProcess, machine: Machine):
    agent.start()
    until(lambda: machine.vsctl("list-br").split() == ["br-ext", "br-phy"], "bridges")
    until(lambda: machine.ids().get("system-id") == "h1", "system-id")
    assert not {"ovn-remote", MAPPINGS} & machine.ids().keys()


def test_a_bridge_that_is_no_longer_configured_goes_only_if_it_is_ours(running, machine, controller):
    machine.vsctl("add-br", "br-mine")
    running.stop()
    running.config.write_text(running.config.read_text().replace("[bridges.br-phy]", "[bridges.br-new]"))
    running.start()
    until(lambda: machine.vsctl("list-br").split() == ["br-ext", "br-mine", "br-new"], "bridges")


def test_the_database_may_come_later_and_restart(agent: AgentProcess, machine: Machine, controller: Controller):
    machine.stop("ovsdb")
    agent.start()
    controller.hello()
    controller.say("1", desired())
    controller.expect_report(lambda report: "does not answer" in report.failures["chassis"])
    machine.start_database()
    controller.expect_report(lambda report: report.realised_version == "1")
    machine.stop("ovsdb")
    machine.start_database()
    machine.vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-remote=x")
    until(lambda: machine.ids()["ovn-remote"] == "tcp:10.99.0.1:6642", "repair after the database's restart")
    assert "reconcile failed reconciler=host key=switch" in agent.log
    assert " ERROR " not in agent.log, "it passes by itself"


def test_a_database_that_hangs_is_told_and_followed_again(running, machine, controller):
    machine.pause("ovsdb", True)
    try:
        told = controller.expect_report(lambda report: report.failures)
        assert f"Open vSwitch's database at {machine.remote} does not answer" in told.failures["chassis"]
    finally:
        machine.pause("ovsdb", False)
    controller.expect_report(lambda report: report.realised_version == "1")


def test_a_controller_that_ends_every_stream_at_once_is_dialled_ever_less_often(agent, directory):
    flapping = Flapping(f"unix:{directory}/hosts.sock")
    try:
        agent.start()
        until(lambda: flapping.streams, "the first stream")
        until(lambda: time.monotonic() > flapping.began + FLAPPING_SECONDS, seconds=FLAPPING_SECONDS + 1)
    finally:
        flapping.close()
    assert 3 <= flapping.streams <= MOST_STREAMS


class Flapping(Controller):
    """A controller that takes a stream, says welcome, and ends it."""

    streams, began = 0, 0.0

    def Connect(self, requests, context):
        next(requests)
        self.began = self.began or time.monotonic()
        self.streams += 1
        yield pb.ConnectResponse(welcome=pb.Welcome(protocol=2))


def test_a_controller_that_restarts_is_found_again(running, directory, controller):
    controller.close()
    second = Controller(controller.address)
    try:
        assert second.hello().held_version == "1"
        second.expect_report(lambda report: report.realised_version == "1")
    finally:
        second.close()


def test_another_controller_of_the_list_takes_over(agent: AgentProcess, directory, controller: Controller):
    agent.config.write_text(agent.config.read_text().replace("hosts.sock", f'gone.sock", "{controller.address}'))
    agent.start()
    assert controller.hello().host == "h1"


def test_a_full_disk_refuses_the_update_and_keeps_what_was(running, machine, controller):
    blocker = running.state.with_name("desired.new")
    blocker.mkdir()
    answer = controller.say("2", desired(remote="tcp:6.6.6.6:6642"))
    assert (answer.nack.reason, answer.nack.version) == ("NOT_STORED", "1")
    blocker.rmdir()
    assert machine.ids()["ovn-remote"] == "tcp:10.99.0.1:6642"
    assert controller.say("2", desired(), base_version="1").ack.version == "2"


def test_sigterm_stops_it_cleanly(running):
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(5) == 0
    assert "agent stopped" in running.log
    assert "Traceback" not in running.log


def test_an_object_of_an_unknown_kind_is_reported_and_kept_for_a_newer_agent(running, controller):
    unknown = pb.DesiredObject.FromString(b"\xa2\x06\x02hi")
    controller.say("2", {**desired(), "gateway/g": unknown})
    controller.expect_report(lambda report: "upgrade" in report.failures["gateway/g"])
    assert b"\xa2\x06\x02hi" in running.state.read_bytes()


def test_status_shows_what_is_held_and_seen(running):
    shown = running.call("status")
    assert shown.returncode == 0, shown.stderr
    assert "version 1, epoch 1" in shown.stdout
    assert "realised        yes" in shown.stdout
    assert "bridge br-phy" in shown.stdout


def test_a_controller_that_falls_silent_is_noticed_and_another_found(agent, directory, controller):
    first, text = f"{directory}/relay.sock", agent.config.read_text()
    agent.config.write_text(text.replace(f'"{controller.address}"', f'"unix:{first}", "{controller.address}"'))
    with relay(first, controller.address.removeprefix("unix:")) as silent:
        agent.start()
        controller.hello()
        controller.say("1", desired())
        silent.set()
        assert controller.heard.get(timeout=25).hello.held_version == "1"
