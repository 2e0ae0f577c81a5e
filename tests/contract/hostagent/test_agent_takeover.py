"""A real agent of two controllers, of which one takes over from the other."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent_bench import AgentProcess, until
from postgres_server import PostgresServer, sql
from shared_site import LOG, shared_site

from api import Api


def test_an_agent_goes_on_with_the_controller_that_takes_over_and_rewrites_nothing(
    run_directory: Path, postgres_server: PostgresServer, agent: AgentProcess
) -> None:
    with shared_site(run_directory, postgres_server.prepared(), lease_seconds=2) as site:
        leader, other = site.start()
        addresses = ", ".join(f'"{controller.hosts}"' for controller in (other, leader))
        text = agent.config.read_text()
        agent.config.write_text(text.replace(f'"unix:{agent.machine.directory}/hosts.sock"', addresses))
        agent.start()
        epoch = site.epoch()
        until(lambda: f"epoch={epoch}" in agent.log, "the leader's word", 20)
        until(lambda: "ovn-remote" in agent.machine.ids(), "the host to be as desired")
        before, log = agent.machine.writes(), sql(site.url, LOG)
        leader.kill()
        until(lambda: "host connected host=hosts/h1" in other.said(), "the agent with the one that took over", 20)
        assert agent.machine.writes() == before
        assert sql(site.url, LOG) == log
        with closing(Api(other.api)) as api:
            api.create("projects/p/vpcs/v")
            api.create("projects/p/vpcs/v/subnets/s", cidr="10.1.0.0/24")
            api.create("projects/p/vpcs/v/subnets/s/ports/a", host="hosts/h1")
        until(lambda: f"epoch={site.epoch()}" in agent.log, "what it has to say", 20)
        assert site.epoch() > epoch
        assert f"stands by: {leader.settings['name']} leads" in agent.log
