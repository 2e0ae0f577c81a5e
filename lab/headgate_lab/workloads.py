"""Workloads: network namespaces that stand for virtual machines, plugged into ports of the virtual network."""

from collections.abc import Callable

from headgate_lab.host import LabHost
from headgate_lab.namespaces import Namespace, without_checksum_offload
from headgate_lab.topology import Workload

NIC = "eth0"

Plug = Callable[[LabHost, Workload, Namespace], None]
"""Gives a workload's namespace its NIC `eth0` and connects the other end to the host's switch.

Called again after the host has lost both; must replace what an earlier call left in the switch's database.
"""

Unplug = Callable[[LabHost, Workload, Namespace], None]
"""Takes the NIC away again."""


def plug_by_agent(host: LabHost, workload: Workload, namespace: Namespace) -> None:
    """Have the host's agent do it, as a hypervisor would."""
    address = ("--mac", workload.mac) if workload.mac else ()
    host.agent_command("plug", workload.port, "--netns", namespace.name, *address)


def unplug_by_agent(host: LabHost, workload: Workload, _namespace: Namespace) -> None:
    """Have the host's agent do it, as a hypervisor would."""
    host.agent_command("unplug", workload.port)


def configure(workload: Workload, namespace: Namespace) -> None:
    """Set address, MTU and default route of a freshly plugged NIC, as the operating system in it would."""
    without_checksum_offload(namespace, NIC)
    namespace.ip(
        *([f"link set {NIC} address {workload.mac}"] if workload.mac else []),
        f"link set {NIC} up mtu {workload.mtu}",
        f"address add {workload.ip} dev {NIC}",
        *([f"route add default via {workload.gateway}"] if workload.gateway else []),
    )
