"""What a token lets its holder do, and what it does not let its holder learn: project a is the holder's, b is not."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusal import refusal
from test_api_malformed import path
from token_site import INTERNET, READ_ONLY, READ_WRITE, SECONDS, TokenSite

import api as client_api
import headgate.v1
from api import Api
from headgate.v1 import host_pb2, intent_pb2, token_pb2, token_pb2_grpc, vpc_pb2, vpc_pb2_grpc


def watched(api: Api, prefix: str = "") -> list[str]:
    """Return the names that a watch tells first."""
    return list(api.names(prefix))


# What a token may do.


def test_a_read_only_token_sees_and_validates_and_changes_nothing(site: TokenSite) -> None:
    site.admin.create("projects/a/vpcs/shop")
    reader = site.holding("a", access=READ_ONLY)
    assert reader.get("projects/a/vpcs/shop").name == "projects/a/vpcs/shop"
    vpcs = vpc_pb2_grpc.VpcServiceStub(reader.channel)
    vpcs.DeleteVpc(vpc_pb2.DeleteVpcRequest(name="projects/a/vpcs/shop", validate_only=True), timeout=SECONDS)
    for attempt in (
        lambda: reader.create("projects/a/vpcs/new"),
        lambda: reader.update("projects/a/vpcs/shop", displayName="x"),
        lambda: reader.delete("projects/a/vpcs/shop"),
        lambda: reader.clear("a"),
    ):
        refused = refusal(attempt)
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "READ_ONLY")
        assert "headgate token create NAME --project a --read-write" in refused.message
    assert watched(site.admin, "projects/a/") == ["projects/a/vpcs/shop"]


def test_a_token_of_one_project_does_nothing_in_another(site: TokenSite) -> None:
    client = site.holding("a")
    client.create("projects/a/vpcs/shop")
    for attempt in (
        lambda: client.get("projects/b/vpcs/secret"),
        lambda: client.get("projects/b/vpcs/nothing"),
        lambda: client.create("projects/b/vpcs/mine"),
        lambda: client.create("projects/b/vpcs/secret/subnets/x", cidr="10.0.0.0/24"),
        lambda: client.update("projects/b/vpcs/secret", displayName="x"),
        lambda: client.delete("projects/b/vpcs/secret"),
        lambda: client.realised("projects/b/vpcs/secret"),
        lambda: watched(client, "projects/b/"),
        lambda: client.call(client.kind("vpcs/x"), "List", parent="projects/b"),
    ):
        refused = refusal(attempt)
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "NOT_PERMITTED")
        assert "project b" in refused.message


def test_a_token_of_projects_has_no_say_over_hosts_tokens_and_the_site(site: TokenSite) -> None:
    client = site.holding("a", "b")
    tokens = token_pb2_grpc.TokenServiceStub(client.channel)
    wanted = token_pb2.Token(name="projects/a/vpcs/x", projects=["a"], access=READ_WRITE)
    for attempt in (
        lambda: client.create("hosts/h9"),
        lambda: client.get("hosts/h9"),
        lambda: client.call(client.kind("hosts/x"), "List"),
        lambda: client.call(client.kind("hosts/x"), "Create", host_id="h9", host=host_pb2.Host(name="projects/a/x/y")),
        lambda: tokens.ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS),
        lambda: tokens.CreateToken(token_pb2.CreateTokenRequest(token_id="x", token=wanted), timeout=SECONDS),
        lambda: tokens.RevokeToken(token_pb2.RevokeTokenRequest(name="projects/a/x"), timeout=SECONDS),
        lambda: watched(client, "hosts/"),
    ):
        assert refusal(attempt).code == "PERMISSION_DENIED"
    everywhere = site.holding("*")
    everywhere.create("hosts/h9")
    everywhere.delete("hosts/h9")
    reader = site.holding("*", access=READ_ONLY)
    assert token_pb2_grpc.TokenServiceStub(reader.channel).ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS)
    assert refusal(reader.create, "hosts/h9").reason == "READ_ONLY"


def test_a_batch_is_refused_whole_if_one_mutation_lies_elsewhere(site: TokenSite) -> None:
    client = site.holding("a")
    good, bad = intent_pb2.Mutation(), intent_pb2.Mutation()
    good.create.Pack(vpc_pb2.Vpc(name="projects/a/vpcs/one"))
    for spoil in (
        lambda: bad.create.Pack(vpc_pb2.Vpc(name="projects/b/vpcs/two")),
        lambda: bad.update.resource.Pack(vpc_pb2.Vpc(name="projects/b/vpcs/secret", display_name="x")),
        lambda: setattr(bad.delete, "name", "projects/b/vpcs/secret"),
        lambda: bad.create.Pack(host_pb2.Host(name="hosts/h9")),
    ):
        spoil()
        request = intent_pb2.BatchRequest(mutations=[good, bad])
        assert refusal(client.intent.Batch, request, timeout=SECONDS).code == "PERMISSION_DENIED"
    assert watched(site.admin, "projects/a/") == []
    client.intent.Batch(intent_pb2.BatchRequest(mutations=[good]), timeout=SECONDS)


def test_a_request_that_names_nothing_takes_a_token_for_everything(site: TokenSite) -> None:
    client = site.holding("a")
    assert refusal(client.call, client.kind("vpcs/x"), "Get", name="").code == "PERMISSION_DENIED"
    assert refusal(client.intent.Batch, intent_pb2.BatchRequest(), timeout=SECONDS).code == "PERMISSION_DENIED"


# What a token does not learn.


def test_lists_and_watches_leave_out_what_a_token_may_not_see(site: TokenSite) -> None:
    site.admin.create("projects/a/vpcs/shop")
    client = site.holding("a", access=READ_ONLY)
    vpc, subnet = client.kind("vpcs/x"), client.kind("subnets/x")
    for parent in ("projects/-", ""):
        assert [v.name for v in client.call(vpc, "List", parent=parent).vpcs] == ["projects/a/vpcs/shop"]
    assert list(client.call(subnet, "List", parent="projects/-/vpcs/-").subnets) == []
    for prefix in ("", "p", "projects/", "projects/a", "projects/b"):
        assert set(watched(client, prefix)) <= {"projects/a/vpcs/shop"}
    assert watched(client) == ["projects/a/vpcs/shop"]


def test_a_watch_goes_on_without_what_a_token_may_not_see(site: TokenSite) -> None:
    client = site.holding("a", access=READ_ONLY)
    watch = client.intent.Watch(intent_pb2.WatchRequest(), timeout=SECONDS)
    assert next(watch).name == ""
    site.admin.create("projects/b/vpcs/passing")
    site.admin.delete("projects/b/vpcs/passing")
    site.admin.create("projects/a/vpcs/shop")
    assert next(change.name for change in watch if change.name) == "projects/a/vpcs/shop"
    watch.cancel()


def test_an_external_subnet_of_another_project_can_be_used(site: TokenSite) -> None:
    client = site.holding("a")
    shop = client.create("projects/a/vpcs/shop", externalSubnets={"net": {"subnet": "projects/b/subnets/internet"}})
    assert shop.external_subnets["net"].subnet == "projects/b/subnets/internet"
    site.admin.clear("a")


def test_what_is_not_shared_looks_as_if_it_were_not_there(site: TokenSite) -> None:
    client = site.holding("a")
    site.admin.create("projects/b/subnets/inner", vlan={"physicalNetwork": "provider", "id": 300}, cidr="10.8.0.0/24")

    def told(name: str) -> Any:
        refused = refusal(client.create, "projects/a/vpcs/shop", externalSubnets={"net": {"subnet": name}})
        return [text.replace(name, "X") for text in (refused.message, *refused.words.values())], refused.faults

    assert told("projects/b/subnets/inner") == told("projects/b/subnets/nothing")
    assert "There is no X; create it first, or name another." in told("projects/b/subnets/inner")[0][0]
    assert told("projects/b/subnets/inner")[1] == {("external_subnets[net].subnet", "REFERENCE_NOT_FOUND")}
    floating = {"externalSubnet": "projects/b/subnets/internet"}
    there, none = "projects/b/vpcs/secret/subnets/web/ports/p1", "projects/b/vpcs/secret/subnets/web/ports/p2"

    def port_told(port: str) -> Any:
        refused = refusal(client.create, "projects/a/floatingIps/f", **floating, port=port)
        return refused.message.replace(port, "X"), refused.faults

    assert port_told(there) == port_told(none)
    site.admin.delete("projects/b/subnets/inner")


def test_references_in_a_batch_are_hidden_alike(site: TokenSite) -> None:
    client = site.holding("a")
    mutation = intent_pb2.Mutation()
    vpc = vpc_pb2.Vpc(name="projects/a/vpcs/shop")
    vpc.external_subnets["net"].subnet = "projects/b/vpcs/secret/subnets/web"
    mutation.create.Pack(vpc)
    refused = refusal(client.intent.Batch, intent_pb2.BatchRequest(mutations=[mutation]), timeout=SECONDS)
    assert refused.faults == {("mutations[0].external_subnets[net].subnet", "REFERENCE_NOT_FOUND")}


def test_refusals_do_not_name_what_others_hold(site: TokenSite) -> None:
    client = site.holding("a")
    site.admin.create("projects/a/subnets/shared", **INTERNET | {"vlan": {"physicalNetwork": "provider", "id": 201}})
    for number in (1, 2):
        used = {"net": {"subnet": "projects/a/subnets/shared"}}
        site.admin.create(f"projects/b/vpcs/user{number}", externalSubnets=used)
    refused = refusal(client.delete, "projects/a/subnets/shared")
    assert (refused.reason, refused.metadata["referrers"]) == ("IN_USE", "")
    assert "is used by resources of other projects." in refused.message
    taken = refusal(client.create, "projects/a/subnets/mine", **INTERNET)
    assert taken.faults == {("vlan", "VLAN_IN_USE")}
    assert "a resource of another project" in taken.message
    for text in (*refused.metadata.values(), refused.message, taken.message, *taken.words.values()):
        assert "projects/b" not in text
    assert "projects/b/vpcs/user1" in refusal(site.admin.delete, "projects/a/subnets/shared").message
    for number in (1, 2):
        site.admin.delete(f"projects/b/vpcs/user{number}")


# Every method, whatever is sent.

OWN = [
    method
    for module in pkgutil.iter_modules(headgate.v1.__path__)
    if module.name.endswith("_pb2")
    for service in importlib.import_module(f"headgate.v1.{module.name}").DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if service.name != "HostLinkService"
]
"""Every method there is but the host stream, which has a port and a door of its own."""

KINDS = [message_factory.GetMessageClass(kind) for kind in client_api._kinds()]
TEXTS = st.sampled_from(
    [
        *("projects/b", "projects/b/", "projects/b/vpcs/secret", "projects/b/vpcs/secret/subnets/web"),
        *("projects/b/vpcs/secret/subnets/web/ports/p1", "projects/b/vpcs/secret/routes/r", "projects/b/floatingIps/f"),
        *("projects/a", "projects/a/vpcs/a", "projects/a/vpcs/a/subnets/s", "projects/-", "projects/-/vpcs/-", "", "-"),
        *("hosts/h", "tokens/t", "secret", "web", "p1", "10.9.0.0/24", "203.0.113.11", "p", "*"),
    ]
)


@st.composite
def filled(draw: st.DrawFn, descriptor: Descriptor, depth: int = 4) -> Message:
    """Return a message in which names lie in either project, or in both."""
    message: Any = message_factory.GetMessageClass(descriptor)()
    if descriptor.full_name == "google.protobuf.Any":
        message.Pack(draw(filled(draw(st.sampled_from(KINDS)).DESCRIPTOR, depth)))
        return message  # type: ignore[no-any-return]
    for field in descriptor.fields if depth else ():
        plain = field.message_type is None or not field.message_type.GetOptions().map_entry
        if plain and draw(st.integers(0, 2)):
            _fill(message, field, draw, depth)
    return message  # type: ignore[no-any-return]


def _fill(message: Any, field: FieldDescriptor, draw: st.DrawFn, depth: int) -> None:
    if field.message_type is not None:
        inner = draw(filled(field.message_type, depth - 1))
        getattr(message, field.name).extend([inner]) if field.is_repeated else getattr(message, field.name).CopyFrom(
            inner
        )
    elif field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
        setattr(message, field.name, draw(TEXTS))
    elif field.type == FieldDescriptor.TYPE_BOOL:
        setattr(message, field.name, draw(st.booleans()))


@pytest.mark.parametrize("method", OWN, ids=path)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_of_one_project_reads_or_changes_another(
    site: TokenSite, holder: Api, method: MethodDescriptor, data: st.DataObject
) -> None:
    request = data.draw(filled(method.input_type)).SerializeToString()
    before = _others(site)
    answers, words = _sent(holder, method, request)
    assert _others(site) == before, "project b, the hosts or the tokens have changed"
    for secret in ("hidden", "vpcs/secret/subnets/web", "vpcs/secret/subnets/web/ports/p1", "hg_"):
        assert secret.encode() not in answers
        assert secret not in words or secret.encode() in request


@pytest.fixture(scope="module")
def holder(shared_token_site: TokenSite) -> Api:
    """Whoever may do everything in project a."""
    return shared_token_site.holding("a")


def _sent(api: Api, method: MethodDescriptor, request: bytes) -> tuple[bytes, str]:
    """Return what a call answers within a moment, and the words of the error that it ends with."""
    place, heard = f"/{method.containing_service.full_name}/{method.name}", b""
    try:
        if method.client_streaming:
            return b"".join(api.channel.stream_stream(place)(iter([request]), timeout=SECONDS)), ""
        if not method.server_streaming:
            return api.channel.unary_unary(place)(request, timeout=SECONDS), ""
        for answer in api.channel.unary_stream(place)(request, timeout=0.1):
            heard += answer
    except grpc.RpcError as error:
        return heard, str(error.details())
    return heard, ""


def _others(site: TokenSite) -> Any:
    """Return all that is none of project a's business."""
    admin = site.admin
    hosts = admin.call(admin.kind("hosts/x"), "List").SerializeToString()
    named = [admin.get(name).SerializeToString() for name in watched(admin, "projects/b/")]
    tokens = [token.name for token in site.tokens.ListTokens(token_pb2.ListTokensRequest(), timeout=SECONDS).tokens]
    return hosts, named, tokens
