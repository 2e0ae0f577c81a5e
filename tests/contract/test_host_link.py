"""The host stream of the real controller; the agents are played by the tests."""

from __future__ import annotations

import queue
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Central, Controller
from host_stream import HostStream, conditions, host_stream
from refusal import of

from api import Api
from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_link_pb2_grpc
from headgate.v1.host_pb2 import Nic
from headgate_lab.waiting import wait_until

SECONDS = 10.0


@pytest.fixture
def subnet(api: Api, project: str) -> str:
    api.create(f"projects/{project}/vpcs/shop")
    return str(api.create(f"projects/{project}/vpcs/shop/subnets/web", cidr="10.1.0.0/24").name)


def await_conditions(api: Api, host: str, wanted: set[str]) -> dict[str, str]:
    wait_until(lambda: set(conditions(api, host)) == wanted, seconds=SECONDS, what=f"the conditions {wanted}")
    return conditions(api, host)


def keys(desired: pb.Desired) -> set[str]:
    return set(desired.put)


def test_hello_registers_the_host_with_its_facts(api: Api, endpoint: str, host: str) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"provider": "br-ext", "storage": "br-st"})
        agent.desired()
        shown = api.get(f"hosts/{host}")
        assert (shown.tunnel_ip, shown.agent_version) == ("192.0.2.1", "test")
        assert dict(shown.physical_networks) == {"provider": "br-ext", "storage": "br-st"}
        assert conditions(api, host) == {}
    assert "headgate-agent" in await_conditions(api, host, {"NOT_CONNECTED"})["NOT_CONNECTED"]
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"provider": "br-ext", "storage": "br-st"})
        agent.desired()
        assert api.get(f"hosts/{host}").etag == shown.etag, "the same facts change nothing"


def test_a_host_that_holds_nothing_is_sent_all_it_is_to_be(api: Api, endpoint: str, host: str, subnet: str) -> None:
    api.create(f"hosts/{host}")
    port = api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"provider": "br-ext"})
        desired = agent.desired()
    assert (bool(desired.version), desired.base_version, bool(desired.nonce), desired.epoch) == (True, "", True, 1)
    assert keys(desired) == {"chassis", "physical_network/provider", port.name}
    chassis = desired.put["chassis"].chassis
    assert chassis.ovn_remote == "tcp:192.0.2.100:6642"
    assert (chassis.encap_type, chassis.encap_ip) == ("geneve", "192.0.2.1")
    assert desired.put["physical_network/provider"].physical_network.bridge == "br-ext"
    assert desired.put[port.name].port == pb.ExpectedPort(iface_id=port.uid, mac=port.mac)


