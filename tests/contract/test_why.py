"""`headgate why` against a real controller and a real OVN: the way of a change, stage by stage, to the hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Central, Controller, central, controlling

from api import Api
from command_line import CommandLine
from headgate_lab.waiting import wait_until

SECONDS = 20.0
STAGES = ["waited for its turn", "validated and stored", "compiled", "written to Northbound"]


class Site:
    def __init__(self, controller: Controller, ovn: Central) -> None:
        self.controller, self.ovn = controller, ovn
        self.api = Api(controller.api)


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    with central(run_directory / "why-ovn") as ovn, controlling(Controller(run_directory / "why", ovn)) as controller:
        made = Site(controller, ovn)
        yield made
        made.api.close()


@pytest.fixture
def headgate(
    site: Site, project: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    monkeypatch.setenv("HEADGATE_ENDPOINTS", site.controller.api)
    monkeypatch.setenv("HEADGATE_PROJECT", project)
    return CommandLine(capsys)


def port_on_a_host(site: Site, project: str, host: str) -> str:
    vpc = f"projects/{project}/vpcs/v"
    site.api.create(vpc)
    site.api.create(f"{vpc}/subnets/s", cidr="10.1.0.0/24")
    port = site.api.create(f"{vpc}/subnets/s/ports/p")
    site.ovn.bind(port.uid, host)
    return str(port.name)


def stages(out: str) -> list[str]:
    """Return what `why` says of each stage, without its times."""
    return [line.split(" ms", 1)[1].split(" took")[0].strip() for line in out.splitlines() if " took " in line]


def test_why_names_the_host_that_a_change_waits_for_and_then_tells_each_stage_of_its_way(
    site: Site, project: str, headgate: CommandLine
) -> None:
    port_on_a_host(site, project, f"{project}-h")
    try:
        wait_until(lambda: "waits for hosts/" in headgate("why", "port", "v/s/p").out, seconds=SECONDS, what="the host")
        waiting = headgate("why", "port", "v/s/p")
        assert waiting.status == 1
        assert f"=> waits for hosts/{project}-h: it has not confirmed the change yet" in waiting.out
        wait_until(
            lambda: "translated by ovn-northd" in headgate("why", "port", "v/s/p").out, seconds=SECONDS, what="northd"
        )
        site.ovn.confirm(f"{project}-h")
        wait_until(lambda: "=> realised" in headgate("why", "port", "v/s/p").out, seconds=SECONDS, what="realisation")
        done = headgate("why", "port", "v/s/p")
        assert done.status == 0
        assert stages(done.out) == [*STAGES, "translated by ovn-northd", f"carried out by hosts/{project}-h"]
    finally:
        site.ovn.forget(f"{project}-h")


def test_the_times_of_a_journey_never_run_backwards(site: Site, project: str, headgate: CommandLine) -> None:
    port_on_a_host(site, project, f"{project}-h")
    try:
        site.api.realised(f"projects/{project}/vpcs/v/subnets/s/ports/p", seconds=1)
        site.ovn.confirm(f"{project}-h")
        wait_until(lambda: "=> realised" in headgate("why", "port", "v/s/p").out, seconds=SECONDS, what="realisation")
        lines = [line for line in headgate("why", "port", "v/s/p").out.splitlines() if " took " in line]
        ended = [float(line.split()[0]) for line in lines]
        assert ended == sorted(ended)
        assert all(float(line.rsplit("took", 1)[1].split()[0]) <= end for line, end in zip(lines, ended, strict=True))
    finally:
        site.ovn.forget(f"{project}-h")


def test_of_a_change_before_a_restart_why_says_that_its_way_is_not_known(
    site: Site, project: str, headgate: CommandLine
) -> None:
    site.api.create(f"projects/{project}/vpcs/v")
    site.controller.stop()
    site.controller.start()
    wait_until(lambda: "=> realised" in headgate("why", "vpc", "v").out, seconds=SECONDS, what="realisation")
    assert "the controller was restarted since" in headgate("why", "vpc", "v").out


def test_why_of_something_that_is_not_there_is_refused(headgate: CommandLine) -> None:
    missing = headgate("why", "vpc", "none")
    assert missing.status == 1
    assert "There is no" in missing.err
