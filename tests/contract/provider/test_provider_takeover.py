"""The real terraform against two real controllers, of which one takes over from the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from postgres_server import PostgresServer, sql
from shared_site import LOG, SECONDS, shared_site

from headgate_lab.waiting import wait_until
from terraform import Terraform

PORTS = 60
CONFIGURATION = f"""
resource "headgate_vpc" "v" {{ name = "v" }}
resource "headgate_subnet" "s" {{
  name = "s"
  vpc  = headgate_vpc.v.id
  cidr = "10.1.0.0/24"
}}
resource "headgate_port" "p" {{
  count  = {PORTS}
  name   = "p${{count.index}}"
  subnet = headgate_subnet.s.id
}}
"""


def test_an_apply_in_the_middle_of_a_takeover_goes_on_and_creates_nothing_twice(
    run_directory: Path, postgres_server: PostgresServer, tmp_path: Path, installed_provider: dict[str, str]
) -> None:
    directory = tmp_path / "configuration"
    directory.mkdir()
    with shared_site(run_directory, postgres_server.prepared(), lease_seconds=1) as site:
        leader, other = site.start()
        endpoints = ",".join(controller.api for controller in (other, leader))
        own = {"HEADGATE_ENDPOINTS": endpoints, "HEADGATE_PROJECT": "p"}
        terraform = Terraform(directory, installed_provider | own)
        terraform.write(CONFIGURATION)
        terraform.run("init", "-no-color")

        def ports() -> int:
            return int(sql(site.url, "SELECT count(*) FROM intent WHERE kind = 'headgate.v1.Port'")[0][0])

        with ThreadPoolExecutor(1) as thread:
            applied = thread.submit(terraform.run, "apply", "-auto-approve", "-no-color", "-parallelism=3")
            wait_until(lambda: ports() > PORTS // 6 or applied.done(), seconds=SECONDS, what="an apply under way")
            leader.kill()
            assert ports() < PORTS, "it was in the middle"
            assert f"{PORTS + 2} added, 0 changed, 0 destroyed" in applied.result()
        names = [name for _, _, name, _ in sql(site.url, LOG)]
        assert (len(names), len(set(names))) == (PORTS + 2, PORTS + 2)
        terraform.assert_settled()
