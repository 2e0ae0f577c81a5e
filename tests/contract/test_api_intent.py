"""Batches, the watch, and waiting until the data plane agrees, as a client of the controller sees them."""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from controller_site import Central, Controller
from google.protobuf.message import Message
from host_stream import host_stream
from refusal import refusal

from api import Api
from headgate.v1 import intent_pb2, port_pb2, subnet_pb2, types_pb2, vpc_pb2
from headgate_lab.waiting import wait_until

SECONDS = 10
MOST_MARKS = 100


def creating(message: Message) -> intent_pb2.Mutation:
    mutation = intent_pb2.Mutation()
    mutation.create.Pack(message)
    return mutation


def updating(message: Message, *paths: str) -> intent_pb2.Mutation:
    mutation = intent_pb2.Mutation()
    mutation.update.resource.Pack(message)
    mutation.update.update_mask.paths.extend(paths)
    return mutation


def deleting(name: str, **more: Any) -> intent_pb2.Mutation:
    return intent_pb2.Mutation(delete=intent_pb2.DeleteMutation(name=name, **more))


def batch(api: Api, *mutations: intent_pb2.Mutation, **more: Any) -> intent_pb2.BatchResponse:
    request = intent_pb2.BatchRequest(mutations=mutations, **more)
    response: intent_pb2.BatchResponse = api.intent.Batch(request, timeout=SECONDS)
    return response


def network(project: str) -> list[intent_pb2.Mutation]:
    """Return the creation of a VPC, a subnet in it and a port on that."""
    vpc = f"projects/{project}/vpcs/shop"
    return [
        creating(vpc_pb2.Vpc(name=vpc)),
        creating(subnet_pb2.Subnet(name=f"{vpc}/subnets/web", cidr="10.1.0.0/24")),
        creating(port_pb2.Port(name=f"{vpc}/subnets/web/ports/a")),
    ]


def revision(api: Api) -> int:
    """Return the newest revision there is."""
    call = api.intent.Watch(intent_pb2.WatchRequest(name_prefix="none/"), timeout=SECONDS)
    try:
        return int(next(call).revision)
    finally:
        call.cancel()


# Batch


def test_a_batch_is_one_revision_and_its_mutations_see_those_before(api: Api, project: str) -> None:
    answer = batch(api, *network(project))
    port = port_pb2.Port()
    assert [packed.TypeName().rpartition(".")[2] for packed in answer.resources] == ["Vpc", "Subnet", "Port"]
    assert answer.resources[2].Unpack(port)
    assert port.ip == "10.1.0.2"
    assert {api.get(name).etag for name in api.names(f"projects/{project}/")} == {str(answer.revision)}


def test_a_batch_changes_and_deletes_in_its_order(api: Api, project: str) -> None:
    batch(api, *network(project))
    vpc = f"projects/{project}/vpcs/shop"
    answer = batch(
        api,
        updating(vpc_pb2.Vpc(name=vpc, display_name="sold", description="not in the mask"), "display_name"),
        deleting(f"{vpc}/subnets/web/ports/a"),
        deleting(f"{vpc}/subnets/web"),
        creating(subnet_pb2.Subnet(name=f"{vpc}/subnets/new", cidr="10.1.0.0/25")),
    )
    assert [bool(packed.type_url) for packed in answer.resources] == [True, False, False, True]
    assert (api.get(vpc).display_name, api.get(vpc).description) == ("sold", "")
    assert set(api.names(f"{vpc}/")) == {f"{vpc}/subnets/new"}


