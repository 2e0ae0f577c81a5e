"""Callers who ask for more than they take, or for too much at once: they are refused in words, and nobody else is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from controller_site import Controller, controlling
from http2_flood import flood
from refusal import of
from token_site import TokenSite

from headgate.v1 import intent_pb2, port_pb2, subnet_pb2, vpc_pb2
from headgate_controller import rpc_guard, serving, traffic
from headgate_controller.rpc_guard import Guard, Outcome, Unlimited
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until
from headgate_sdk import Client

SECONDS = 20.0
MIB = 1024 * 1024
WATCH = "/headgate.v1.IntentService/Watch"
BATCH = "/headgate.v1.IntentService/Batch"
LIST = "/headgate.v1.PortService/ListPorts"
SUBNET = "projects/a/vpcs/v/subnets/s"


@pytest.fixture(scope="module")
def flooded(run_directory: Path) -> Iterator[TokenSite]:
    """A controller with a project of 1,000 ports, a list of which has more than a megabyte."""
    directory = run_directory / "flooded"
    address = f"127.0.0.1:{free_port()}"
    with controlling(Controller(directory, listen=[f"unix:{directory}/api.sock", address])) as running:
        found = TokenSite(running, address)
        found.admin.create("projects/a/vpcs/v")
        found.admin.create(SUBNET, cidr="10.0.0.0/16")
        batch = intent_pb2.BatchRequest()
        for number in range(1_000):
            port = port_pb2.Port(name=f"{SUBNET}/ports/p{number}", description="x" * 1_000)
            batch.mutations.add().create.Pack(port)
        found.admin.intent.Batch(batch, timeout=SECONDS)
        yield found
        found.close()


def resident(controller: Controller) -> int:
    """Return the bytes of memory that a controller has."""
    assert controller.process is not None
    status = Path(f"/proc/{controller.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def seconds(ask: Callable[[], object]) -> float:
    """Return how long a question takes."""
    began = time.monotonic()
    ask()
    return time.monotonic() - began


def test_a_client_that_sends_10000_requests_and_reads_no_answer_costs_bounded_memory_and_nobody_else(
    flooded: TokenSite,
) -> None:
    secret, other = flooded.token("a")[1], flooded.holding("a")
    assert other.get(SUBNET).name == SUBNET
    before = resident(flooded.controller)
    request = port_pb2.ListPortsRequest(parent=SUBNET).SerializeToString()
    with closing(flood(flooded.address, LIST, secret, request, 10_000)):
        slowest = max(seconds(lambda: other.get(SUBNET)) for _ in range(20))
        grown = resident(flooded.controller) - before
    print(f"10,000 unread lists of 1.2 MB: memory +{grown / MIB:.0f} MiB, others answered within {slowest:.2f} s")
    assert grown < 400 * MIB
    assert slowest < 5
    with Client([flooded.address], token=secret) as again:
        assert again.get(subnet_pb2.Subnet, SUBNET).name == SUBNET, "once its connection is gone, so are its calls"


def test_watches_that_nobody_reads_cost_bounded_memory_and_nobody_else(flooded: TokenSite) -> None:
    hostile, other = flooded.holding("a"), flooded.holding("a")
    before = resident(flooded.controller)
    calls = [hostile.intent.Watch(intent_pb2.WatchRequest(), timeout=60) for _ in range(300)]
    ended = [call for call in calls[traffic.MOST_OF_METHOD[WATCH] :] if call.code() is not None]
    assert len(ended) == len(calls) - traffic.MOST_OF_METHOD[WATCH]
    refused = of(ended[-1])
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "BUSY")
    assert "100 are the most" in refused.message
    assert next(other.intent.Watch(intent_pb2.WatchRequest(), timeout=SECONDS)).name
    grown = resident(flooded.controller) - before
    print(f"300 unread watches: memory +{grown / MIB:.0f} MiB")
    assert grown < 150 * MIB
    for call in calls:
        call.cancel()


def test_the_calls_of_one_caller_leave_room_for_those_of_others_and_clients_wait_for_theirs(
    flooded: TokenSite,
) -> None:
    name, secret = flooded.token("a")
    hostile, other = flooded.client(secret), flooded.holding("a")
    wait = intent_pb2.AwaitRealisedRequest(name=SUBNET, generation=99)
    waiting = [hostile.intent.AwaitRealised.future(wait) for _ in range(traffic.MOST_OF_ONE + 20)]
    try:
        wait_until(lambda: sum(c.done() for c in waiting) == 20, seconds=SECONDS, what="20 to be refused")
        refusals = [of(call.exception()) for call in waiting if call.done()]
        assert {(one.code, one.reason, one.metadata["retriable"]) for one in refusals} == {
            ("RESOURCE_EXHAUSTED", "BUSY", "true")
        }
        assert f"{name} has 500 calls under way, and 500 are the most" in refusals[0].message
        assert other.get(SUBNET).name == SUBNET
        with Client([flooded.address], token=secret) as client:
            threading.Timer(1.0, lambda: [call.cancel() for call in waiting]).start()
            assert client.get(vpc_pb2.Vpc, "projects/a/vpcs/v").name, "it is sent again until there is room"
    finally:
        for call in waiting:
            call.cancel()


def test_plans_of_one_caller_leave_room_for_those_of_others(flooded: TokenSite) -> None:
    hostile, other = flooded.holding("a"), flooded.holding("a")
    done = threading.Event()
    keep = intent_pb2.PlanSessionRequest(id=1, keep=intent_pb2.PlannedName(name=SUBNET))

    def silent() -> Iterator[intent_pb2.PlanSessionRequest]:
        yield keep
        done.wait()

    most = traffic.MOST_OF_METHOD["/headgate.v1.IntentService/PlanSession"]
    calls = [hostile.intent.PlanSession(silent(), timeout=60) for _ in range(most)]
    try:
        assert [next(call).id for call in calls] == [1] * most
        with pytest.raises(grpc.RpcError) as refused:
            next(hostile.intent.PlanSession(iter([keep]), timeout=SECONDS))
        assert of(refused.value).reason == "BUSY"
        assert next(other.intent.PlanSession(iter([keep]), timeout=SECONDS)).id == 1
    finally:
        done.set()
        for call in calls:
            call.cancel()


def test_who_needs_no_token_has_few_calls_and_leaves_the_others_to_those_who_have_one(flooded: TokenSite) -> None:
    stranger, known = flooded.client(), flooded.holding("a")
    watch = stranger.channel.unary_stream("/grpc.health.v1.Health/Watch")
    calls = [watch(b"", timeout=60) for _ in range(traffic.MOST_OF_MACHINE + 1)]
    for call in calls[:-1]:
        next(call)
    with pytest.raises(grpc.RpcError) as refused:
        next(calls[-1])
    assert "Whoever is at ipv4:127.0.0.1 has 20 calls under way" in of(refused.value).message
    assert known.get(SUBNET).name == SUBNET
    for call in calls:
        call.cancel()


@pytest.mark.parametrize(
    ("method", "most"),
    [
        ("/headgate.v1.VpcService/GetVpc", rpc_guard.LARGEST_REQUEST),
        (BATCH, rpc_guard.LARGEST_OF_METHOD[BATCH]),
    ],
)
def test_a_request_larger_than_its_method_takes_is_refused_naming_both(
    flooded: TokenSite, method: str, most: int
) -> None:
    send = flooded.admin.channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as refused:
        send(b"x" * (most + 1), timeout=SECONDS)
    error = of(refused.value)
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")
    assert f"has {most + 1} bytes, and {method.rpartition('/')[2]} takes {most} at most" in error.message


def test_who_is_not_let_in_is_told_before_anything_of_the_request_is_read(flooded: TokenSite) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        flooded.client("hg_wrong").channel.unary_unary(BATCH)(b"x" * 9 * MIB, timeout=9)
    assert of(refused.value).code == "UNAUTHENTICATED", "though it is no message, and larger than any may be"


def test_requests_and_answers_of_one_caller_are_bounded_in_bytes_but_one_is_always_served() -> None:
    calls = traffic.Traffic()
    first, second = calls.begin("one", "/a/B"), calls.begin("one", "/a/B")
    first.take(2 * traffic.MOST_BYTES)
    with pytest.raises(traffic.BusyError, match="Take the answers"):
        second.take(1)
    calls.begin("other", "/a/B").take(1)
    first.end()
    second.take(1)


def test_nothing_is_remembered_of_callers_whose_calls_have_ended() -> None:
    calls = traffic.Traffic()
    passages = [calls.begin(f"caller {number}", WATCH, known=bool(number % 2)) for number in range(900)]
    for passage in passages:
        passage.end()
    assert vars(calls) == {"_shares": {}, "_calls": 0, "_strangers": 0}


def test_of_paths_that_callers_make_up_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_guard, "MOST_METHODS", 3)
    handler = grpc.unary_unary_rpc_method_handler(bytes)
    guard = Guard(rpc_guard.anybody, lambda _method, *, streams: nullcontext(Outcome()))

    async def act() -> None:
        for number in range(10):
            details = SimpleNamespace(method=f"/made.up/Method{number}")
            assert await guard.intercept_service(lambda _: asyncio.sleep(0, handler), details) is not None
        assert await guard.intercept_service(lambda _: asyncio.sleep(0), SimpleNamespace(method="/none/None")) is None

    asyncio.run(act())
    assert list(guard._guarded) == [f"/made.up/Method{number}" for number in range(3)]


class Endless:
    """A service that goes on for ever, to whoever reads."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def talk(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            self.closed.set()


