"""`headgate lint` against a real controller: what does not work, is missing or unused, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

from api import Api
from command_line import CommandLine


def found(headgate: CommandLine, project: str, *argv: str) -> dict[str, str]:
    """Return the severity of each finding of a project by its id, hosts left out."""
    listed = json.loads(headgate("lint", "-o", "json", *argv).out)
    return {f["id"].replace(project, "p"): f["severity"] for f in listed if not f["name"].startswith("hosts/")}


def test_a_network_that_cannot_work_is_told_why_and_ends_with_6(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    api.create(f"projects/{project}/floatingIps/spare", externalSubnet=f"projects/{project}/subnets/internet")
    assert found(headgate, project) == {
        "NO_GATEWAY_HOST:projects/p/vpcs/shop": "error",
        "NEXT_HOP_UNREACHABLE:projects/p/vpcs/shop/routes/default": "error",
        "NO_HOST_ON_NETWORK:projects/p/subnets/internet": "error",
        "NO_PORT:projects/p/floatingIps/spare": "info",
    }
    printed = headgate("lint", "-q")
    assert printed.status == 6
    assert f"error: NO_GATEWAY_HOST:projects/{project}/vpcs/shop\n    No host can carry" in printed.out


def test_c36_what_leads_nowhere_is_told_and_ends_with_5(headgate: CommandLine, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    api.create(f"{vpc}/routes/r", destination="192.0.2.0/24", nextHops=[{"ip": "10.1.0.9"}])
    assert found(headgate, project) == {"NEXT_HOP_UNKNOWN:projects/p/vpcs/shop/routes/r": "warning"}
    assert headgate("lint", "-o", "json").status == 5
    api.create(f"{vpc}/subnets/web/ports/appliance", ip="10.1.0.9")
    assert found(headgate, project) == {}


def test_what_is_deleted_and_still_used_is_good_to_know(headgate: CommandLine, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    api.delete(vpc, when_unreferenced=True)
    assert found(headgate, project) == {"STILL_USED:projects/p/vpcs/shop": "info"}
    assert found(headgate, project, "--quiet") == {}
    api.delete(f"{vpc}/subnets/web")


def test_what_was_changed_a_moment_ago_is_no_fault(headgate: CommandLine, api: Api, project: str) -> None:
    for number in range(20):
        api.create(f"projects/{project}/vpcs/v{number}")
    assert found(headgate, project) == {}