def test_what_changes_is_sent_as_the_difference_to_what_the_host_holds(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        first = agent.accept()
        port = api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        second = agent.accept()
        assert (second.base_version, keys(second), list(second.remove)) == (first.version, {port.name}, [])
        api.create(f"{subnet}/ports/elsewhere")
        api.update(port.name, display_name="of no matter to the host")
        api.delete(port.name)
        third = agent.accept()
        assert (third.base_version, keys(third), list(third.remove)) == (second.version, set(), [port.name])
        assert third.version == first.version, "the same content has the same version"


def test_one_version_is_in_flight_at_a_time(api: Api, endpoint: str, host: str, subnet: str) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        first = agent.desired()
        ports = {api.create(f"{subnet}/ports/p{i}", host=f"hosts/{host}").name for i in range(5)}
        agent.say(ack=pb.Ack(nonce="of another stream", version=first.version))
        agent.say(ack=pb.Ack(nonce=first.nonce, version=first.version))
        second = agent.accept()
        assert (second.base_version, keys(second)) == (first.version, ports)


def test_a_host_that_holds_the_version_is_sent_nothing_but_what_changes(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        held = agent.accept().version
    with host_stream(endpoint) as agent:
        await_conditions(api, host, {"NOT_CONNECTED"})
        agent.hello(host, held=held)
        await_conditions(api, host, set())
        port = api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        following = agent.accept()
        assert (following.base_version, keys(following)) == (held, {port.name})
    with host_stream(endpoint) as agent:
        agent.hello(host, held="something older")
        whole = agent.desired()
        assert (whole.version, whole.base_version) == (following.version, "")
        assert keys(whole) == {"chassis", port.name}


def test_a_refusal_is_shown_and_not_sent_again_until_it_differs(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        first = agent.accept()
        api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        agent.refuse("CANNOT_STORE", "The disk is full; make room.", first.version)
        shown = await_conditions(api, host, {"REFUSED"})
        assert shown["REFUSED"] == "CANNOT_STORE: The disk is full; make room."
        api.update(f"hosts/{host}", display_name="of no matter to the agent")
        api.create(f"{subnet}/ports/b", host=f"hosts/{host}")
        following = agent.accept()
        assert following.base_version == first.version, "what was refused is not what the host holds"
        assert keys(following) == {f"{subnet}/ports/a", f"{subnet}/ports/b"}
        await_conditions(api, host, set())


def test_a_refusal_is_over_once_the_host_is_to_be_what_it_is(api: Api, endpoint: str, host: str, subnet: str) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        agent.accept()
        api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        agent.refuse("CANNOT_STORE", "The disk is full.")
        await_conditions(api, host, {"REFUSED"})
        api.delete(f"{subnet}/ports/a")
        await_conditions(api, host, set())


def test_a_host_that_does_not_hold_the_base_is_sent_the_whole_once(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        agent.accept()
        api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        refused = agent.refuse("UNKNOWN_BASE", "Send the whole state.")
        whole = agent.refuse("UNKNOWN_BASE", "Send the whole state.")
        assert (whole.version, whole.base_version) == (refused.version, "")
        assert keys(whole) == {"chassis", f"{subnet}/ports/a"}
        await_conditions(api, host, {"REFUSED"})
        api.create(f"{subnet}/ports/b", host=f"hosts/{host}")
        assert keys(agent.accept()) == {"chassis", f"{subnet}/ports/a", f"{subnet}/ports/b"}, "nothing came between"


def test_what_the_agent_reports_to_be_wrong_is_shown(api: Api, endpoint: str, host: str) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host)
        agent.accept()
        agent.say(report=pb.Report(failures={"physical_network/x": "There is no bridge br-x; add it."}))
        shown = await_conditions(api, host, {"NOT_AS_DESIRED"})
        assert shown["NOT_AS_DESIRED"] == "physical_network/x: There is no bridge br-x; add it."
        agent.say(report=pb.Report())
        await_conditions(api, host, set())


def test_what_the_agent_reports_of_the_machine_is_shown_while_it_is_connected_and_after(
    api: Api, endpoint: str, host: str
) -> None:
    nic = Nic(name="eth0", mac="0a:00:00:00:00:01", link_up=True, speed_mbps=25_000, mtu=1600, bridge="br-ext")
    with host_stream(endpoint) as agent:
        agent.hello(host)
        agent.accept()
        since = api.get(f"hosts/{host}").liveness.connected_since
        agent.say(report=pb.Report(nics=[nic], versions={"ovn": "23.03.1"}, ovn_connected=True))
        wait_until(lambda: api.get(f"hosts/{host}").nics, seconds=SECONDS, what="the report to be shown")
        shown = api.get(f"hosts/{host}")
        assert (list(shown.nics), dict(shown.versions)) == ([nic], {"ovn": "23.03.1"})
        assert (shown.liveness.connected, shown.liveness.ovn_connected) == (True, True)
        assert since.ToNanoseconds() == shown.liveness.connected_since.ToNanoseconds()
        assert shown.liveness.last_heard.ToNanoseconds() > since.ToNanoseconds() > 0
        assert not shown.liveness.HasField("ovn_behind"), "OVN knows no such host"
    await_conditions(api, host, {"NOT_CONNECTED"})
    gone = api.get(f"hosts/{host}")
    assert list(gone.nics) == [nic]
    assert not gone.liveness.connected
    assert gone.liveness.last_heard == shown.liveness.last_heard
    assert gone.etag == shown.etag, "nothing of it is stored"


def test_what_is_live_cannot_be_filtered_by(api: Api, project: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        api.call(api.kind("vms/x"), "List", parent=f"projects/{project}", filter="power = POWER_STATE_ON")
    assert of(refused.value).faults == {("filter", "BAD_FILTER")}


def test_a_deleted_host_whose_agent_is_connected_is_there_again_with_its_facts(
    api: Api, endpoint: str, host: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"provider": "br-ext"})
        first = agent.accept()
        agent.say(report=pb.Report(physical_networks_down=["provider"]))
        wait_until(lambda: conditions(api, host), seconds=SECONDS, what="the report to be stored")
        api.update(f"hosts/{host}", labels={"rack": "r1"})
        before = api.get(f"hosts/{host}")
        for _ in range(3):
            api.delete(f"hosts/{host}")
            wait_until(lambda: is_there(api, host), seconds=SECONDS, what="the host to be there again")
        after = api.get(f"hosts/{host}")
        assert (after.tunnel_ip, dict(after.physical_networks)) == ("192.0.2.1", {"provider": "br-ext"})
        assert list(after.physical_networks_down) == ["provider"]
        assert not after.labels, "what somebody wished for the old one is gone"
        assert after.uid != before.uid
        port = api.create(f"projects/{host}/vpcs/v") and api.create(
            f"projects/{host}/vpcs/v/subnets/s", cidr="10.1.0.0/24"
        )
        api.create(f"{port.name}/ports/a", host=f"hosts/{host}")
        following = agent.accept()
        assert (following.base_version, list(following.remove)) == (first.version, []), "the agent was told of nothing"
    await_conditions(api, host, {"NOT_CONNECTED", "UPLINK_DOWN"})
    api.clear(host)
    api.delete(f"hosts/{host}")
    assert not is_there(api, host), "nobody is there to say otherwise"


def is_there(api: Api, host: str) -> bool:
    return f"hosts/{host}" in api.names(f"hosts/{host}")


def test_a_host_made_in_the_place_of_one_on_its_way_out_has_its_facts(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.hello(host, networks={"provider": "br-ext"})
        agent.accept()
        api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        agent.accept()
        before = api.get(f"hosts/{host}")
        api.delete(f"hosts/{host}", when_unreferenced=True)
        api.create(f"hosts/{host}", labels={"rack": "r1"})
        wait_until(lambda: api.get(f"hosts/{host}").tunnel_ip, seconds=SECONDS, what="the facts to be there again")
        after = api.get(f"hosts/{host}")
        assert (dict(after.physical_networks), dict(after.labels)) == ({"provider": "br-ext"}, {"rack": "r1"})
        assert after.uid != before.uid
        api.create(f"{subnet}/ports/b", host=f"hosts/{host}")
        assert keys(agent.accept()) == {f"{subnet}/ports/b"}, "the agent was told of nothing else"


@pytest.mark.parametrize(
    ("first", "field", "words"),
    [
        ({"hello": {"host": "h", "protocol": 9, "oldest_protocol": 3}}, "hello.protocol", "speaks versions 3 to 9"),
        ({"hello": {"host": "h", "protocol": 3}}, "hello.protocol", "upgrade the controller"),
        ({"hello": {"host": "h"}}, "hello.protocol", "upgrade the agent"),
        ({"hello": {"host": "h", "protocol": -1, "oldest_protocol": -5}}, "hello.protocol", "upgrade the agent"),
        ({"hello": {"host": "h", "protocol": 1, "oldest_protocol": 2}}, "hello.protocol", "upgrade the"),
        ({"ack": {"nonce": "x"}}, "hello", "must be Hello"),
        ({"hello": {"protocol": 1}}, "hello", "with the host's name"),
        ({}, "hello", "must be Hello"),
        ({"hello": {"protocol": 1, "host": "no such/name"}}, "name", "each id must match"),
        ({"hello": {"protocol": 1, "host": "\0" * 50_000}}, "name", "each id must match"),
        (
            {"hello": {"protocol": 1, "host": "wrong-tunnel-ip", "facts": {"tunnel_ip": "10.0.0.1/24"}}},
            "tunnel_ip",
            "correct tunnel_address of the agent",
        ),
    ],
)
def test_a_first_message_that_is_none_is_refused_with_words(
    api: Api, endpoint: str, first: dict[str, Any], field: str, words: str
) -> None:
    with host_stream(endpoint) as agent:
        agent.say(**first)
        ended = agent.end()
    assert isinstance(ended, grpc.RpcError)
    refused = of(ended)
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID")
    assert words in refused.words[field]


@pytest.mark.parametrize(
    ("spoken", "agreed"),
    [({"protocol": 1}, 0), ({"protocol": 2}, 2), ({"protocol": 2, "oldest_protocol": 1}, 2),
     ({"protocol": 3, "oldest_protocol": 2}, 2), ({"protocol": 3, "oldest_protocol": 1}, 2)],
)  # fmt: skip
def test_an_older_and_a_newer_agent_are_served_in_the_newest_version_that_both_speak(
    api: Api, endpoint: str, host: str, spoken: dict[str, int], agreed: int
) -> None:
    hello = pb.ConnectRequest(hello=pb.Hello(host=host, **spoken))
    said: queue.SimpleQueue[pb.ConnectRequest | None] = queue.SimpleQueue()
    said.put(hello)
    with grpc.insecure_channel(endpoint) as channel:
        heard = host_link_pb2_grpc.HostLinkServiceStub(channel).Connect(iter(said.get, None), timeout=SECONDS)
        first = next(heard)
        assert first.welcome.protocol == agreed
        assert (next(heard) if agreed else first).HasField("desired")
        said.put(None)


def test_an_agent_that_says_nothing_is_let_go(api: Api, endpoint: str, host: str) -> None:
    channel = grpc.insecure_channel(endpoint)
    stub = channel.stream_stream(
        "/headgate.v1.HostLinkService/Connect", pb.ConnectRequest.SerializeToString, pb.ConnectResponse.FromString
    )
    assert list(stub(iter(()), timeout=SECONDS)) == []
    hello = pb.ConnectRequest(hello=pb.Hello(host=host, protocol=1))
    heard = list(stub(iter([hello]), timeout=SECONDS))
    assert len(heard) <= 2, "an agent that has said its last is not waited for"
    channel.close()


def test_messages_that_cannot_be_read_end_the_stream_with_words(api: Api, endpoint: str, host: str) -> None:
    channel = grpc.insecure_channel(endpoint)
    stub = channel.stream_stream("/headgate.v1.HostLinkService/Connect")
    hello = pb.ConnectRequest(hello=pb.Hello(host=host, protocol=1)).SerializeToString()
    for said in ([b"\xff\xff"], [hello, b"\xff\xff"]):
        with pytest.raises(grpc.RpcError) as caught:
            list(stub(iter(said), timeout=SECONDS))
        assert of(caught.value).faults == {("", "UNREADABLE")}
    channel.close()
    await_conditions(api, host, {"NOT_CONNECTED"})


def test_the_newest_stream_of_a_host_wins_and_the_older_is_told(
    api: Api, endpoint: str, host: str, subnet: str
) -> None:
    with host_stream(endpoint) as older, host_stream(endpoint) as newer:
        older.hello(host)
        version = older.accept().version
        newer.hello(host, held=version)
        ended = older.end()
        assert isinstance(ended, grpc.RpcError)
        told = of(ended)
        assert (told.code, told.reason, told.metadata) == ("ABORTED", "SUPERSEDED", {"resource": f"hosts/{host}"})
        assert "two agents" in told.message
        assert conditions(api, host) == {}, "the host is connected still"
        port = api.create(f"{subnet}/ports/a", host=f"hosts/{host}")
        assert keys(newer.accept()) == {port.name}


def test_streams_that_end_leave_nothing_behind(
    api: Api, shared_controller: Controller, endpoint: str, host: str
) -> None:
    assert shared_controller.process is not None
    files = Path(f"/proc/{shared_controller.process.pid}/fd")

    def opened() -> int:
        return len(list(files.iterdir()))

    before = opened()
    with ExitStack() as stack:
        for _ in range(20):
            agent = stack.enter_context(host_stream(endpoint))
            agent.hello(host)
            agent.desired()
    await_conditions(api, host, {"NOT_CONNECTED"})
    wait_until(lambda: opened() <= before, seconds=SECONDS, what="the controller to let go of the streams")


def gateways(api: Api, vpc: str) -> list[str]:
    return list(api.get(vpc).external_subnets["net"].gateway_hosts)


def northbound_gateways(ovn: Central, project: str) -> list[str]:
    """Return the hosts of Northbound's gateway, best first."""
    rows = ovn.nbctl("--format=csv", "--no-headings", "--columns=priority,chassis_name", "list", "HA_Chassis")
    found = [tuple(line.split(",")) for line in rows.splitlines() if project in line]
    return [name.strip('"') for _, name in sorted(found, key=lambda row: -int(row[0]))]


def test_hosts_whose_networks_change_are_given_and_relieved_of_gateways(
    api: Api, ovn: Central, endpoint: str, project: str
) -> None:
    network, vpc, internet = f"{project}-net", f"projects/{project}/vpcs/shop", f"projects/{project}/subnets/internet"
    fields = {"vlan": {"physicalNetwork": network, "id": 9}, "cidr": "203.0.113.0/24", "gateway": "203.0.113.1"}
    api.create(internet, **fields, external={"mode": "MODE_NAT"})
    api.create(vpc, externalSubnets={"net": {"subnet": internet}})
    names = [f"{project}-h1", f"{project}-h2"]

    def connect(agent: HostStream, name: str, **networks: str) -> set[str]:
        agent.hello(name, networks=networks)
        return keys(agent.accept())

    def await_order(*expected: str) -> None:
        assert gateways(api, vpc) == [f"hosts/{name}" for name in expected]
        wait_until(
            lambda: northbound_gateways(ovn, project) == list(expected), seconds=SECONDS, what="the gateways to move"
        )

    with ExitStack() as stack:
        first, second, third, fourth = (stack.enter_context(host_stream(endpoint)) for _ in range(4))
        connect(first, names[0], **{network: "br-ext"})
        connect(second, names[1])
        await_order(names[0])
        assert connect(third, names[1], **{network: "br-ext"}) == {"chassis", f"physical_network/{network}"}
        await_order(names[0], names[1])
        third.say(report=pb.Report(physical_networks_down=[network]))
        wait_until(lambda: conditions(api, names[1]), seconds=SECONDS, what="the lost link to be stored")
        await_order(names[0], names[1])
        first.say(report=pb.Report(physical_networks_down=[network]))
        third.say(report=pb.Report())
        wait_until(lambda: gateways(api, vpc)[0] == f"hosts/{names[1]}", seconds=SECONDS, what="the gateway to move")
        await_order(names[1], names[0])
        first.say(report=pb.Report())
        wait_until(lambda: not conditions(api, names[0]), seconds=SECONDS, what="the link to be back")
        await_order(names[1], names[0])
        connect(fourth, names[0])
        await_order(names[1])
        assert "NO_GATEWAY_HOST" not in {c.reason for c in api.get(vpc).status.conditions}
