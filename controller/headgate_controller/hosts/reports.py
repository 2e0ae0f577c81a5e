"""Reports of agents as values."""

from __future__ import annotations

from headgate.v1 import host_pb2
from headgate.v1.host_link_pb2 import Report
from headgate_controller.observed import HostReport, Nic

MOST_TOLD = 100
"""Faults, cards and versions of one host that are kept: whoever lists hosts gets all, and one must not fill that."""

MOST_PEERS = 5_000
LONGEST_TEXT, LONGEST_WORD = 1_000, 64


def host_report(report: Report) -> HostReport:
    """Return what an agent says of its host, as much of it as people read."""
    return HostReport(
        failures={_text(key): _text(why) for key, why in sorted(report.failures.items())[:MOST_TOLD]},
        versions=tuple((_word(name), _word(text)) for name, text in sorted(report.versions.items())[:MOST_TOLD]),
        nics=tuple(_nic(nic) for nic in report.nics[:MOST_TOLD]),
        tunnels=tuple((_word(t.remote_ip), _word(t.bfd_state)) for t in report.tunnels[:MOST_PEERS]),
        interfaces={interface.iface_id: interface.link_up for interface in report.interfaces},
        ovn_connected=report.ovn_connected,
        ovn_complaints=tuple(_text(complaint) for complaint in report.ovn_complaints[:MOST_TOLD]),
    )


def _nic(nic: host_pb2.Nic) -> Nic:
    return Nic(_word(nic.name), _word(nic.mac), nic.link_up, nic.speed_mbps, nic.mtu, _word(nic.bridge))


def _text(text: str) -> str:
    return text[:LONGEST_TEXT]


def _word(text: str) -> str:
    return text[:LONGEST_WORD]
