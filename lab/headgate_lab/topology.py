"""What a lab consists of, as values: sites, hosts, their links, workloads, endpoints of the outside.

Nothing here touches the machine; `headgate_lab.lab` builds what these values say.  Addresses repeat from lab to lab:
every lab has network namespaces of its own, so labs run side by side.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_interface

INTERFACE_NAME_MAX = 15
"""Longest name of a network device (Linux, IFNAMSIZ less the final zero)."""

UNDERLAY_MTU = 1600
"""Room for a 1500 byte packet and its Geneve header."""

WORKLOAD_MTU = 1442
"""What fits a 1500 byte underlay: Geneve over IPv4 with OVN's option costs 58 bytes."""

CENTRAL_ADDRESS = "10.99.0.1"
"""Where hosts find the Southbound database on the management wire."""

MAX_HOSTS = 200
"""Hosts are numbered from 1 and take address 10 + number of a /24 on two wires."""


RESERVED_NAMES = frozenset({"central", "controller", "tor", "ul"})
"""Machines every site has."""


class Wire(StrEnum):
    """The shared segments every machine of a site may be plugged into; the value starts device names."""

    UNDERLAY = "ul"
    MANAGEMENT = "mg"
    PROVIDER = "pv"


def _check_name(name: str) -> None:
    """Refuse names that leave no room for the wire's prefix in a device name."""
    longest = INTERFACE_NAME_MAX - len(max(Wire, key=len)) - 1
    if not 1 <= len(name) <= longest:
        raise ValueError(f"a machine's name has 1 to {longest} characters: {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One NIC of a machine and the wire at its other end; `address` is in CIDR form, None for a bridge's uplink."""

    device: str
    wire: Wire
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A hypervisor: its NICs, and what its agent is configured to make of them.

    Raises:
        ValueError: the name is too long to name devices after.
    """

    name: str
    management: Link
    underlay: Link
    provider: Link
    tunnel_address: str
    tunnel_mac: str

    def __post_init__(self) -> None:
        _check_name(self.name)

    @property
    def links(self) -> tuple[Link, ...]:
        """All NICs."""
        return (self.management, self.underlay, self.provider)

    @property
    def uplinks(self) -> tuple[Link, ...]:
        """The NICs that carry workloads' packets."""
        return (self.underlay, self.provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A machine of the outside world, on an access port (VLAN `vlan`) of the top-of-rack switch.

    `addresses` (CIDR form) are on its NIC, the first is the one it is known by; `far` are on its loopback and stand
    for networks behind it; `routes` are pairs of prefix and next hop.

    Raises:
        ValueError: the name is too long to name devices after, or an address is none.
    """

    name: str
    vlan: int
    addresses: tuple[str, ...]
    far: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_name(self.name)
        for address in (*self.addresses, *self.far):
            ip_interface(address)

    @property
    def address(self) -> str:
        """The address it is known by, without prefix length."""
        return str(ip_interface(self.addresses[0]).ip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A stand-in for a virtual machine: one NIC, plugged into a port of the virtual network.

    `port` is the port's iface-id (its uid) or its resource name.  Without `mac` the NIC keeps what whoever plugs it
    gives it.  `ip` is in CIDR form.

    Raises:
        ValueError: `ip` is no address.
    """

    name: str
    host: str
    port: str
    ip: str
    mac: str | None = None
    gateway: str | None = None
    mtu: int = WORKLOAD_MTU

    def __post_init__(self) -> None:
        ip_interface(self.ip)

    @property
    def address(self) -> str:
        """Its address without prefix length."""
        return str(ip_interface(self.ip).ip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One OVN central with its hosts, the top-of-rack switch and what is behind that.

    Raises:
        ValueError: two machines share a name, or one has the name of a machine that every site has.
    """

    hosts: tuple[Host, ...]
    endpoints: tuple[Endpoint, ...] = ()

    def __post_init__(self) -> None:
        names = [host.name for host in self.hosts] + [endpoint.name for endpoint in self.endpoints]
        names += RESERVED_NAMES
        if len(names) != len(set(names)):
            raise ValueError(f"names of machines must differ: {names}")


INTERNET = Endpoint(name="internet", vlan=200, addresses=("203.0.113.1/24",), far=("198.51.100.7/32",))
"""Gateway of the external network on VLAN 200, and one address far behind it."""


def numbered_host(number: int) -> Host:
    """Return host `h<number>` with the addresses that follow from its number.

    Raises:
        ValueError: `number` is not within 1..MAX_HOSTS.
    """
    if not 1 <= number <= MAX_HOSTS:
        raise ValueError(f"hosts are numbered 1 to {MAX_HOSTS}, not {number}")
    octet = 10 + number
    return Host(
        name=f"h{number}",
        management=Link(device="mgmt0", wire=Wire.MANAGEMENT, address=f"10.99.0.{octet}/24"),
        underlay=Link(device="eth1", wire=Wire.UNDERLAY),
        provider=Link(device="eth2", wire=Wire.PROVIDER),
        tunnel_address=f"172.31.0.{octet}/24",
        tunnel_mac=f"02:00:00:00:00:{octet:02x}",
    )


def site_of(hosts: int) -> Site:
    """Return a site of `hosts` hosts and the internet."""
    return Site(hosts=tuple(numbered_host(n) for n in range(1, hosts + 1)), endpoints=(INTERNET,))


def three_hosts() -> Site:
    """Return the site that the demo and the tests use."""
    return site_of(3)


SITE = three_hosts()
"""The site of three hosts, as a value."""
