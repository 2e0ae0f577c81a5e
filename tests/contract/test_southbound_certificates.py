"""OVN Southbound by certificates, set up by the commands that `headgate pki central` prints: what a host's certificate
can do there and what not, and how the controller reads it.
"""

from __future__ import annotations

import asyncio
import shlex
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from controller_site import Central, central, environment
from ovsdb_server import NB_SCHEMA, eventually, running, serving
from site_pki import SitePki
from typer.testing import CliRunner

from headgate_cli.__main__ import assemble
from headgate_common import pki
from headgate_common.identity import IdentityFiles
from headgate_common.pki import Role
from headgate_controller.ovn.northbound import Northbound
from headgate_controller.ovn.southbound import Southbound
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until


class Site(SitePki):
    """An OVN central whose Southbound takes certificates."""

    def __init__(self, directory: Path, ovn: Central) -> None:
        super().__init__(directory)
        self.ovn = ovn
        self.port = free_port()
        self.remote = f"ssl:127.0.0.1:{self.port}"
        self.own = self.issue(Role.CONTROLLER, "central")
        printed = CliRunner().invoke(
            assemble(), ["pki", "central", str(self.own.ca.parent), "--port", str(self.port)], catch_exceptions=False
        )
        for line in printed.output.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "ovn-sbctl"
            ovn.sbctl(*arguments)
        wait_until(
            lambda: self.as_host("h1", "list", "SB_Global").returncode == 0, seconds=10, what="Southbound by TLS"
        )

    def as_host(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run ovn-sbctl with the certificate of a host, made if there is none."""
        files = IdentityFiles(self.directory / "host" / name)
        return self.call(files if files.identity.exists() else self.issue(Role.HOST, name), *command)

    def call(self, files: IdentityFiles | None, *command: str) -> subprocess.CompletedProcess[str]:
        """Run ovn-sbctl by TLS, with a certificate or none."""
        key = str(files.identity) if files else "none"
        options = [f"--db={self.remote}", "--timeout=5", "-p", key, "-c", key, "-C", str(self.own.ca)]
        return subprocess.run(
            ["ovn-sbctl", *options, *command],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    def dump(self) -> str:
        """Return what Southbound says of hosts."""
        tables = ("Chassis", "Chassis_Private", "Encap", "SB_Global")
        return "\n".join(self.ovn.sbctl("list", table) for table in tables)


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    with central(run_directory / "sb-tls") as ovn:
        yield Site(run_directory / "sb-pki", ovn)


def test_a_host_registers_under_its_own_name(site: Site) -> None:
    done = site.as_host("h1", "chassis-add", "h1", "geneve", "192.0.2.1")
    assert done.returncode == 0, done.stderr
    assert "h1" in site.ovn.sbctl("--bare", "--columns=name", "list", "Chassis").split()


def test_a_host_cannot_write_another_hosts_rows(site: Site) -> None:
    site.ovn.sbctl("chassis-add", "h2", "geneve", "192.0.2.2")
    row = site.ovn.sbctl("--bare", "--columns=_uuid", "find", "Chassis", "name=h2").strip()
    encap = site.ovn.sbctl("--bare", "--columns=_uuid", "find", "Encap", "chassis_name=h2").strip()
    private = site.ovn.sbctl("create", "Chassis_Private", "name=h2", f"chassis={row}", "nb_cfg=1").strip()
    attempts = [
        ["chassis-add", "h3", "geneve", "192.0.2.3"],
        ["chassis-del", "h2"],
        ["set", "Chassis", row, "hostname=h1"],
        ["set", "Encap", encap, "ip=192.0.2.66"],
        ["set", "Chassis_Private", private, "nb_cfg=99"],
        ["set", "SB_Global", ".", "nb_cfg=99"],
        ["create", "Chassis_Private", "name=h4"],
        ["del-connection"],
        ["del-ssl"],
    ]
    before = site.dump()
    for attempt in attempts:
        done = site.as_host("h1", *attempt)
        assert done.returncode != 0, attempt
        assert "permission error" in done.stderr, done.stderr
    assert site.dump() == before


def test_who_has_no_certificate_of_the_site_reads_nothing(site: Site, tmp_path: Path) -> None:
    old = site.issue(Role.HOST, "old", now=pki.utc_now() - timedelta(days=91))
    foreign = SitePki(tmp_path).issue(Role.HOST, "h1")
    for files in (None, old, foreign):
        done = site.call(files, "list", "SB_Global")
        assert (done.returncode != 0, done.stdout) == (True, ""), files


def test_the_controller_reads_southbound_by_certificate_and_takes_renewed_files(site: Site) -> None:
    async def scenario() -> None:
        southbound = Southbound(site.remote, site.own.ca.parent)
        async with running(southbound.run()):
            await eventually(lambda: southbound.connected)
            site.ovn.sbctl("--may-exist", "chassis-add", "h5", "geneve", "192.0.2.5")
            await eventually(lambda: "h5" in southbound.chassis)
        site.issue(Role.CONTROLLER, "central")
        again = Southbound(site.remote, site.own.ca.parent)
        async with running(again.run()):
            await eventually(lambda: "h5" in again.chassis)

    asyncio.run(scenario())


def test_a_host_that_poses_as_southbound_is_not_believed(site: Site, tmp_path: Path) -> None:
    async def scenario() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(site.issue(Role.HOST, "h7").identity)
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        southbound = Southbound(f"ssl:127.0.0.1:{port}", site.own.ca.parent)
        with pytest.raises(OSError, match="unsuitable certificate purpose"):
            await southbound._address.dial()
        server.close()

    asyncio.run(scenario())


def test_northbound_is_written_by_certificate(site: Site, tmp_path: Path) -> None:
    apart = SitePki(tmp_path / "pki")
    server, client = apart.issue(Role.CONTROLLER, "nb"), apart.issue(Role.CONTROLLER, "ctl1")
    port = free_port()

    async def scenario(remote: str) -> None:
        northbound = Northbound(remote, {"Logical_Switch": ("name",)}, epoch=1, pki_dir=client.ca.parent)
        async with running(northbound.run()):
            await asyncio.wait_for(northbound.ready(), 10)
            assert await northbound.synchronise({}) >= 0

    with serving(tmp_path / "nb", NB_SCHEMA) as nb:
        run = ("ovn-nbctl", f"--db={nb.remote}")
        for command in (
            ["init"],
            ["set-ssl", str(server.identity), str(server.identity), str(server.ca)],
            ["set-connection", f"pssl:{port}:127.0.0.1"],
        ):
            subprocess.run([*run, *command], env=environment(), check=True, capture_output=True)
        asyncio.run(scenario(f"ssl:127.0.0.1:{port}"))
