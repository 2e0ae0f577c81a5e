"""Where gateways are, and how a host is left by them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate.v1 import host_pb2
from headgate_cli.api import Api
from headgate_cli.errors import NotFoundError
from headgate_cli.kinds import Kind
from headgate_cli.names import ANY, shorten
from headgate_cli.resources import get_one, list_all

EVERY = 0.5
"""Seconds between looks at where gateways are."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One attachment of a VPC, and the host that should carry it first."""

    vpc: str
    key: str
    wanted: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"gateway {self.key} of {self.vpc}"


def set_drain(api: Api, kind: Kind, host: Any, *, drain: bool) -> Any:
    """Return the host after it was told to drain, or not to any more."""
    method = kind.method("Update")
    fields: dict[str, Any] = {"host": host_pb2.Host(name=host.name, drain=drain), "update_mask": {"paths": ["drain"]}}
    return api.call(method, method.request(**fields))


def gateways_on(api: Api, vpc_kind: Kind, host: str) -> list[Gateway]:
    """Return the gateways that a host carries now, of every project."""
    vpcs = list_all(api, vpc_kind, ANY)
    return [_gateway(vpc, key) for vpc in vpcs for key, place in sorted(vpc.active_gateways.items()) if place == host]


def _gateway(vpc: Any, key: str) -> Gateway:
    return Gateway(vpc.name, key, next(iter(vpc.external_subnets[key].gateway_hosts), ""))


def moved(
    api: Api, vpc_kind: Kind, host: str, before: list[Gateway], seconds: float, say: Callable[[str], None]
) -> tuple[list[Gateway], list[Gateway]]:
    """Say which gateways leave a host that drains, as they do; return those that are late after `seconds`, and those
    that stay because no other host can carry them.
    """
    end, left = time.monotonic() + seconds, before
    while True:
        left = _still_there(api, vpc_kind, host, left, say)
        late = [gateway for gateway in left if gateway.wanted != host]
        if not late or time.monotonic() >= end:
            return late, [gateway for gateway in left if gateway.wanted == host]
        time.sleep(EVERY)


def _still_there(
    api: Api, vpc_kind: Kind, host: str, before: list[Gateway], say: Callable[[str], None]
) -> list[Gateway]:
    """Return the gateways that no other host carries yet, as they are meant to be now."""
    left = []
    for gateway in before:
        try:
            vpc = get_one(api, vpc_kind, gateway.vpc)
        except NotFoundError:
            continue
        place = vpc.active_gateways.get(gateway.key, "")
        if place not in ("", host):
            say(f"  {gateway} is on {shorten(place, '')} now")
        elif gateway.key in vpc.external_subnets:
            left.append(_gateway(vpc, gateway.key))
    return left


def staying(api: Api, vm_kind: Kind, port_kind: Kind, host: str) -> list[str]:
    """Return the VMs that are on a host, and the ports there that are no VM's: what a drain does not move."""
    vms = [vm for vm in list_all(api, vm_kind, ANY) if host in vm.hosts]
    theirs = {name for vm in vms for name in vm.ports}
    ports = (port.name for port in list_all(api, port_kind, ANY) if host in (port.bound_host, port.host))
    return [*(vm.name for vm in vms), *(name for name in ports if name not in theirs)]
