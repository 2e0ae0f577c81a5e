"""Reports of agents as values."""

from __future__ import annotations

from headgate.v1.host_link_pb2 import Report
from headgate_controller.observed import HostReport, Nic


def host_report(report: Report) -> HostReport:
    """Return what an agent says of its host."""
    return HostReport(
        failures=dict(report.failures),
        versions=tuple(sorted(report.versions.items())),
        nics=tuple(Nic(n.name, n.mac, n.link_up, n.speed_mbps, n.mtu, n.bridge) for n in report.nics),
        tunnels=tuple((tunnel.remote_ip, tunnel.bfd_state) for tunnel in report.tunnels),
        interfaces={interface.iface_id: interface.link_up for interface in report.interfaces},
        ovn_connected=report.ovn_connected,
        ovn_complaints=tuple(report.ovn_complaints),
    )
