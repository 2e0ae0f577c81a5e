"""What Prometheus reads of a controller, what the documents say of it, and what the dashboard asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Central, Controller, central, controlling
from host_stream import host_stream
from http_client import ask, samples
from token_site import TokenSite

from api import Api
from headgate.v1 import journey_pb2
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until

DOCS = Path(__file__).parents[2] / "docs/reference"
NAME = re.compile(r"\b(?:headgate|process)_[a-z_]+")
SECONDS = 20.0
STAGES = [name for name, number in journey_pb2.JourneyStage.items() if number]


class Site:
    def __init__(self, controller: Controller, ovn: Central) -> None:
        self.controller, self.ovn = controller, ovn
        self.api = Api(controller.api)

    def samples(self) -> dict[str, float]:
        """Return every sample by its name and labels."""
        return samples(self.controller.http)

    def value(self, name: str) -> float:
        return self.samples().get(name, 0.0)

    def expect(self, name: str, value: float) -> None:
        wait_until(lambda: self.value(name) == value, seconds=SECONDS, what=f"{name} to be {value}")


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    with central(run_directory / "metrics-ovn") as ovn, controlling(Controller(run_directory / "metrics", ovn)) as one:
        made = Site(one, ovn)
        made.expect("headgate_northbound_in_step", 1)
        yield made
        made.api.close()


def test_resources_revision_commits_compiles_and_rows_are_counted(site: Site) -> None:
    before = site.samples()
    vpc = "projects/metrics/vpcs/v"
    revision = before["headgate_revision"]
    site.api.create(vpc)
    site.api.create(f"{vpc}/subnets/s", cidr="10.1.0.0/24")
    site.api.realised(f"{vpc}/subnets/s")
    after = site.samples()
    assert after["headgate_revision"] == revision + 2
    assert after["headgate_resources|kind=vpc"] == before["headgate_resources|kind=vpc"] + 1
    assert after["headgate_resources|kind=floating_ip"] == 0
    commits, compiles = (f"headgate_stage_seconds_count|stage={stage}" for stage in ("commit", "compile"))
    assert after[commits] >= before[commits] + 2
    assert after[compiles] > before[compiles]
    assert after["headgate_plan_rows_total|op=insert"] > before.get("headgate_plan_rows_total|op=insert", 0)
    assert after["headgate_commit_queue_requests"] == 0


def test_calls_are_counted_by_method_and_outcome(site: Site) -> None:
    def count(code: str) -> float:
        return site.value(f"headgate_rpc_seconds_count|code={code}|method=/headgate.v1.VpcService/GetVpc")

    found, missing = count("OK"), count("NOT_FOUND")
    site.api.create("projects/calls/vpcs/v")
    site.api.get("projects/calls/vpcs/v")
    with pytest.raises(Exception, match="There is no"):
        site.api.get("projects/calls/vpcs/none")
    assert (count("OK"), count("NOT_FOUND")) == (found + 1, missing + 1)


def test_open_streams_are_counted_until_they_end(site: Site) -> None:
    from headgate.v1 import intent_pb2

    name = "headgate_rpc_streams|method=/headgate.v1.IntentService/Watch"
    before = site.value(name)
    watch = site.api.intent.Watch(intent_pb2.WatchRequest(name_prefix="projects/none/"))
    next(watch)
    site.expect(name, before + 1)
    watch.cancel()
    site.expect(name, before)


def test_rows_that_others_changed_are_counted_as_repaired(site: Site) -> None:
    site.api.create("projects/repaired/vpcs/v")
    site.api.realised("projects/repaired/vpcs/v")
    before = site.value("headgate_repaired_rows_total")
    router = site.ovn.nbctl("--bare", "--columns=name", "find", "Logical_Router").split()[0]
    site.ovn.nbctl("lr-del", router)
    wait_until(lambda: site.value("headgate_repaired_rows_total") > before, seconds=SECONDS, what="a repair")


def test_the_time_of_each_stage_of_a_change_is_counted_up_to_its_host(site: Site) -> None:
    names = [f"headgate_stage_seconds_count|stage={stage.lower().removeprefix('journey_stage_')}" for stage in STAGES]
    before = site.samples()

    def uncounted() -> list[str]:
        now = site.samples()
        return [name for name in names if now.get(name, 0.0) <= before.get(name, 0.0)]

    assert uncounted() == names
    vpc = "projects/stages/vpcs/v"
    site.api.create(vpc)
    site.api.create(f"{vpc}/subnets/s", cidr="10.1.0.0/24")
    port = site.api.create(f"{vpc}/subnets/s/ports/p")
    site.ovn.bind(port.uid, "quick")
    try:
        site.api.realised(port.name, seconds=1)
        site.ovn.confirm("quick")
        wait_until(lambda: not uncounted(), seconds=SECONDS, what="all stages to be counted")
    finally:
        site.ovn.forget("quick")


def test_a_host_that_does_not_confirm_lags_behind(site: Site) -> None:
    vpc = "projects/lag/vpcs/v"
    site.api.create(vpc)
    site.api.create(f"{vpc}/subnets/s", cidr="10.1.0.0/24")
    port = site.api.create(f"{vpc}/subnets/s/ports/p")
    site.ovn.bind(port.uid, "slow")
    try:
        site.api.realised(port.name, seconds=1)
        wait_until(lambda: site.value("headgate_host_lag_revisions|host=slow") > 0, seconds=SECONDS, what="a lag")
        site.ovn.confirm("slow")
        site.expect("headgate_host_lag_revisions|host=slow", 0)
    finally:
        site.ovn.forget("slow")


def test_what_an_agent_takes_is_timed_and_what_it_refuses_is_not(site: Site) -> None:
    name = "headgate_host_answer_seconds_count"
    before = site.value(name)
    with host_stream(site.controller.hosts) as agent:
        agent.hello("timed")
        agent.refuse("NO_BRIDGE", "not here")
        site.api.create("projects/timed/vpcs/v")
        site.api.create("projects/timed/vpcs/v/subnets/s", cidr="10.1.0.0/24")
        site.api.create("projects/timed/vpcs/v/subnets/s/ports/p", host="hosts/timed")
        agent.accept()
        site.expect(name, before + 1)


def test_only_who_may_see_the_whole_site_reads_metrics_on_tcp(run_directory: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with controlling(Controller(run_directory / "metrics-door", http_listen=[address])) as controller:
        tokens = TokenSite(controller, address)
        every, one = tokens.token("*")[1], tokens.token("shop")[1]
        tokens.close()
        assert ask(address, "/metrics").status == 401
        assert ask(address, "/metrics", headers={"Authorization": f"Bearer {one}"}).status == 403
        assert ask(address, "/metrics", headers={"Authorization": f"Bearer {every}"}).status == 200


def exposed(site: Site) -> set[str]:
    """Return every name, those that have no sample at the moment too."""
    kinds = re.findall(r"^# TYPE (\w+)", ask(site.controller.http, "/metrics").text, re.MULTILINE)
    return {name.partition("|")[0] for name in site.samples()} | set(kinds)


def test_what_is_exposed_is_documented_and_the_other_way_round(site: Site) -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    suffixes = re.compile(r"_(bucket|count|sum|created)$")
    ours = {suffixes.sub("", name) for name in exposed(site) if name.startswith("headgate_")}
    assert {name.removesuffix("_total") for name in ours} == {name.removesuffix("_total") for name in documented}


def test_the_dashboard_asks_for_what_is_exposed_only_and_for_all_of_it(site: Site) -> None:
    board = json.loads((DOCS / "grafana-headgate.json").read_text())
    asked = {name for panel in board["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert asked - exposed(site) == set()
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    documented = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert documented - shown == set()
