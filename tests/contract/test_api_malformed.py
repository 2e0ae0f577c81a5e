"""Requests that no sane client sends: the controller never stumbles, and says what is wrong."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given
from hypothesis import strategies as st
from refusal import of
from wild_messages import Wild

import api as client
import headgate.v1
from api import Api
from fuzzing import damaged, fuzzing, kept
from headgate.v1 import host_link_pb2, intent_pb2

SECONDS = 5
ALLOWED = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
}
"""How a call may end; streams that go on end by the deadline."""

HOSTS = ("HostLinkService.Connect", "PkiService.Renew")
"""Methods of the hosts' own port, where nobody gets without a certificate."""


def methods() -> list[MethodDescriptor]:
    """Return every method that a controller serves."""
    names = [module.name for module in pkgutil.iter_modules(headgate.v1.__path__) if module.name.endswith("_pb2")]
    files = [importlib.import_module(f"headgate.v1.{name}").DESCRIPTOR for name in names]
    files += [module.DESCRIPTOR for module in (health_pb2, reflection_pb2)]
    services = [service for file in files for service in file.services_by_name.values()]
    found = (method for service in services for method in service.methods)
    return [method for method in found if f"{method.containing_service.name}.{method.name}" not in HOSTS]


METHODS = methods()


def path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def call(api: Api, method: MethodDescriptor, data: bytes, seconds: float = SECONDS) -> Any:
    """Return None, or the error that a call of a method with these bytes ends with."""
    with contextlib.ExitStack() as stack:
        try:
            if method.client_streaming:
                answer = api.channel.stream_stream(path(method))(iter([data]), timeout=seconds)
            elif method.server_streaming:
                answer = api.channel.unary_stream(path(method))(data, timeout=seconds)
            else:
                api.channel.unary_unary(path(method))(data, timeout=seconds)
                return None
            stack.callback(answer.cancel)
            next(answer, None)
        except grpc.RpcError as error:
            return error
    return None


def judged(error: Any) -> str:
    """Return the code of an error, after judging how it speaks."""
    if error is None:
        return "OK"
    code = str(error.code().name)
    assert code in ALLOWED, f"{code}: {error.details()}"
    for word in ("Traceback", "Error(", "<class", "object at", "internal error", "unexpected"):
        assert word.lower() not in error.details().lower()
    if "is refused" in error.details():
        of(error)
    return code


def serves(api: Api) -> bool:
    return bool(api.call(api.kind("vpcs/x"), "List", parent="projects/none") is not None)


@pytest.mark.parametrize("method", METHODS, ids=path)
def test_bytes_that_are_no_message_are_refused_with_words(api: Api, method: MethodDescriptor) -> None:
    chance = random.Random(path(method))
    for data in (b"\xff", b"\x0a\x05abc", b"\x0a\x02\xff\xfe", *(chance.randbytes(size) for size in (8, 80, 8_000))):
        try:
            message_factory.GetMessageClass(method.input_type).FromString(data)
        except Exception:
            error = call(api, method, data)
            assert judged(error) == "INVALID_ARGUMENT"
            refused = of(error)
            assert refused.faults == {("", "UNREADABLE")}
            assert method.input_type.full_name in refused.message
    assert serves(api)


@pytest.mark.parametrize("method", METHODS, ids=path)
def test_a_request_that_says_nothing_is_answered(api: Api, method: MethodDescriptor) -> None:
    judged(call(api, method, b""))
    assert serves(api)


WILD = st.sampled_from(
    [
        "",
        "-",
        "/",
        "projects",
        "projects/p/vpcs/a",
        "projects/-/vpcs/-",
        "hosts/h1",
        "\0",
        "\x1b[31m\r\n",
        "\u202e\xe9\U0001f600",
        "../../etc",
        "x" * 70_000,
        "'; DROP TABLE intent; --",
        "10.0.0.0/8",
        "255.255.255.255/33",
        "::ffff:10.0.0.1",
        "*",
        "{project}",
    ]
)
SENSIBLE = st.sampled_from(
    [
        "projects/wild",
        "projects/wild/vpcs/a",
        "projects/wild/vpcs/a/subnets/a",
        "projects/wild/vpcs/a/subnets/a/ports/a",
        "projects/wild/subnets/a",
        "projects/wild/vpcs/a/routes/a",
        "projects/wild/floatingIps/a",
        "hosts/wild",
        "a",
        "b",
        "10.1.0.0/24",
        "10.2.0.0/25",
        "203.0.113.0/24",
        "203.0.113.1",
        "10.1.0.9",
        "2001:db8::/64",
        "0a:00:00:00:00:01",
        "display_name",
        "cidr",
        "physical",
    ]
)
"""With these a request may get far."""

KINDS = sorted(client._kinds(), key=lambda descriptor: str(descriptor.name))
REQUESTS = Wild(SENSIBLE | SENSIBLE | WILD, KINDS)
UNARY = [method for method in METHODS if not method.server_streaming and method.name != "AwaitRealised"]


HOME, VPC = "projects/wild", "projects/wild/vpcs/a"
SAMPLES: dict[str, dict[str, Any]] = {
    f"{HOME}/subnets/a": {
        "vlan": {"physicalNetwork": "physical", "id": 9},
        "cidr": "203.0.113.0/24",
        "gateway": "203.0.113.1",
        "external": {"mode": "MODE_NAT"},
    },
    VPC: {"externalSubnets": {"a": {"subnet": f"{HOME}/subnets/a"}}},
    f"{VPC}/subnets/a": {"cidr": "10.1.0.0/24"},
    f"{VPC}/subnets/a/ports/a": {},
    f"{VPC}/routes/a": {"destination": "0.0.0.0/0", "nextHops": [{"externalSubnet": f"{HOME}/subnets/a"}]},
    f"{HOME}/floatingIps/a": {"externalSubnet": f"{HOME}/subnets/a", "port": f"{VPC}/subnets/a/ports/a"},
    "hosts/wild": {"drain": False},
}
"""One resource of every kind, for requests to get at."""


