"""What strings mean: addresses, prefixes and Ethernet addresses, how they are checked and spelled."""

import re
from collections.abc import Callable, Hashable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Format: TypeAlias = Callable[[str], Hashable]
"""Returns what a string means, mostly its canonical spelling. Raises ValueError, in words for the user, if it is not of
the format.
"""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_PREFIX = re.compile(r"(.+)/(0|[1-9][0-9]{0,2})")


def _address(text: str, version: int | None) -> IPv4Address | IPv6Address:
    family = f"IPv{version}" if version else "IP"
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f'"{text}" is not an {family} address') from None
    if version not in (None, address.version):
        raise ValueError(f'"{text}" is an IPv{address.version} address; an IPv{version} address is needed')
    if "%" in text:
        raise ValueError(f'"{text}" has a zone ("%…"), which means nothing here')
    return address


def _prefix(text: str, version: int | None) -> IPv4Network | IPv6Network:
    family = f"IPv{version} " if version else ""
    match = _PREFIX.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not an {family}prefix; write address/length, for example {_example(version)}')
    _address(match[1], version)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'"{text}": {match[2]} is too long for a prefix of this family') from None
    if network.network_address != ip_address(match[1]):
        raise ValueError(f'"{text}" has host bits set; the prefix is "{network}"')
    return network


def _example(version: int | None) -> str:
    return '"2001:db8:1::/64"' if version == 6 else '"10.1.0.0/24"'


def ipv4(text: str) -> str:
    """Return an IPv4 address in its one spelling."""
    return str(_address(text, 4))


def ipv6(text: str) -> str:
    """Return an IPv6 address in its shortest spelling (RFC 5952)."""
    return str(_address(text, 6))


def ip(text: str) -> str:
    """Return an address of either family in its one spelling."""
    return str(_address(text, None))


def ipv4_prefix(text: str) -> str:
    """Return an IPv4 prefix without host bits in its one spelling."""
    return str(_prefix(text, 4))


def ipv6_prefix(text: str) -> str:
    """Return an IPv6 prefix without host bits in its one spelling."""
    return str(_prefix(text, 6))


def prefix(text: str) -> str:
    """Return a prefix of either family without host bits in its one spelling."""
    return str(_prefix(text, None))


def mac(text: str) -> str:
    """Return an Ethernet unicast address in lower case."""
    lower = text.lower()
    if not _MAC.fullmatch(lower):
        raise ValueError(f'"{text}" is not an Ethernet address; write six bytes, for example "0a:00:00:00:00:01"')
    if int(lower[:2], 16) & 1:
        raise ValueError(f'"{text}" is a multicast address; the first byte of a unicast address is even')
    return lower


def checked(form: Format) -> Callable[[str], str | None]:
    """Return a check that a string is of a format."""

    def check(text: str) -> str | None:
        try:
            form(text)
        except ValueError as error:
            return f"{error}."
        return None

    return check


def spelling(form: Format) -> Callable[[str], Hashable]:
    """Return a function to compare by: what a string means, or the string itself where it is not of the format."""

    def canonical(text: str) -> Hashable:
        try:
            return form(text)
        except ValueError:
            return text

    return canonical