async def to_the_end(call: Any) -> grpc.aio.AioRpcError:
    """Return the error with which a stream ends."""
    try:
        while True:
            await call.read()
    except grpc.aio.AioRpcError as error:
        return error


def test_a_stream_that_nobody_reads_is_ended_with_words_for_whoever_reads_at_last(
    monkeypatch: pytest.MonkeyPatch, run_directory: Path
) -> None:
    monkeypatch.setattr(rpc_guard, "STALLED_SECONDS", 0.5)
    ended = list[str]()

    class Counted(Unlimited):
        def end(self) -> None:
            ended.append("ended")

    async def act() -> Any:
        service = Endless()
        method = grpc.unary_stream_rpc_method_handler(service.talk, bytes, bytes)
        handlers = grpc.method_handlers_generic_handler("a.B", {"Talk": method})
        address = f"unix:{run_directory}/endless.sock"
        guard = Guard(lambda _method, _context: Counted(), lambda _method, streams: nullcontext(Outcome()))
        made = serving.server([handlers], [address], [guard])
        await made.start()
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_stream("/a.B/Talk")(b"")
            await call.read()
            async with asyncio.timeout(SECONDS):
                await service.closed.wait()
            assert not ended, "it holds its place until the client reads, or is gone"
            async with asyncio.timeout(SECONDS):
                error = await to_the_end(call)
        await made.stop(0)
        return error

    error = of(asyncio.run(act()))
    assert (error.code, error.reason) == ("DEADLINE_EXCEEDED", "IDLE")
    assert "Nothing of the answer has been read for 0.5 seconds" in error.message
    assert ended == ["ended"]
