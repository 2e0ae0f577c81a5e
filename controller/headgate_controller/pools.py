"""Choosing addresses: the next free one of a subnet's pools, without a look at each that is taken; and Ethernet
addresses that nobody has.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from headgate_controller.addresses import Prefix, mac_candidate
from headgate_controller.nouns.subnet import Subnet, ipv6_pool
from headgate_controller.world import World


def next_free(world: World, subnet: Subnet) -> int | None:
    """Return the lowest free IPv4 address of the subnet's pools, or of its whole range if it has none; None if all
    are taken.
    """
    pool = world.pool(subnet.name)
    found = (pool.lowest_free(first, last) for first, last in _ranges(subnet))
    return next((ip for ip in found if ip is not None), None)


def usage(world: World, subnet: Subnet) -> tuple[int, int]:
    """Return how many IPv4 addresses the subnet's pools have, or its whole range if it has none, and how many of them
    are free.
    """
    pool, ranges = world.pool(subnet.name), _ranges(subnet)
    size = sum(last - first + 1 for first, last in ranges)
    return size, size - sum(pool.count(first, last) for first, last in ranges)


def _ranges(subnet: Subnet) -> list[tuple[int, int]]:
    if subnet.pools:
        return [(r.start, r.end) for r in subnet.pools]
    return [(subnet.cidr.base, subnet.cidr.last)] if subnet.cidr else []


def next_free_ipv6(world: World, subnet: Subnet) -> int | None:
    """Return the lowest free IPv6 address of the subnet's range; None if it has no range. A /64 is never full."""
    prefix: Prefix | None = subnet.ipv6_cidr
    return None if prefix is None else world.pool(ipv6_pool(subnet.name)).lowest_free(prefix.base + 1, prefix.last)


def free_mac(world: World, seed: str, *segments: str, besides: Collection[str] = ()) -> str:
    """Return an Ethernet address that nobody has on any of the segments (subnets, or routers by their VPC), and that
    is none of `besides`; the same seed gives the same one for as long as it is free.
    """
    for attempt in count():
        mac = mac_candidate(seed, attempt)
        if mac not in besides and not any(world.group("mac", (segment, mac)) for segment in segments):
            return mac
    raise AssertionError("unreachable")
