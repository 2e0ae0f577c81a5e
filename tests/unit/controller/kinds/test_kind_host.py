"""Hosts: what agents register, and what is refused of it."""

from __future__ import annotations

import pytest
from kind_site import PROVIDER, VPC, Seen, Site, connected, faults, later, words

from headgate_controller.errors import AlreadyExistsError
from headgate_controller.mutations import Register
from headgate_controller.observed import HostHeard, HostReport, Nic


def test_registration_makes_the_host_with_what_its_agent_says() -> None:
    site = Site()
    site.submit(Register("hosts/h1", "uid", "192.0.2.1", {PROVIDER: "br-ext", "storage": "br-st"}, "1.2"))
    message = site.message("hosts/h1")
    assert (message.tunnel_ip, message.agent_version) == ("192.0.2.1", "1.2")
    assert dict(message.physical_networks) == {PROVIDER: "br-ext", "storage": "br-st"}


def test_wishes_and_facts_do_not_overwrite_each_other() -> None:
    site = Site()
    site.create("hosts/h1", drain=True, tunnel_ip="192.0.2.99")
    assert site.message("hosts/h1").tunnel_ip == ""
    site.submit(Register("hosts/h1", "uid", "192.0.2.1", {PROVIDER: "br-ext"}, "1.2"))
    site.update("hosts/h1", ["*"], display_name="rack 4")
    message = site.message("hosts/h1")
    assert (message.tunnel_ip, dict(message.physical_networks)) == ("192.0.2.1", {PROVIDER: "br-ext"})
    assert not message.HasField("drain")


def test_facts_change_without_a_new_generation() -> None:
    site = Site()
    site.create("hosts/h1")
    site.register("h1", PROVIDER)
    site.register("h1", "storage")
    assert site.get("hosts/h1").meta.generation == 1


@pytest.mark.parametrize("networks", [(PROVIDER,), ()])
def test_a_host_that_registered_itself_is_taken_over_by_whoever_creates_it_first(networks: tuple[str, ...]) -> None:
    site = Site()
    site.register("h1", *networks)
    before = site.get("hosts/h1")
    assert before.meta.generation == 0, "nobody has asked for it"
    site.create("hosts/h1", labels={"rack": "r1"})
    after = site.get("hosts/h1")
    assert (after.meta.uid, after.meta.create_time) == (before.meta.uid, before.meta.create_time)
    assert (after.meta.generation, after.physical_networks) == (1, before.physical_networks)
    with pytest.raises(AlreadyExistsError):
        site.create("hosts/h1", labels={"rack": "r2"})


def test_a_host_that_was_created_without_wishes_or_changed_is_somebodys() -> None:
    site = Site()
    for host in ("h1", "h2"):
        site.register(host, PROVIDER)
    site.create("hosts/h1")
    site.update("hosts/h2", drain=True)
    for host in ("h1", "h2"):
        with pytest.raises(AlreadyExistsError):
            site.create(f"hosts/{host}")


def test_taking_a_host_over_moves_gateways_as_an_update_does() -> None:
    site = connected()
    first, second = site.get(VPC).external_subnets[0][1].gateway_hosts
    site.create(first, gateway_capable=False)
    assert site.get(VPC).external_subnets[0][1].gateway_hosts == (second,)


@pytest.mark.parametrize("name", ["hosts/a/b", "hosts/", "hosts/-x", "hosts/" + "x" * 64])
def test_an_agent_with_a_bad_name_is_refused(name: str) -> None:
    attempt = later(Site().submit, Register(name, "uid", "", {}, "1"))
    assert faults(attempt) == [("name", "BAD_NAME")]


def test_a_host_may_be_named_as_operators_name_machines() -> None:
    assert faults(later(Site().create, "hosts/Rack4.node_07-a")) == []


def test_an_agent_with_a_bad_tunnel_address_is_refused_in_words() -> None:
    attempt = later(Site().submit, Register("hosts/h1", "uid", "192.0.2.300", {}, "1"))
    assert faults(attempt) == [("tunnel_ip", "BAD_FORMAT")]
    assert "correct tunnel_address" in words(attempt, "tunnel_ip")


def test_a_host_has_no_rows() -> None:
    site = Site()
    site.register("h1", PROVIDER)
    assert site.rows() == {}


