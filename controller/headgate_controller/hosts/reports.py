"""What agents say, as values of a size that anybody can bear: a host may be hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.v1 import host_pb2
from headgate.v1.host_link_pb2 import Hello, Nack, Report
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.mutations import Register
from headgate_controller.observed import HostReport, Nic

MOST_TOLD = 100
"""Faults, cards and versions of one host that are kept: whoever lists hosts gets all, and one must not fill that."""

MOST_PEERS = 5_000
MOST_NETWORKS = 1_000
LONGEST_TEXT, LONGEST_WORD = 1_000, 64


def registration(hello: Hello) -> Register:
    """Return the facts that an agent registers its host with.

    Raises:
        InvalidError: they are more than any host has; what decides where gateways can be is not cut short.
    """
    facts = hello.facts
    if faults := list(_faults(facts.physical_networks)):
        raise InvalidError("", faults)
    networks, version = dict(facts.physical_networks), word(hello.agent_version)
    return Register(f"hosts/{word(hello.host)}", "", word(facts.tunnel_ip), networks, version)


def _faults(networks: Mapping[str, str]) -> Iterator[Violation]:
    field, fix = "hello.facts.physical_networks", "correct physical_networks of the agent."
    if len(networks) > MOST_NETWORKS:
        text = f"A host has at most {MOST_NETWORKS} physical networks, this one {len(networks)}; {fix}"
        yield Violation(field, "TOO_LARGE", text)
    if any(len(name) >= LONGEST_WORD for pair in networks.items() for name in pair):
        text = f"A physical network or its bridge has {LONGEST_WORD} characters or more; {fix}"
        yield Violation(field, "TOO_LARGE", text)


def refusal(nack: Nack) -> str:
    """Return why an agent refuses what it is to be."""
    return f"{word(nack.reason)}: {_text(nack.message)}"


def host_report(report: Report) -> HostReport:
    """Return what an agent says of its host, as much of it as people read."""
    return HostReport(
        failures={_text(key): _text(why) for key, why in sorted(report.failures.items())[:MOST_TOLD]},
        versions=tuple((word(name), word(text)) for name, text in sorted(report.versions.items())[:MOST_TOLD]),
        nics=tuple(_nic(nic) for nic in report.nics[:MOST_TOLD]),
        tunnels=tuple((word(t.remote_ip), word(t.bfd_state)) for t in report.tunnels[:MOST_PEERS]),
        interfaces={interface.iface_id: interface.link_up for interface in report.interfaces},
        ovn_connected=report.ovn_connected,
        ovn_complaints=tuple(_text(complaint) for complaint in report.ovn_complaints[:MOST_TOLD]),
    )


def _nic(nic: host_pb2.Nic) -> Nic:
    return Nic(word(nic.name), word(nic.mac), nic.link_up, nic.speed_mbps, nic.mtu, word(nic.bridge))


def _text(text: str) -> str:
    return text[:LONGEST_TEXT]


def word(text: str) -> str:
    """Return a text that is a name, or a version, as far as it can be one."""
    return text[:LONGEST_WORD]
