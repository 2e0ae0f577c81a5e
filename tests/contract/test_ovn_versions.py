"""OVN of another version than Headgate is made for: what it does not have is said, and all else works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from controller_site import Central, Controller, central, controlling
from ovsdb_server import NB_SCHEMA, SB_SCHEMA

from api import Api, findings
from headgate_lab.waiting import wait_until

SECONDS = 15.0
VPC = "projects/p/vpcs/shop"
WEB = f"{VPC}/subnets/web"
PORT = f"{WEB}/ports/a"
Tables = dict[str, Any]


def altered(directory: Path, schema: Path, alter: Callable[[Tables], None]) -> Path:
    """Return a schema of another version."""
    found = json.loads(schema.read_text())
    alter(found["tables"])
    found["version"] = "9.9.9"
    path = directory / schema.name
    path.write_text(json.dumps(found))
    return path


@contextmanager
def site(directory: Path, *, errors: bool = False, **schemas: Path) -> Iterator[tuple[Central, Controller, Api]]:
    """Run a site with one port on such databases; the controller may tell of `errors`."""
    with central(directory / "ovn", **schemas) as ovn, ExitStack() as stack:
        controller = Controller(directory / "c", ovn)
        if errors:
            controller.start()
            stack.callback(controller.kill)
        else:
            stack.enter_context(controlling(controller))
        api = Api(controller.api)
        for name, fields in ((VPC, {}), (WEB, {"cidr": "10.1.0.0/24"}), (PORT, {})):
            api.create(name, **fields)
        yield ovn, controller, api
        api.close()


@pytest.fixture
def directory(run_directory: Path, request: pytest.FixtureRequest) -> Path:
    """A directory with a path short enough for sockets."""
    path = run_directory / f"v{len(list(run_directory.iterdir()))}"
    path.mkdir()
    return path


def conditions(api: Api, name: str) -> list[tuple[str, str]]:
    return [(found.reason, found.message) for found in api.get(name).status.conditions]


def older(tables: Tables) -> None:
    del tables["DHCP_Options"]
    columns = tables["Logical_Switch_Port"]["columns"]
    for name in ("dhcpv4_options", "dhcpv6_options", "port_security"):
        del columns[name]


def test_what_an_older_northbound_does_not_have_is_said_and_the_rest_is_written(directory: Path) -> None:
    with site(directory, nb_schema=altered(directory, NB_SCHEMA, older)) as (ovn, controller, api):
        answer = api.realised(WEB, 1)
        assert not answer.realised
        why = "OVN Northbound, of version 9.9.9, has no table DHCP_Options; upgrade OVN"
        assert [lag.reason for lag in answer.status.waiting_for] == [why]
        assert api.realised(VPC).realised
        said = dict(conditions(api, PORT))
        assert "has no Logical_Switch_Port.port_security, which" in str(conditions(api, PORT)), said
        assert said.keys() == {"OVN_TOO_OLD"}
        assert api.get(PORT).mac in ovn.nbctl("--columns=addresses", "list", "Logical_Switch_Port")
        assert "columns unknown to the server left out" in controller.said()
        (told,) = findings(api, "northbound")
        assert "has no DHCP_Options, Logical_Switch_Port.dhcpv4_options" in told
        assert "Upgrade OVN" in told
        upgrade(ovn)
        wait_until(lambda: api.realised(WEB, 1).realised, seconds=SECONDS, what="the upgraded OVN to hold everything")
        assert conditions(api, PORT) == []
        assert "cidr" in ovn.nbctl("list", "DHCP_Options")


def upgrade(ovn: Central) -> None:
    ovn.nb.kill()
    subprocess.run(["ovsdb-tool", "convert", ovn.nb.directory / "data.db", NB_SCHEMA], check=True)
    ovn.nb.start()


def newer(tables: Tables) -> None:
    tables["Of_Tomorrow"] = {"columns": {"name": {"type": "string"}}, "isRoot": True}
    columns = tables["Logical_Switch_Port"]["columns"]
    columns["of_tomorrow"] = {"type": {"key": "string", "min": 0, "max": "unlimited"}}
    columns["type"] = {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}
    columns["addresses"] = {"type": {"key": "integer", "min": 0, "max": "unlimited"}}


def test_a_newer_northbound_whose_columns_have_changed_is_written_as_far_as_it_goes(directory: Path) -> None:
    with site(directory, errors=True, nb_schema=altered(directory, NB_SCHEMA, newer)) as (ovn, controller, api):
        assert api.realised(VPC).realised
        assert VPC in ovn.nbctl("--bare", "--columns=name", "list", "Logical_Router")
        answer = api.realised(PORT, 1)
        assert not answer.realised
        assert "in this version of OVN" in answer.status.waiting_for[0].reason
        assert "Logical_Switch_Port.type" in str(findings(api, "northbound"))
        assert "row refused" in controller.said()


def without_confirmations(tables: Tables) -> None:
    del tables["Chassis_Private"]


def test_an_older_southbound_that_cannot_say_who_has_confirmed_is_said_to_be_so(directory: Path) -> None:
    with site(directory, sb_schema=altered(directory, SB_SCHEMA, without_confirmations)) as (_, controller, api):
        assert api.realised(PORT).realised
        assert "has no Chassis_Private.name, Chassis_Private.nb_cfg" in str(findings(api, "southbound"))
        assert "columns unknown to the server left out" in controller.said()
