"""`headgate` as it comes to a controller: its tokens, its CA, and what it says when these do not fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from site_pki import SitePki
from tls_site import TlsSite
from token_site import READ_ONLY

from api import Api
from headgate_common import pki
from headgate_common.pki import Role


class Printed(NamedTuple):
    """What a command ended with."""

    status: int
    out: str
    err: str


Headgate = Callable[..., Printed]


@pytest.fixture
def headgate(tmp_path: Path) -> Headgate:
    """Runs a command in an environment of its own: keyword arguments are variables without HEADGATE_ in front."""

    def run(*arguments: str, **variables: str) -> Printed:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "headgate_cli", *arguments],
            env=environment | {f"HEADGATE_{name.upper()}": value for name, value in variables.items()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Printed(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def site(shared_tls_site: TlsSite) -> Iterator[TlsSite]:
    """The site; project default is empty afterwards."""
    yield shared_tls_site
    with closing(Api(shared_tls_site.controller.api)) as admin:
        admin.clear("default")


def ca_of(site: TlsSite) -> str:
    return str(site.pki.authority.bundle_path)


def test_the_first_token_is_made_over_the_socket_and_opens_the_api_by_tls(
    headgate: Headgate, site: TlsSite, tmp_path: Path
) -> None:
    at_home = {"endpoints": site.controller.api}
    made = headgate("token", "create", "first", "--all-projects", "--read-write", "--expires", "90d", **at_home)
    secret = made.out.strip()
    assert (made.status, made.out.count("\n")) == (0, 1)
    assert secret not in made.err
    abroad = {"endpoints": f"127.0.0.1:1,{site.address}", "ca_file": ca_of(site)}
    listed = headgate("token", "list", token=secret, **abroad)
    (line,) = [line.split() for line in listed.out.splitlines() if line.startswith("first ")]
    assert line[1:4] == [secret.rpartition("_")[0], "*", "read"]
    file = tmp_path / "token"
    file.write_text(secret + "\n")
    for where in ({"token_file": str(file)}, {"token_file": "/nowhere", "token": secret}):
        assert headgate("get", "vpcs", **abroad, **where).status == 0
    assert headgate("get", "vpcs", "--token-file", str(file), "--ca-file", ca_of(site), endpoints=site.address)
    assert secret not in headgate("token", "list", "-o", "json", **at_home).out
    assert headgate("token", "revoke", "first", **at_home).out == "first is revoked\n"
    refused = headgate("get", "vpcs", token=secret, **abroad)
    assert refused.status == 1
    assert "has been revoked" in refused.err


def test_without_a_token_one_is_told_where_it_is_taken_from(headgate: Headgate, site: TlsSite) -> None:
    refused = headgate("get", "vpcs", endpoints=site.address, ca_file=ca_of(site))
    assert refused.status == 1
    for words in ("A token is needed", "headgate token create NAME", "--token-file"):
        assert words in refused.err


def test_a_read_only_token_describes_who_uses_a_resource_and_deletes_nothing(headgate: Headgate, site: TlsSite) -> None:
    with closing(Api(site.controller.api)) as admin:
        admin.create("projects/default/vpcs/shop")
        admin.create("projects/default/vpcs/shop/subnets/web", cidr="10.1.0.0/24")
    reader = {
        "endpoints": site.address,
        "ca_file": ca_of(site),
        "token": site.token("default", access=READ_ONLY)[1],
    }
    described = headgate("describe", "vpc", "shop", **reader)
    assert "projects/default/vpcs/shop/subnets/web" in described.out
    refused = headgate("delete", "vpc", "shop", **reader)
    assert refused.status == 1
    assert "may not change project default" in refused.err
    everything = headgate("get", "all", "-A", "-o", "json", **reader)
    assert [resource["name"].split("/")[-1] for resource in json.loads(everything.out)] == ["web", "shop"]
    assert "hosts are left out: " in everything.err
    assert headgate("get", "hosts", **reader).status == 1


def test_what_keeps_it_from_a_controller_is_told_with_the_fix(
    headgate: Headgate, site: TlsSite, tmp_path: Path
) -> None:
    other = str(SitePki(tmp_path / "other").authority.bundle_path)
    for variables, words in (
        ({"endpoints": site.address}, f"{site.address} wants TLS: give the file of its CA."),
        ({"endpoints": site.address, "ca_file": other}, f"no CA in {other} has signed"),
        ({"endpoints": f"127.0.0.2:{site.port}", "ca_file": ca_of(site)}, "have it issued for 127.0.0.2 too"),
    ):
        refused = headgate("get", "vpcs", **variables)
        assert refused.status == 3
        assert words in refused.err
        assert "--ca-file or HEADGATE_CA_FILE" in refused.err


def test_an_expired_certificate_is_told(headgate: Headgate, run_directory: Path) -> None:
    site = TlsSite(run_directory / "aged")
    site.controller.start()
    try:
        long_ago = pki.utc_now() - timedelta(days=30)
        site.pki.issue(Role.CONTROLLER, "ctl1", now=long_ago, lifetime=timedelta(days=10))
        old = headgate("get", "vpcs", endpoints=site.address, ca_file=ca_of(site))
        assert old.status == 1, "what has expired does not replace what was read before"
        assert "A token is needed" in old.err
    finally:
        site.controller.kill()


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (("token", "create", "x"), {}, "Say where it is good: --project NAME (may be repeated), or --all-projects."),
        (("token", "create", "x", "-p", "a", "--all-projects"), {}, "Say where it is good"),
        (("token", "create", "x", "-p", "a", "--expires", "soon"), {}, "'soon' is no time; write for example"),
        (("get", "vpcs", "--ca-file", "/nowhere"), {}, "/nowhere, cannot be read: No such file"),
        (("get", "vpcs", "--token-file", "/nowhere"), {}, "/nowhere, cannot be read: No such file"),
        (("get", "vpcs"), {"token": "two words"}, "HEADGATE_TOKEN holds no token"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_words(
    headgate: Headgate, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    refused = headgate(*arguments, **variables)
    assert refused.status == 2
    assert words in refused.err


def test_no_command_takes_a_token_as_an_argument(headgate: Headgate) -> None:
    for command in (("get",), ("token", "create"), ("token", "revoke")):
        said = headgate(*command, "--help").out
        assert "--token-file" in said
        assert "--token " not in said
