"""Tokens: how callers are recognised, and what a token is from its making to its end."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Controller, controlling
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusal import Refusal, refusal
from token_site import READ_ONLY, SECONDS, TokenSite

from api import Api
from headgate.v1 import intent_pb2, token_pb2, vpc_pb2, vpc_pb2_grpc
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until

# Who may call at all.


def test_a_call_without_a_token_is_refused_and_told_how_to_send_one(site: TokenSite) -> None:
    refused = refusal(site.client().get, "projects/b/vpcs/secret")
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")
    assert "authorization: Bearer TOKEN" in refused.message
    assert "HEADGATE_TOKEN" in refused.message


@pytest.mark.parametrize("header", ["", "Bearer", "Basic eDp5", "Token abc", "hg_00000000_0"])
def test_an_authorization_of_another_form_is_refused(site: TokenSite, header: str) -> None:
    refused = _sent(site, ("authorization", header))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")


def test_two_tokens_in_one_call_are_refused(site: TokenSite) -> None:
    good = f"Bearer {site.token('*')[1]}"
    assert _sent(site, ("authorization", good), ("authorization", good)).reason == "TOKEN_MISSING"


def _sent(site: TokenSite, *metadata: tuple[str, str]) -> Refusal:
    stub = vpc_pb2_grpc.VpcServiceStub(site.client().channel)
    return refusal(
        stub.GetVpc, vpc_pb2.GetVpcRequest(name="projects/b/vpcs/secret"), metadata=metadata, timeout=SECONDS
    )


def test_a_token_that_is_wrong_in_one_character_is_unknown(site: TokenSite) -> None:
    secret = site.token("*")[1]
    for wrong in (secret[:-1] + ("0" if secret[-1] != "0" else "1"), secret + "0", secret[:-1], "hg_" + "0" * 73):
        refused = refusal(site.client(wrong).get, "projects/b/vpcs/secret")
        assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")
        assert wrong not in refused.message
        assert secret not in refused.message


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200) | st.just("x" * 6_000))
def test_no_authorization_that_is_made_up_lets_anybody_in(site: TokenSite, header: str) -> None:
    for value in (header, f"Bearer {header}", f"Bearer hg_{header}"):
        assert _sent(site, ("authorization", value)).code == "UNAUTHENTICATED"


def test_whoever_can_open_the_socket_is_the_administrator_and_only_its_owner_can(site: TokenSite) -> None:
    socket = Path(site.controller.api.removeprefix("unix:"))
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert socket.stat().st_uid == os.getuid()
    assert site.admin.get("projects/b/vpcs/secret").display_name == "hidden"


def test_a_token_sent_over_the_socket_counts_there_too(site: TokenSite) -> None:
    client = Api(site.controller.api, token=site.token("a", access=READ_ONLY)[1])
    assert refusal(client.get, "projects/b/vpcs/secret").code == "PERMISSION_DENIED"
    client.close()


def test_the_health_of_the_controller_is_told_to_anybody_and_its_schema_to_whoever_has_a_token(site: TokenSite) -> None:
    nobody = site.client()
    answer = health_pb2_grpc.HealthStub(nobody.channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    question = reflection_pb2.ServerReflectionRequest(list_services="*")

    def services(api: Api) -> Any:
        return reflection_pb2_grpc.ServerReflectionStub(api.channel).ServerReflectionInfo(
            iter([question]), timeout=SECONDS
        )

    assert refusal(services, nobody).code == "UNAUTHENTICATED"
    named = {s.name for s in next(services(site.holding("a", access=READ_ONLY))).list_services_response.service}
    assert "headgate.v1.TokenService" in named


# What a token is.


def test_a_token_is_shown_once_and_only_its_hash_is_kept(site: TokenSite) -> None:
    name, secret = site.token("a", "c", access=READ_ONLY)
    listed = {t.name: t for t in site.tokens.ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS).tokens}
    assert secret.startswith(f"{listed[name].prefix}_")
    assert (list(listed[name].projects), listed[name].access) == (["a", "c"], READ_ONLY)
    with sqlite3.connect(site.controller.database) as database:
        (digest,) = database.execute("select digest from token where name = ?", (name,)).fetchone()
    database.close()
    assert digest == sha256(secret.encode()).digest()


def test_a_token_that_expires_is_refused_from_then_on(site: TokenSite) -> None:
    secret = site.token("b", expires_in=1.0)[1]
    client = site.client(secret)
    assert client.get("projects/b/vpcs/secret").display_name == "hidden"

    def expired() -> bool:
        try:
            client.get("projects/b/vpcs/secret")
        except grpc.RpcError:
            return True
        return False

    wait_until(expired, seconds=SECONDS, what="the token to expire", every=0.1)
    refused = refusal(client.get, "projects/b/vpcs/secret")
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
    assert "headgate token create" in refused.message


def test_a_revoked_token_is_refused_at_once_and_its_streams_end(site: TokenSite) -> None:
    name, secret = site.token("a")
    client = site.client(secret)
    watch = client.intent.Watch(intent_pb2.WatchRequest(name_prefix="projects/a/"), timeout=SECONDS)
    assert next(watch).name == ""
    site.tokens.RevokeToken(token_pb2.RevokeTokenRequest(name=name), timeout=SECONDS)
    assert refusal(client.create, "projects/a/vpcs/late").reason == "TOKEN_UNKNOWN"
    site.admin.create("projects/a/vpcs/new")
    assert refusal(list, watch).reason == "TOKEN_UNKNOWN"


def test_tokens_made_and_revoked_while_nobody_waits_any_more_are_so_at_once(site: TokenSite) -> None:
    name, secret = site.token("*")
    wanted = token_pb2.Token(projects=["*"], access=READ_ONLY)
    calls = (
        (site.tokens.CreateToken, token_pb2.CreateTokenRequest(token_id=f"{name[7:]}-b", token=wanted)),
        (site.tokens.RevokeToken, token_pb2.RevokeTokenRequest(name=name)),
    )
    for call, request in calls:
        with closing(sqlite3.connect(site.controller.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
                call(request, timeout=0.5)

    def there() -> set[str]:
        return {t.name for t in site.tokens.ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS).tokens}

    wait_until(lambda: there() & {name, f"{name}-b"} == {f"{name}-b"}, seconds=SECONDS, what="both to be done")
    assert refusal(site.client(secret).get, "projects/b/vpcs/secret").reason == "TOKEN_UNKNOWN"


def test_tokens_are_recognised_after_a_crash_and_their_last_use_is_known(run_directory: Path) -> None:
    directory = run_directory / "crash"
    address = f"127.0.0.1:{free_port()}"
    with controlling(Controller(directory, listen=[f"unix:{directory}/api.sock", address])) as controller:
        site = TokenSite(controller, address)
        secret = site.token("a")[1]
        controller.kill()
        controller.start()
        site.client(secret).create("projects/a/vpcs/shop")
        controller.stop()
        controller.start()
        (known,) = site.tokens.ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS, wait_for_ready=True).tokens
        assert time.time() - 60 < known.last_use_time.seconds <= time.time()
        site.close()


def test_a_controller_that_can_let_nobody_in_says_so(run_directory: Path) -> None:
    with controlling(Controller(run_directory / "locked", listen=[f"127.0.0.1:{free_port()}"])) as controller:
        assert "no caller can be let in" in controller.said()
        assert "add unix:/run/headgate/api.sock to listen" in controller.said()


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"token_id": "Bad Name"}, {("token_id", "BAD_NAME")}),
        ({"projects": []}, {("token.projects", "BAD_SIZE")}),
        ({"projects": ["*", "a"]}, {("token.projects", "NOT_ALONE")}),
        ({"projects": ["a", "B!", "a/b", "-"]}, {(f"token.projects[{i}]", "BAD_NAME") for i in (1, 2, 3)}),
        ({"access": 0, "projects": []}, {("token.access", "REQUIRED"), ("token.projects", "BAD_SIZE")}),
        ({"access": 7}, {("token.access", "REQUIRED")}),
        ({"description": "x" * 1025}, {("token.description", "TOO_LONG")}),
        ({"name": "tokens/other"}, {("token.name", "NAME_DIFFERS")}),
        ({"expire_time": Timestamp(seconds=1)}, {("token.expire_time", "PAST")}),
        ({"expire_time": Timestamp(seconds=2**40)}, {("token.expire_time", "OUT_OF_RANGE")}),
        ({"expire_time": Timestamp(nanos=-1)}, {("token.expire_time", "OUT_OF_RANGE")}),
    ],
)
def test_a_token_that_breaks_rules_is_refused_with_every_fault(
    site: TokenSite, fields: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    token_id = fields.pop("token_id", "good")
    wanted = token_pb2.Token(**{"projects": ["a"], "access": READ_ONLY} | fields)
    request = token_pb2.CreateTokenRequest(token_id=token_id, token=wanted)
    assert refusal(site.tokens.CreateToken, request, timeout=SECONDS).faults == faults


def test_a_name_is_given_to_one_token_only(site: TokenSite) -> None:
    request = token_pb2.CreateTokenRequest(token_id="twice", token=token_pb2.Token(projects=["a"], access=READ_ONLY))
    site.tokens.CreateToken(request, timeout=SECONDS)
    assert refusal(site.tokens.CreateToken, request, timeout=SECONDS).code == "ALREADY_EXISTS"
    gone = token_pb2.RevokeTokenRequest(name="tokens/twice")
    site.tokens.RevokeToken(gone, timeout=SECONDS)
    assert refusal(site.tokens.RevokeToken, gone, timeout=SECONDS).code == "NOT_FOUND"


def test_failures_are_logged_with_the_peer_and_without_the_secret(site: TokenSite) -> None:
    log = site.controller.log
    wrong = f"hg_deadbeef_{secrets.token_hex(32)}"
    for _ in range(30):
        refusal(site.client(wrong).get, "projects/b/vpcs/secret")
    said = log.read_text()
    assert wrong not in said
    lines = [line for line in said.splitlines() if "authentication failed" in line and "127.0.0.1" in line]
    assert lines
    assert len(lines) < 15
