"""Hosts: what agents register, and what is refused of it."""

from __future__ import annotations

import pytest
from kind_site import PROVIDER, Site, faults, later, words

from headgate_controller.mutations import Register


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
    site.register("h1", PROVIDER)
    site.register("h1", "storage")
    assert site.get("hosts/h1").meta.generation == 1


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