def test_what_the_agent_reports_of_its_uplinks_stays_until_it_reports_otherwise() -> None:
    site = Site()
    site.register("h1", PROVIDER, "storage", down=(PROVIDER, "no network of this host"))
    assert list(site.message("hosts/h1").physical_networks_down) == [PROVIDER]
    site.register("h1", PROVIDER, "storage")
    assert list(site.message("hosts/h1").physical_networks_down) == [PROVIDER], "a new stream has not said yet"
    site.update("hosts/h1", display_name="rack 4")
    assert PROVIDER in site.conditions("hosts/h1")["UPLINK_DOWN"]
    site.register("h1", PROVIDER, "storage", down=())
    assert "UPLINK_DOWN" not in site.conditions("hosts/h1")


def test_a_host_shows_its_cards_its_peers_by_name_and_how_far_it_is() -> None:
    site = Site()
    site.register("h1", PROVIDER, tunnel_ip="192.0.2.1")
    site.register("h2", PROVIDER, tunnel_ip="192.0.2.2")
    cards = (Nic("eth0", "0a:00:00:00:00:01", True, 25_000, 1600, "br-phy"), Nic("eth1"))
    tunnels = (("192.0.2.2", "up"), ("192.0.2.9", ""), ("a name", "down"))
    report = HostReport(versions=(("ovn", "23.03.1"),), nics=cards, tunnels=tunnels, ovn_connected=True)
    seen = site.seen("hosts/h1", Seen({"h1": HostHeard(True, 5, 7_000_000_001, report=report)}, lags={"h1": 3}))
    assert [(n.name, n.mac, n.link_up, n.speed_mbps, n.mtu, n.bridge) for n in seen.nics] == [
        ("eth0", "0a:00:00:00:00:01", True, 25_000, 1600, "br-phy"),
        ("eth1", "", False, 0, 0, ""),
    ]
    peers = [(peer.host, peer.remote_ip, peer.bfd_state) for peer in seen.tunnel_peers]
    assert peers == [("hosts/h2", "192.0.2.2", "up"), ("", "192.0.2.9", ""), ("", "a name", "down")]
    assert dict(seen.versions) == {"ovn": "23.03.1"}
    live = seen.liveness
    assert (live.connected, live.ovn_connected, live.ovn_behind, live.last_heard.seconds) == (True, True, 3, 7)


def test_a_host_that_cannot_be_heard_shows_what_it_said_last() -> None:
    site = Site()
    site.register("h1", PROVIDER)
    report = HostReport(nics=(Nic("eth0"),), ovn_connected=True, failures={"chassis": "something"})
    gone = Seen({"h1": HostHeard(False, None, 5, report=report)})
    seen = site.seen("hosts/h1", gone)
    assert [nic.name for nic in seen.nics] == ["eth0"]
    assert (seen.liveness.connected, seen.liveness.HasField("connected_since"), seen.liveness.ovn_connected) == (
        False,
        False,
        False,
    )
    assert not seen.liveness.HasField("ovn_behind"), "OVN does not know it"
    assert list(site.remarks("hosts/h1", gone)) == ["NOT_CONNECTED"]


@pytest.mark.parametrize("zone", ["", "room 1", "-a", "x" * 64])
def test_a_zone_is_one_word(zone: str) -> None:
    assert [field for field, _ in faults(later(Site().create, "hosts/h1", zone=zone))] == ["zone"]


def test_what_ovn_controller_leaves_out_is_said_of_its_host() -> None:
    site = Site()
    site.register("h1", PROVIDER)
    report = HostReport(ovn_complaints=('error parsing match "x"',))
    said = site.remarks("hosts/h1", Seen({"h1": HostHeard(True, report=report)}))
    assert 'error parsing match "x"' in said["OVN_LEAVES_OUT"]


def test_a_host_whose_ovn_controller_is_away_says_so_once_its_agent_has_reported() -> None:
    site = connected()
    for report, reasons in (
        (HostReport(), []),
        (HostReport(versions=(("kernel", "6.1"),)), ["OVN_AWAY"]),
        (HostReport(versions=(("kernel", "6.1"),), ovn_connected=True), []),
    ):
        said = site.remarks("hosts/h1", Seen({"h1": HostHeard(True, report=report)}))
        assert [reason for reason in said if reason == "OVN_AWAY"] == reasons
