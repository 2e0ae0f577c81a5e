"""Faults that users of other providers met (docs/reference/complaints.md), and that no other test excludes."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provider_backend import Backend
from provider_driven import Driven, dyn

from headgate.v1 import intent_pb2
from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.data_sources import load_data_sources
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.lifecycle import state_of
from headgate_terraform.plugin import _guarded
from headgate_terraform.provider import Provider
from headgate_terraform.values import UNKNOWN
from terraform import Terraform

KINDS = load_kinds()
PROVIDER = tf.DESCRIPTOR.services_by_name["Provider"]
AT_ONCE = 10
"""Terraform's -parallelism."""

VPC = 'resource "headgate_vpc" "shop" {\n  name = "shop"\n}\n'
ROUTE = """
resource "headgate_route" "r" {
  name        = "r"
  vpc         = headgate_vpc.shop.id
  destination = "192.168.0.0/16"
  next_hops   = [{ ip = "10.1.0.5" }, { ip = "10.1.0.4" }, { ip = "10.1.0.6" }]
}
"""
SHOP = "projects/default/vpcs/shop"


def messages(message: type[Message]) -> st.SearchStrategy[Any]:
    """Draw any message of a type, as a server of any release or with any fault might send it."""
    fields = {f.name: _values(f) for f in message.DESCRIPTOR.fields if f.name != "name"}
    return st.fixed_dictionaries({}, optional=fields).map(lambda drawn: _filled(message(), drawn))


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(st.text(max_size=3), _values(field.message_type.fields_by_name["value"]), max_size=2)
    if field.message_type is not None:
        inner = {f.name: _values(f) for f in field.message_type.fields}
        one: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=inner)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        one = st.binary(max_size=4) if field.type == FieldDescriptor.TYPE_BYTES else st.text(max_size=8)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        one = st.booleans()
    else:
        one = st.integers(0, 2**31 - 1)
    return st.lists(one, max_size=2) if field.is_repeated else one


def _filled(message: Any, drawn: dict[str, Any]) -> Any:
    for name, value in drawn.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            target, nested = getattr(message, name), field.message_type.fields_by_name["value"].message_type
            for key, entry in value.items():
                if nested is None:
                    target[key] = entry
                else:
                    _filled(target[key], entry)
        elif field.message_type is None:
            getattr(message, name).extend(value) if field.is_repeated else setattr(message, name, value)
        elif field.is_repeated:
            for entry in value:
                _filled(getattr(message, name).add(), entry)
        else:
            getattr(message, name).SetInParent()
            _filled(getattr(message, name), value)
    return message


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.type)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_c7_whatever_a_controller_answers_becomes_a_whole_state(kind: Kind, data: st.DataObject) -> None:
    message = data.draw(messages(kind.method("Get").response))
    message.name = kind.patterns[0].text.replace("{", "").replace("}", "")
    state = state_of(kind, message, None)
    assert set(state) == {"id", *(attribute.name for attribute in kind.shape.attributes)}
    assert UNKNOWN not in state.values()
    dyn(state)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=64), rpc=st.sampled_from(sorted(PROVIDER.methods_by_name)))
def test_c7_whatever_terraform_sends_is_answered_in_words(content: bytes, rpc: str) -> None:
    method = PROVIDER.methods_by_name[rpc]
    request: Any = getattr(tf, method.input_type.containing_type.name).Request()
    for field in request.DESCRIPTOR.fields:
        if field.message_type is tf.DynamicValue.DESCRIPTOR:
            getattr(request, field.name).msgpack = content
        elif field.name == "type_name":
            request.type_name = "headgate_vpc"
    handler = "".join(f"_{c.lower()}" if c.isupper() else c for c in rpc).lstrip("_")
    response = getattr(tf, method.output_type.containing_type.name).Response

    async def ask() -> Any:
        return await _guarded(getattr(Provider(environment={}), handler), response)(request, None)

    assert isinstance(asyncio.run(ask()), response)