def test_a_batch_with_one_refused_mutation_changes_nothing(api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    overlapping = creating(subnet_pb2.Subnet(name=f"{vpc}/subnets/db", cidr="10.1.0.0/16"))
    before = revision(api)
    refused = refusal(batch, api, *network(project), overlapping)
    assert (refused.code, refused.faults) == ("INVALID_ARGUMENT", {("mutations[3].cidr", "CIDR_OVERLAP")})
    assert list(api.names(f"projects/{project}/")) == []
    assert refusal(batch, api, *network(project), deleting(vpc)).reason == "IN_USE"
    assert refusal(batch, api, *network(project), deleting(f"{vpc}x")).metadata == {"resource": f"{vpc}x"}
    assert list(api.names(f"projects/{project}/")) == []
    assert revision(api) == before


def test_the_only_mutation_of_a_batch_is_named_as_well(api: Api, project: str) -> None:
    batch(api, *network(project))
    subnet = subnet_pb2.Subnet(name=f"projects/{project}/vpcs/shop/subnets/db", cidr="10.1.0.0/16")
    refused = refusal(batch, api, creating(subnet))
    assert refused.faults == {("mutations[0].cidr", "CIDR_OVERLAP")}
    assert refused.metadata == {"resource": subnet.name, "retriable": "true"}


def test_the_faults_of_every_mutation_are_named_at_once(api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    wrong_type, damaged, foreign = intent_pb2.Mutation(), intent_pb2.Mutation(), intent_pb2.Mutation()
    wrong_type.create.Pack(types_pb2.Condition())
    damaged.create.type_url, damaged.create.value = "type.googleapis.com/headgate.v1.Vpc", b"\xff"
    foreign.create.type_url = "x/y.Z"
    refused = refusal(
        batch,
        api,
        creating(vpc_pb2.Vpc(name=f"{vpc}_")),
        creating(subnet_pb2.Subnet(name=f"{vpc}/subnets/a", cidr="10.1.0.1/24", gateway="x")),
        intent_pb2.Mutation(),
        wrong_type,
        damaged,
        foreign,
        updating(vpc_pb2.Vpc(name=f"{vpc}/subnets/a", display_name="x")),
        creating(vpc_pb2.Vpc()),
    )
    assert refused.faults == {
        ("mutations[0].name", "BAD_NAME"),
        ("mutations[1].cidr", "BAD_FORMAT"),
        ("mutations[1].gateway", "BAD_FORMAT"),
        ("mutations[2]", "EXACTLY_ONE"),
        ("mutations[3].type_url", "UNKNOWN_KIND"),
        ("mutations[4].value", "BAD_MESSAGE"),
        ("mutations[5].type_url", "UNKNOWN_KIND"),
        ("mutations[6].name", "BAD_NAME"),
        ("mutations[7].name", "BAD_NAME"),
    }


def test_a_batch_of_nothing_or_of_too_much_is_refused(api: Api, project: str) -> None:
    for count in (0, 1_001):
        refused = refusal(batch, api, *[deleting(f"projects/{project}/vpcs/x")] * count)
        assert refused.faults == {("mutations", "BAD_SIZE")}
        assert f"It has {count} entries" in refused.message


def test_a_batch_may_be_tried_and_may_be_sent_again(api: Api, project: str) -> None:
    tried = batch(api, *network(project), validate_only=True)
    assert (len(tried.resources), tried.revision) == (3, 0)
    assert list(api.names(f"projects/{project}/")) == []
    request_id = str(uuid.uuid4())
    first = batch(api, *network(project), request_id=request_id)
    again = batch(api, *network(project), request_id=request_id)
    assert first.revision == again.revision > 0
    assert len(again.resources) == 3
    assert refusal(batch, api, *network(project)).code == "ALREADY_EXISTS"


def test_a_batch_that_changes_nothing_has_no_revision(api: Api, project: str) -> None:
    batch(api, *network(project))
    assert batch(api, updating(vpc_pb2.Vpc(name=f"projects/{project}/vpcs/shop"), "display_name")).revision == 0


# Watch


class Watcher:
    """What a watch has sent; taken one by one."""

    def __init__(self, api: Api, **request: Any) -> None:
        self._call = api.intent.Watch(intent_pb2.WatchRequest(**request))
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for response in self._call:
                self._heard.put(response)
        except grpc.RpcError as error:
            self._heard.put(error)

    def next(self) -> Any:
        """Return the next message, which must come soon."""
        return self._heard.get(timeout=SECONDS)

    def change(self) -> Any:
        """Return the next change; a mark or two before it are passed over."""
        for _ in range(MOST_MARKS):
            if (response := self.next()).name:
                return response
        raise AssertionError("nothing but marks")

    def until_mark(self) -> list[Any]:
        """Return the changes up to the next mark."""
        changes = []
        while (response := self.next()).name:
            changes.append(response)
        return changes

    def close(self) -> None:
        """End the watch."""
        self._call.cancel()
        self._thread.join(SECONDS)


@contextmanager
def watching(api: Api, **request: Any) -> Iterator[Watcher]:
    watcher = Watcher(api, **request)
    try:
        yield watcher
    finally:
        watcher.close()


def test_a_watch_begins_with_everything_and_goes_on_with_what_changes(api: Api, project: str) -> None:
    batch(api, *network(project))
    vpc = f"projects/{project}/vpcs/shop"
    with watching(api, name_prefix=f"projects/{project}/") as watcher:
        there = watcher.until_mark()
        assert [change.name for change in there] == [vpc, f"{vpc}/subnets/web", f"{vpc}/subnets/web/ports/a"]
        assert all(change.resource.type_url and change.time.seconds for change in there)
        api.update(vpc, display_name="new")
        change = watcher.change()
        assert (change.name, shown(change).display_name, shown(change).etag) == (vpc, "new", str(change.revision))
        api.delete(f"{vpc}/subnets/web/ports/a")
        gone = watcher.change()
        assert (gone.name, gone.HasField("resource")) == (f"{vpc}/subnets/web/ports/a", False)
        assert gone.revision > change.revision


def test_a_watch_is_resumed_after_a_revision_and_misses_nothing(api: Api, project: str) -> None:
    seen = batch(api, *network(project)).revision
    vpc = f"projects/{project}/vpcs/shop"
    for text in "abc":
        api.update(vpc, display_name=text)
    api.delete(f"{vpc}/subnets/web/ports/a")
    for texts in ("abc", "bc"):
        with watching(api, after_revision=seen, name_prefix=f"projects/{project}/") as watcher:
            *updates, last = watcher.until_mark()
        assert [shown(update).display_name for update in updates] == list(texts)
        assert (last.name, last.HasField("resource")) == (f"{vpc}/subnets/web/ports/a", False)
        seen = updates[0].revision


def shown(change: Any) -> vpc_pb2.Vpc:
    vpc = vpc_pb2.Vpc()
    assert change.resource.Unpack(vpc)
    return vpc


def test_a_batch_is_watched_as_one_revision(api: Api, project: str) -> None:
    with watching(api, after_revision=revision(api), name_prefix=f"projects/{project}/") as watcher:
        committed = batch(api, *network(project)).revision
        assert {watcher.change().revision for _ in range(3)} == {committed}


def test_a_watch_shows_only_the_types_and_names_it_asks_for(api: Api, project: str) -> None:
    batch(api, *network(project))
    vpc = f"projects/{project}/vpcs/shop"
    with watching(api, name_prefix=f"projects/{project}/", types=["subnet", "port"]) as watcher:
        assert [change.name for change in watcher.until_mark()] == [
            f"{vpc}/subnets/web",
            f"{vpc}/subnets/web/ports/a",
        ]
        api.update(vpc, display_name="not shown")
        api.update(f"{vpc}/subnets/web", display_name="shown")
        assert watcher.change().name == f"{vpc}/subnets/web"
    with watching(api, name_prefix=f"{vpc}/subnets/web/") as watcher:
        assert [change.name for change in watcher.until_mark()] == [f"{vpc}/subnets/web/ports/a"]


def test_a_watch_of_a_revision_that_is_not_there_is_out_of_range(api: Api) -> None:
    for after in (revision(api) + 1, -1, 2**62):
        refused = refusal(api.intent.Watch, intent_pb2.WatchRequest(after_revision=after), timeout=SECONDS)
        assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "REVISION_COMPACTED")
        assert "Begin again with 0" in refused.message


def test_a_watch_of_types_that_are_none_is_refused_naming_those_there_are(api: Api) -> None:
    refused = refusal(api.intent.Watch, intent_pb2.WatchRequest(types=["vpc", "vcp", ""]), timeout=SECONDS)
    assert refused.faults == {("types[1]", "UNKNOWN_KIND"), ("types[2]", "UNKNOWN_KIND")}
    assert "floating_ip" in refused.words["types[1]"]


def test_very_many_changes_are_watched_in_their_order(api: Api, project: str) -> None:
    seen = revision(api)
    names = [f"projects/{project}/vpcs/v{i:04}" for i in range(1_200)]
    for part in (names[:700], names[700:]):
        batch(api, *(creating(vpc_pb2.Vpc(name=name)) for name in part))
    with watching(api, after_revision=seen, name_prefix=f"projects/{project}/") as watcher:
        assert [watcher.change().name for _ in names] == names
    for part in (names[:700], names[700:]):
        batch(api, *(deleting(name) for name in part))


# AwaitRealised


def awaited(api: Api, name: str, seconds: float, **more: Any) -> Any:
    """Return what is answered by a deadline; a late one is for what must be answered long before."""
    request = intent_pb2.AwaitRealisedRequest(name=name, **more)
    request.deadline.FromNanoseconds(int(seconds * 1e9))
    return api.intent.AwaitRealised(request, timeout=min(seconds, SECONDS) + SECONDS)


def confirmed(api: Api, ovn: Central, name: str, host: str) -> Any:
    """Return what is answered to somebody who waits while a host confirms, as ovn-controller does all the time."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(awaited, api, name, SECONDS)
        while not waiting.done():
            ovn.confirm(host)
        return waiting.result()


@pytest.fixture
def port(api: Api, project: str) -> str:
    batch(api, *network(project))
    return f"projects/{project}/vpcs/shop/subnets/web/ports/a"


@pytest.fixture
def host(ovn: Central, project: str) -> Iterator[str]:
    yield f"{project}-h1"
    ovn.forget(f"{project}-h1")


def test_what_no_host_has_a_part_in_is_realised_once_it_is_written(api: Api, ovn: Central, port: str) -> None:
    answer = awaited(api, port, SECONDS)
    assert (answer.realised, answer.status.realised_generation, list(answer.status.waiting_for)) == (True, 1, [])
    assert port.split("/subnets/", maxsplit=1)[0] in ovn.nbctl("show")
    assert (api.get(port).reconciling, api.get(port).status.realised_generation) == (False, 1)


def test_a_host_that_is_away_is_named_and_not_waited_for(api: Api, ovn: Central, port: str, host: str) -> None:
    ovn.bind(api.get(port).uid, host)
    wait_until(lambda: api.get(port).reconciling, seconds=SECONDS, what="the binding to be seen")
    answer = awaited(api, port, 60)
    assert not answer.realised
    assert [lag.host for lag in answer.status.waiting_for] == [f"hosts/{host}"]
    assert "its agent is not connected" in answer.status.waiting_for[0].reason
    assert answer.status.realised_generation == 0


def test_a_connected_host_is_waited_for_until_it_confirms(
    api: Api, ovn: Central, shared_controller: Controller, port: str, host: str
) -> None:
    with host_stream(shared_controller.hosts) as agent:
        agent.hello(host)
        agent.accept()
        ovn.bind(api.get(port).uid, host)
        assert confirmed(api, ovn, port, host).realised
        api.update(port, display_name="changed")
        late = awaited(api, port, 0.2)
        assert (late.realised, late.status.realised_generation) == (False, 1)
        assert [lag.host for lag in late.status.waiting_for] == [f"hosts/{host}"]
        assert late.status.waiting_for[0].reason == "it has not confirmed the change yet"
        now = api.get(port)
        assert (now.reconciling, now.status.realised_generation, now.generation) == (True, 1, 2)
        answer = confirmed(api, ovn, port, host)
        assert (answer.realised, answer.status.realised_generation) == (True, 2)
        assert not api.get(port).reconciling


def test_a_host_that_goes_away_is_waited_for_no_longer(
    api: Api, ovn: Central, shared_controller: Controller, port: str, host: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with host_stream(shared_controller.hosts) as agent:
            agent.hello(host)
            agent.accept()
            ovn.bind(api.get(port).uid, host)
            wait_until(lambda: api.get(port).reconciling, seconds=SECONDS, what="the binding to be seen")
            waiting = pool.submit(awaited, api, port, 60)
            assert not awaited(api, port, 0.1).realised
            assert not waiting.done()
        answer = waiting.result(SECONDS)
    assert not answer.realised
    assert "its agent is not connected" in answer.status.waiting_for[0].reason


def test_a_generation_that_is_to_come_is_waited_for(api: Api, port: str) -> None:
    assert not awaited(api, port, 0, generation=2).realised
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(awaited, api, port, 60, generation=2)
        api.update(port, display_name="second")
        assert waiting.result(SECONDS).realised


def test_a_port_claims_nothing_of_other_networks(api: Api, ovn: Central, port: str, host: str, project: str) -> None:
    other = api.create(f"projects/{project}/vpcs/other").name
    ovn.bind(api.get(port).uid, host)
    wait_until(lambda: api.get(port).reconciling, seconds=SECONDS, what="the binding to be seen")
    assert awaited(api, other, SECONDS).realised


def test_what_vanishes_or_never_was_is_not_found(api: Api, port: str) -> None:
    request = intent_pb2.AwaitRealisedRequest(name=f"{port}x")
    assert refusal(api.intent.AwaitRealised, request, timeout=SECONDS).code == "NOT_FOUND"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refusal, awaited, api, port, 60, generation=9)
        api.delete(port)
        assert waiting.result(SECONDS).code == "NOT_FOUND"


def test_strange_deadlines_and_generations_are_taken_in_good_part(api: Api, port: str) -> None:
    assert awaited(api, port, SECONDS).realised
    for seconds, generation in ((2**62, 0), (-(2**62), -5), (0, -(2**63)), (2**62, 1)):
        request = intent_pb2.AwaitRealisedRequest(name=port, generation=generation)
        request.deadline.seconds = seconds
        assert api.intent.AwaitRealised(request, timeout=SECONDS).realised
