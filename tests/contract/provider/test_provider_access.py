"""Terraform against a controller by TLS: tokens that may only read, that end in the middle, and that nobody finds."""

import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tls_site import TlsSite
from token_site import READ_ONLY, READ_WRITE, SECONDS

from api import Api
from headgate.v1 import intent_pb2
from headgate_lab.waiting import wait_until
from terraform import Terraform

EPHEMERAL = 'variable "token" {\n  type = string\n  ephemeral = true\n  sensitive = true\n}\n'
VPC = 'resource "headgate_vpc" "shop" {\n  name = "shop"\n}\n'
WEB = 'resource "headgate_subnet" "web" {\n  name = "web"\n  vpc = headgate_vpc.shop.id\n  cidr = "10.1.0.0/24"\n}\n'


@pytest.fixture
def site(shared_tls_site: TlsSite) -> Iterator[TlsSite]:
    """The site; project default is empty afterwards."""
    yield shared_tls_site
    with closing(Api(shared_tls_site.controller.api)) as admin:
        admin.clear("default")


def provider(site: TlsSite, token: str) -> str:
    """Return a provider block; the token is an expression."""
    ca = site.pki.authority.bundle_path
    return (
        f'provider "headgate" {{\n  endpoints = ["{site.address}"]\n  token = {token}\n'
        f'  tls = {{ ca_file = "{ca}" }}\n  wait = "none"\n}}\n'
    )


def test_a_read_only_token_plans_and_is_refused_at_apply_with_words_at_the_resource(
    terraform: Terraform, site: TlsSite
) -> None:
    reader = site.token("default", access=READ_ONLY)[1]
    terraform.write(provider(site, f'"{reader}"') + VPC)
    assert terraform.actions() == {"headgate_vpc.shop": ["create"]}
    assert terraform.faults("apply", "-auto-approve") == [("Read only", 'resource "headgate_vpc" "shop" {')]
    said = " ".join(terraform.run("apply", "-auto-approve", "-no-color", expect=1).split())
    assert "may not change project default" in said
    assert "headgate token create NAME --project default --read-write" in said
    assert terraform.state() == {}


def test_a_token_of_another_project_is_refused_with_the_project(terraform: Terraform, site: TlsSite) -> None:
    terraform.write(provider(site, f'"{site.token("other")[1]}"') + VPC)
    assert terraform.faults("apply", "-auto-approve") == [("Not permitted", 'resource "headgate_vpc" "shop" {')]


def test_a_token_that_is_revoked_in_the_middle_leaves_a_state_that_is_true(terraform: Terraform, site: TlsSite) -> None:
    name, secret = site.token("default")
    revoke = f"{sys.executable} -m headgate_cli token revoke {name} --endpoint {site.controller.api}"
    between = (
        'resource "terraform_data" "revoked" {\n  depends_on = [headgate_vpc.shop]\n'
        f'  provisioner "local-exec" {{\n    command = "{revoke}"\n  }}\n}}\n'
    )
    web = WEB.replace("cidr", "depends_on = [terraform_data.revoked]\n  cidr")
    terraform.write(provider(site, f'"{secret}"') + VPC + between + web)
    assert terraform.faults("apply", "-auto-approve") == [("Token unknown", 'resource "headgate_subnet" "web" {')]
    assert "headgate_vpc.shop" in terraform.state()
    assert "headgate_subnet.web" not in terraform.state()
    terraform.write(provider(site, f'"{site.token("default")[1]}"') + VPC + between + web)
    assert terraform.actions() == {"headgate_subnet.web": ["create"]}
    terraform.apply()
    terraform.assert_settled()


def test_a_token_that_has_expired_is_told_apart(terraform: Terraform, site: TlsSite) -> None:
    until = time.time() + 0.5
    secret = site.token("default", expires_in=0.5)[1]
    terraform.write(provider(site, f'"{secret}"') + VPC)
    wait_until(lambda: time.time() > until + 0.1, seconds=SECONDS, what="the token to expire", every=0.1)
    assert terraform.faults("apply", "-auto-approve") == [("Token expired", 'resource "headgate_vpc" "shop" {')]


def test_token_and_ca_may_come_from_files_that_the_environment_names(
    installed_terraform: Terraform, site: TlsSite, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(site.token("default")[1] + "\n")
    files = {"HEADGATE_TOKEN_FILE": str(file), "HEADGATE_CA_FILE": str(site.pki.authority.bundle_path)}
    endpoints = {"HEADGATE_ENDPOINTS": f"127.0.0.1:1,{site.address}"}
    terraform = Terraform(installed_terraform.directory, installed_terraform.environment | files | endpoints)
    terraform.write('provider "headgate" {\n  wait = "none"\n}\n' + VPC)
    terraform.run("init", "-no-color")
    terraform.apply()
    file.unlink()
    assert terraform.faults("plan")[0][0] == "Unusable token"
    assert f"{file}, cannot be read" in " ".join(terraform.run("plan", "-no-color", expect=1).split())


def test_no_secret_is_left_in_database_log_arguments_exports_watch_state_or_plan(
    installed_terraform: Terraform, site: TlsSite
) -> None:
    name, secret = site.token("default")
    planted = secret.rpartition("_")[2]
    directory, environment = installed_terraform.directory, installed_terraform.environment
    seen = b""
    for configuration, variable in (
        (provider(site, "var.token") + EPHEMERAL + VPC, {"TF_VAR_token": secret}),
        (provider(site, "null") + VPC + WEB, {"HEADGATE_TOKEN": secret}),
    ):
        terraform = Terraform(directory, environment | variable)
        terraform.write(configuration)
        terraform.run("init", "-no-color")
        terraform.plan()
        process = subprocess.Popen(
            ["terraform", "apply", "-auto-approve", "-no-color"], cwd=directory, env=terraform.environment, **QUIET
        )
        while process.poll() is None:
            seen += arguments_of_all()
        assert process.returncode == 0
    files = [file.read_bytes() for file in directory.rglob("*") if file.is_file() and ".terraform" not in file.parts]
    with zipfile.ZipFile(directory / "plan.bin") as plan:
        files += [plan.read(member) for member in plan.namelist()]
    headgate = [sys.executable, "-m", "headgate_cli"]
    options = ("--endpoint", site.address, "--ca-file", str(site.pki.authority.bundle_path))
    for command in (("get", "all", "-A", "-o", "json"), ("token", "list", "-o", "json")):
        files.append(
            subprocess.run(
                [*headgate, *command, *options],
                env=environment | {"HEADGATE_TOKEN": site.token(access=READ_WRITE)[1]},
                capture_output=True,
                check=True,
            ).stdout
        )
    files.append(site.controller.log.read_bytes())
    files += [Path(f"{site.controller.database}{suffix}").read_bytes() for suffix in ("", "-wal")]
    with closing(Api(site.controller.api)) as admin:
        for change in admin.intent.Watch(intent_pb2.WatchRequest(), timeout=SECONDS):
            if not change.name:
                break
            files.append(change.SerializeToString())
    assert b"headgate_terraform" in seen or b"headgate-terraform" in seen, "the provider was seen at work"
    assert name.encode() in b"".join(files), "the token itself is known"
    for content in (seen, *files):
        assert planted.encode() not in content


QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def arguments_of_all() -> bytes:
    """Return the arguments of every process there is."""
    found = b""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += process.read_bytes()
    return found