def test_c14_a_change_made_by_others_after_the_plan_neither_stops_an_apply_nor_is_lost(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(VPC)
    terraform.write(VPC.replace('"shop"\n}', '"shop"\n  labels = { team = "web" }\n}'))
    terraform.run("plan", "-out=plan.bin", "-no-color")
    backend.change(SHOP, description="by others", generation=7, etag="7")
    terraform.run("apply", "-no-color", "plan.bin")
    assert backend.objects[SHOP].labels == {"team": "web"}
    assert backend.objects[SHOP].description == "by others"
    # Whether that is to stay is for the next plan to ask.
    assert terraform.actions() == {"headgate_vpc.shop": ["update"]}


def test_c17_the_order_in_which_a_server_answers_is_no_change(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(VPC + ROUTE)
    hops = backend.objects[f"{SHOP}/routes/r"].next_hops
    hops.reverse()
    terraform.assert_settled()


def test_c20_every_field_of_every_kind_is_there_in_terraform() -> None:
    sources = load_data_sources(KINDS)
    for kind in KINDS.values():
        fields = {field.name for field in kind.message.fields} - {"name"}
        shown = {a.name for a in sources[kind.terraform_type].shape.attributes}
        assert fields <= shown
        assert {a.name for a in kind.shape.attributes} - {"name", kind.parent, "timeouts"} <= fields


def test_c42_one_connection_serves_a_whole_plan(terraform: Terraform, backend: Backend) -> None:
    server = grpc.server(ThreadPoolExecutor(16))
    backend.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    provider = f'provider "headgate" {{\n  endpoints = ["127.0.0.1:{port}"]\n}}\n'
    try:
        terraform.apply(provider + 'resource "headgate_vpc" "v" {\n  count = 15\n  name = "v${count.index}"\n}\n')
        backend.requests.clear()
        terraform.assert_settled()
        assert len(backend.requested("GetVpc")) == 15
        assert len({metadata["peer"] for _, _, metadata in backend.requests}) == 1
    finally:
        server.stop(None).wait()


def test_c44_changes_are_made_side_by_side(terraform: Terraform, backend: Backend) -> None:
    together = threading.Barrier(AT_ONCE)

    def await_realised(_request: object) -> intent_pb2.AwaitRealisedResponse:
        together.wait(10)
        return intent_pb2.AwaitRealisedResponse(realised=True)

    backend.await_realised = await_realised  # type: ignore[method-assign]
    terraform.apply(f'resource "headgate_vpc" "v" {{\n  count = {AT_ONCE}\n  name = "v${{count.index}}"\n}}\n')
    assert not together.broken


def test_c48_a_destroy_removes_only_what_the_configuration_manages(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(VPC + ROUTE)
    other = backend.kinds["headgate_subnet"].method("Create").response(name=f"{SHOP}/subnets/of-others", state=1)
    neighbour = backend.kinds["headgate_vpc"].method("Create").response(name="projects/default/vpcs/bank", state=1)
    for message in (other, neighbour):
        backend.objects[message.name] = message
    terraform.run("destroy", "-auto-approve", "-no-color")
    # The VPC stays, on its way out, as long as somebody else's subnet is in it.
    assert backend.names() == {SHOP, other.name, neighbour.name}


def test_c50_an_import_changes_nothing_and_its_plan_shows_every_difference(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(VPC + ROUTE)
    (terraform.directory / "terraform.tfstate").unlink()
    backend.change(SHOP, description="by hand")
    backend.requests.clear()
    terraform.run("import", "-no-color", "headgate_vpc.shop", SHOP)
    assert {verb for verb, _, _ in backend.requests} == {"GetVpc"}
    change = next(c["change"] for c in terraform.plan()["resource_changes"] if c["address"] == "headgate_vpc.shop")
    assert (change["before"]["description"], change["after"]["description"]) == ("by hand", None)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_c46_what_is_created_side_by_side_is_each_made_once(
    runner: asyncio.Runner, backend: Backend, tmp_path: Path
) -> None:
    driven = Driven(Provider(environment={"HEADGATE_ENDPOINTS": f"unix:{tmp_path}/api.sock"}))

    async def story() -> None:
        await driven.configure()
        await asyncio.gather(*(driven.apply(None, driven.vpc(number)) for number in range(50)))
        await driven.provider.close()

    runner.run(story())
    assert len(backend.names()) == 50
    assert len({request.request_id for request in backend.requested("CreateVpc")}) == 50
