"""The top-of-rack switch, and the endpoints of the outside world on its access ports."""

from headgate_lab.machine import Machine, Underlay
from headgate_lab.namespaces import End, Namespace, cable, without_checksum_offload
from headgate_lab.switch import Switch
from headgate_lab.topology import Endpoint, Link, Wire

BRIDGE = "br0"
ENDPOINT_MTU = 1500

TOR_LINKS = (Link(device="trunk", wire=Wire.PROVIDER),)


class TopOfRack:
    """An Open vSwitch that learns addresses; its trunk carries all VLANs of the provider wire."""

    def __init__(self, machine: Machine, underlay: Underlay) -> None:
        assert machine.namespace is not None
        self._namespace: Namespace = machine.namespace
        self._name = machine.name
        self._underlay = underlay
        self.switch = Switch(machine)

    def start(self) -> None:
        """Boot it and connect it to the provider wire."""
        self._namespace.create()
        self._underlay.plug(self._name, self._namespace, TOR_LINKS)
        self.switch.start()
        trunk = TOR_LINKS[0].device
        self.switch.vsctl(
            *("add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"),
            *("--", "add-port", BRIDGE, trunk),
        )

    def connect(self, endpoint: Endpoint, namespace: Namespace) -> None:
        """Make an endpoint and put it on its VLAN."""
        namespace.create()
        port = _port(endpoint.name)
        cable(End(namespace, "eth0"), End(self._namespace, port), mtu=ENDPOINT_MTU)
        without_checksum_offload(namespace, "eth0")
        namespace.ip(
            *(f"address add {address} dev eth0" for address in endpoint.addresses),
            *(f"address add {address} dev lo" for address in endpoint.far),
            *(f"route add {prefix} via {next_hop}" for prefix, next_hop in endpoint.routes),
        )
        self.switch.vsctl("add-port", BRIDGE, port, f"tag={endpoint.vlan}")


def _port(name: str) -> str:
    return f"p-{name}"
