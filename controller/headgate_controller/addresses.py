"""Addresses as integers: prefixes, single addresses of either family, Ethernet addresses; text only at the rim."""

from __future__ import annotations

import ipaddress
import re
from hashlib import sha256
from typing import NamedTuple

V4, V6 = 4, 6
BITS = {V4: 32, V6: 128}
LENGTH = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)


class Address(NamedTuple):
    """One address and its family."""

    version: int
    value: int

    def __str__(self) -> str:
        return text(self.version, self.value)


class Prefix(NamedTuple):
    """A range of addresses with a common beginning; `base` has no host bits."""

    version: int
    base: int
    length: int

    @property
    def last(self) -> int:
        """The highest address; for IPv4 the broadcast address."""
        return self.base | _host_bits(self.version, self.length)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.base <= value <= self.last

    def within(self, other: Prefix) -> bool:
        """Return whether all of it is part of `other`."""
        return self.version == other.version and self.length >= other.length and self.base in other

    def overlaps(self, other: Prefix) -> bool:
        """Return whether the two share an address."""
        return self.version == other.version and self.base <= other.last and other.base <= self.last

    def address(self, value: int) -> str:
        """Return an address of the prefix with the prefix's length: "10.1.0.1/24"."""
        return f"{text(self.version, value)}/{self.length}"

    def __str__(self) -> str:
        return self.address(self.base)


def _host_bits(version: int, length: int) -> int:
    return (1 << (BITS[version] - length)) - 1


def parse_prefix(value: str) -> Prefix:
    """Return the prefix that the text means.

    Raises:
        ValueError: it is none, or it has host bits.
    """
    before, slash, length = value.partition("/")
    if not slash:
        raise ValueError("a prefix length is missing, as in 10.1.0.0/24")
    address = parse_address(before)
    if not LENGTH.fullmatch(length) or int(length) > BITS[address.version]:
        raise ValueError(f"the prefix length is a number up to {BITS[address.version]}")
    prefix = Prefix(address.version, address.value & ~_host_bits(address.version, int(length)), int(length))
    if prefix.base != address.value:
        raise ValueError(f"it has host bits set; the prefix is {prefix}")
    return prefix


def parse_address(value: str) -> Address:
    """Return the address that the text means.

    Raises:
        ValueError: it is none.
    """
    parsed = ipaddress.ip_address(value)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.scope_id:
        raise ValueError("an address with a zone is not allowed")
    return Address(parsed.version, int(parsed))


Reserved = tuple[tuple[Prefix, str], ...]
"""Ranges that no subnet can have and no route can lead to, and what they are for."""


def reserved_ranges(service_network: str, link_networks: str) -> Reserved:
    """Return the ranges that a site keeps to itself, and those that the protocols keep from everybody.

    Raises:
        ValueError: one of a site's is no prefix.
    """
    site = ((service_network, "the service network of gateways"), (link_networks, "links between routers"))
    return tuple((parse_prefix(prefix), use) for prefix, use in (*site, *SPECIAL))


SPECIAL = (
    ("0.0.0.0/8", "this network (RFC 1122)"),
    ("127.0.0.0/8", "loopback"),
    ("224.0.0.0/3", "multicast and reserved addresses"),
    ("fe80::/10", "link-local addresses"),
    ("ff00::/8", "multicast"),
    ("::/8", "loopback and embedded IPv4 addresses"),
)
"""Ranges with a meaning of their own. Source: RFC 6890."""

SERVICE_NETWORK, LINK_NETWORKS = "100.64.1.0/24", "169.254.0.0/16"
"""What a site keeps to itself unless it is configured otherwise."""

RESERVED = reserved_ranges(SERVICE_NETWORK, LINK_NETWORKS)


def text(version: int, value: int) -> str:
    """Return an address as text, IPv6 in its canonical form (RFC 5952)."""
    return str(ipaddress.IPv4Address(value) if version == V4 else ipaddress.IPv6Address(value))


def text4(value: int) -> str:
    """Return an IPv4 address as text."""
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def mac_candidate(seed: str, attempt: int) -> str:
    """Return the Ethernet address that a seed gives at the n-th attempt: locally administered, unicast, the same for
    ever.
    """
    digest = sha256(f"{seed}/{attempt}".encode()).digest()
    return "0a:" + ":".join(f"{byte:02x}" for byte in digest[:5])