def restore(api: Api) -> None:
    """Create what is not there of the samples; what a wild request left in their way stays."""
    there = set(api.names(""))
    for name, fields in SAMPLES.items():
        if name not in there:
            with contextlib.suppress(grpc.RpcError):
                api.create(name, **fields)


@pytest.fixture
def wild(api: Api) -> Iterator[None]:
    """The samples; afterwards nothing is left of them, nor of what wild requests made."""
    restore(api)
    yield
    for project in {name.split("/")[1] for name in api.names("projects/")}:
        api.clear(project)
    api.unprotect("hosts/")
    for name in list(api.names("hosts/")):
        api.delete(name)


def sane(method: MethodDescriptor) -> Message:
    """Return a request of a method that would be granted; deletions are only tried."""
    request: Any = message_factory.GetMessageClass(method.input_type)()
    if method.name == "Batch":
        for name in (VPC, "hosts/wild"):
            request.mutations.add().update.resource.Pack(sample(name))
        request.mutations.add().delete.name = f"{HOME}/floatingIps/a"
        request.validate_only = True
    for name in SAMPLES:
        descriptor = next(d for d in KINDS if client._resource(d).plural == name.split("/")[-2])
        if method.name == f"Update{descriptor.name}":
            getattr(request, client._resource(descriptor).type).CopyFrom(sample(name))
        elif method.name == f"Create{descriptor.name}":
            getattr(request, client._resource(descriptor).type).CopyFrom(sample(name))
            setattr(request, f"{client._resource(descriptor).type}_id", "b")
            if not name.startswith("hosts/"):
                request.parent = name.rsplit("/", 2)[0]
            getattr(request, client._resource(descriptor).type).name = ""
        elif method.name in (f"Get{descriptor.name}", f"Delete{descriptor.name}"):
            request.name = name
            with contextlib.suppress(AttributeError):
                request.validate_only = True
    return request  # type: ignore[no-any-return]


def sample(name: str) -> Any:
    descriptor = next(d for d in KINDS if client._resource(d).plural == name.split("/")[-2])
    return ParseDict({"name": name, **SAMPLES[name]}, message_factory.GetMessageClass(descriptor)())


@fuzzing(40)
@given(st.data())
def test_fuzz_wild_requests_are_answered_or_refused(api: Api, wild: None, data: st.DataObject) -> None:
    restore(api)
    for method in UNARY:
        request = sane(method)
        request.MergeFrom(data.draw(REQUESTS.messages(method.input_type, most=2)))
        judged(call(api, method, request.SerializeToString()))


@fuzzing(60)
@given(st.data())
def test_fuzz_damaged_requests_are_answered_or_refused(api: Api, wild: None, data: st.DataObject) -> None:
    restore(api)
    method = data.draw(st.sampled_from(METHODS))
    request = sane(method).SerializeToString()
    judged(call(api, method, data.draw(damaged([request, *kept("api")])), seconds=1))


@fuzzing(40)
@given(REQUESTS.messages(intent_pb2.WatchRequest.DESCRIPTOR))
def test_fuzz_wild_watches_are_answered_or_refused(api: Api, request_: Any) -> None:
    method = next(method for method in METHODS if method.name == "Watch" and "Intent" in path(method))
    judged(call(api, method, request_.SerializeToString()))


@fuzzing(40)
@given(REQUESTS.messages(intent_pb2.AwaitRealisedRequest.DESCRIPTOR))
def test_fuzz_wild_waits_are_answered_or_refused(api: Api, request_: Any) -> None:
    request_.deadline.Clear()
    request_.deadline.SetInParent()
    method = next(method for method in METHODS if method.name == "AwaitRealised")
    judged(call(api, method, request_.SerializeToString()))


@fuzzing(40)
@given(st.lists(REQUESTS.messages(host_link_pb2.ConnectRequest.DESCRIPTOR), max_size=4), st.booleans())
def test_fuzz_wild_agents_are_answered_or_refused(
    api: Api, wild: None, shared_controller: Any, said: list[Any], polite: bool
) -> None:
    if polite:
        said = [host_link_pb2.ConnectRequest(hello=host_link_pb2.Hello(host="h1", protocol=1)), *said]
    with grpc.insecure_channel(shared_controller.hosts) as channel:
        connect = channel.stream_stream(
            "/headgate.v1.HostLinkService/Connect", host_link_pb2.ConnectRequest.SerializeToString
        )
        try:
            list(connect(iter(said), timeout=SECONDS))
        except grpc.RpcError as error:
            judged(error)


def test_a_request_of_many_megabytes_is_refused_and_the_next_one_served(api: Api, project: str) -> None:
    get = next(method for method in METHODS if method.name == "GetVpc")
    request = message_factory.GetMessageClass(get.input_type)(name="x" * 1_000_000)
    assert judged(call(api, get, request.SerializeToString(), seconds=20)) == "INVALID_ARGUMENT"
    for size in (20_000_000, 70_000_000):
        too_large = call(api, get, b"x" * size, seconds=20)
        assert too_large.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert serves(api)
