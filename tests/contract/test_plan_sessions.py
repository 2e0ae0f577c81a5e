"""PlanSession as any client can call it: what it answers, and what it does to those who ask for too much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from refusal import of
from token_site import READ_ONLY, TokenSite

from api import Api
from headgate.v1 import intent_pb2, subnet_pb2, vpc_pb2
from headgate_controller.api import plan_sessions
from headgate_controller.api.callers import caller
from headgate_controller.api.gate import Foreign
from headgate_controller.errors import ExhaustedError
from headgate_controller.kinds import registry
from headgate_controller.principal import ADMINISTRATOR
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.traffic import MOST_OF_METHOD
from headgate_controller.world import EMPTY_WORLD

Step = intent_pb2.PlanSessionRequest


def named(which: str, name: str) -> Step:
    return Step(**{which: intent_pb2.PlannedName(name=name)})


def created(id_: int, message: Any, **fields: Any) -> Step:
    step = Step(id=id_)
    step.create.resource.Pack(ParseDict(fields, message))
    return step


def answers(api: Api, *steps: Step) -> list[tuple[int, list[tuple[str, str, str, bool]]]]:
    """Return what a session answers: for each id the faults."""
    return [
        (answer.id, [(v.field, v.reason, v.resource, v.open) for v in answer.violations])
        for answer in api.intent.PlanSession(iter(steps), timeout=20)
    ]


def refused(api: Api, *steps: Step | bytes) -> Any:
    """Return the error with which a session ends."""
    call: Any = api.channel.stream_stream(
        "/headgate.v1.IntentService/PlanSession",
        lambda step: step if isinstance(step, bytes) else step.SerializeToString(),
        intent_pb2.PlanSessionResponse.FromString,
    )
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter(steps), timeout=20))
    return of(caught.value)


def test_a_plan_is_judged_step_by_step_and_changes_nothing(api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/v"
    web, db = (
        created(number, subnet_pb2.Subnet(), name=f"{vpc}/subnets/{name}", cidr=cidr)
        for number, name, cidr in ((2, "web", "10.1.0.0/24"), (3, "db", "10.1.0.0/16"))
    )
    assert answers(api, created(1, vpc_pb2.Vpc(), name=vpc), web, db) == [
        (1, []),
        (2, []),
        (3, [("cidr", "CIDR_OVERLAP", f"{vpc}/subnets/web", False)]),
    ]
    assert list(api.names(f"projects/{project}/")) == []


def test_what_exists_stays_open_until_the_client_says_that_it_manages_it(api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/v"
    api.create(vpc)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    db = {"name": f"{vpc}/subnets/db", "cidr": "10.1.0.0/16"}
    overlap = [("cidr", "CIDR_OVERLAP", f"{vpc}/subnets/web", True)]
    steps = [
        created(1, subnet_pb2.Subnet(), **db),
        named("manage", f"{vpc}/subnets/web"),
        created(2, subnet_pb2.Subnet(), **db),
        named("remove", f"{vpc}/subnets/web"),
        created(3, subnet_pb2.Subnet(), **db),
    ]
    assert answers(api, *steps) == [(1, overlap), (2, overlap), (3, [])]


def test_a_session_is_about_the_intent_at_its_beginning(api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/v"

    def steps() -> Iterator[Step]:
        yield created(1, vpc_pb2.Vpc(), name=vpc)
        api.create(f"projects/{project}/vpcs/w")
        yield created(2, vpc_pb2.Vpc(), name=f"projects/{project}/vpcs/w")

    assert [list(a.violations) for a in api.intent.PlanSession(steps(), timeout=20)] == [[], []]


MALFORMED = [
    (Step(id=1), ("step", "EXACTLY_ONE")),
    (named("manage", ""), ("manage", "BAD_NAME")),
    (named("keep", "x" * 2000), ("keep", "BAD_NAME")),
    (b"\xff\xff\xff", ("", "UNREADABLE")),
]


@pytest.mark.parametrize(("step", "fault"), MALFORMED)
def test_a_step_that_makes_no_sense_ends_the_session_in_words(
    api: Api, step: Step | bytes, fault: tuple[str, str]
) -> None:
    error = refused(api, step)
    assert (error.code, error.faults) == ("INVALID_ARGUMENT", {fault})


def test_a_resource_of_no_kind_ends_the_session_in_words(api: Api) -> None:
    step = Step(id=1)
    step.create.resource.type_url = "type.googleapis.com/no.such.Kind"
    assert refused(api, step).faults == {("type_url", "UNKNOWN_KIND")}


def test_a_name_of_no_form_is_a_fault_of_the_plan(api: Api, project: str) -> None:
    ((_, found),) = answers(api, created(1, vpc_pb2.Vpc(), name=f"projects/{project}/vpcs/Not A Name"))
    assert [(field, reason) for field, reason, *_ in found] == [("name", "BAD_NAME")]


def test_a_step_larger_than_any_resource_ends_the_session_in_words(api: Api) -> None:
    error = refused(api, created(1, vpc_pb2.Vpc(), name="x", description="x" * 2_000_000))
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")


def test_more_plans_at_a_time_than_fit_are_refused_in_words_until_one_ends(site: TokenSite) -> None:
    forever = threading.Event()

    def silent() -> Iterator[Step]:
        yield named("keep", "projects/a/vpcs/none")
        forever.wait()

    each = MOST_OF_METHOD["/headgate.v1.IntentService/PlanSession"]
    holders = [site.holding("a") for _ in range(plan_sessions.MOST_SESSIONS // each)]
    calls = [holder.intent.PlanSession(silent(), timeout=60) for holder in holders for _ in range(each)]
    try:
        for call in calls:
            next(call)
        error = refused(site.holding("a"), named("keep", "projects/a/vpcs/none"))
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_MUCH")
        assert "repeat yours when one has ended" in error.message
    finally:
        forever.set()
        for call in calls:
            call.cancel()


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [
        ("MOST_OF_SESSION", 1_000, "and 1000 are the most of one plan"),
        ("MOST_BYTES", 1_000, "1000 of all that are being made"),
        ("MOST_RESOURCES", 3, "tell of 3 resources, and no more fit"),
    ],
)
def test_a_plan_that_tells_more_than_fits_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, words: str
) -> None:
    monkeypatch.setattr(plan_sessions, bound, value)

    async def steps() -> AsyncIterator[Step]:
        for number in range(100):
            yield named("manage", f"projects/p/vpcs/v{number}")

    async def act() -> None:
        caller.set(ADMINISTRATOR)
        schema, nothing = Schema(registry.load()), Foreign(frozenset(), frozenset(), ())
        served = plan_sessions.PlanSessions(schema, Committed(EMPTY_WORLD), lambda _principal, _step: nothing)
        await anext(aiter(served.session(steps(), None)))

    with pytest.raises(ExhaustedError, match=words):
        asyncio.run(act())


def test_a_reference_to_what_a_token_may_not_know_of_is_a_fault_at_its_field_and_the_plan_goes_on(
    site: TokenSite,
) -> None:
    site.admin.create("projects/b/subnets/closed", vlan={"physicalNetwork": "provider", "id": 4002}, cidr="10.8.0.0/24")
    client, vpc = site.holding("a", access=READ_ONLY), "projects/a/vpcs/v"

    def told(name: str) -> Any:
        used = created(1, vpc_pb2.Vpc(), name=vpc, external_subnets={"net": {"subnet": name}}, display_name="x" * 300)
        below = created(2, subnet_pb2.Subnet(), name=f"{vpc}/subnets/web", cidr="10.1.0.0/24")
        mended = created(3, vpc_pb2.Vpc(), name=vpc)
        first, *others = client.intent.PlanSession(iter([used, below, mended]), timeout=20)
        assert [list(answer.violations) for answer in others] == [[], []], "what is below it is not told again"
        return [(v.field, v.reason, v.description.replace(name, "X"), v.resource, v.open) for v in first.violations]

    text = "There is no X; create it first, or name another."
    expected = [("external_subnets[net].subnet", "REFERENCE_NOT_FOUND", text, "", False)]
    assert told("projects/b/subnets/closed") == told("projects/b/subnets/nothing") == expected
    guess = created(1, vpc_pb2.Vpc(), name=vpc, external_subnets={"net": {"subnet": "projects/b/subnets/closed"}})
    vlan = {"physical_network": "provider", "id": 4002}
    taken = created(2, subnet_pb2.Subnet(), name="projects/a/subnets/x", vlan=vlan, cidr="10.9.0.0/24")
    _, answer = client.intent.PlanSession(iter([guess, taken]), timeout=20)
    assert "a resource of another project" in answer.violations[0].description, "a guess is not confirmed either"
    site.admin.delete("projects/b/subnets/closed")


def test_a_token_of_one_project_is_not_told_who_of_another_stands_in_its_way(site: TokenSite) -> None:
    vlan = {"vlan": {"physical_network": "provider", "id": 4001}, "gateway": "198.18.7.1", "cidr": "198.18.7.0/24"}
    site.admin.create("projects/b/subnets/theirs", **vlan)
    client = site.holding("a", access=READ_ONLY)
    mine = created(1, subnet_pb2.Subnet(), name="projects/a/subnets/mine", **vlan)
    assert answers(client, mine) == [(1, [("vlan", "VLAN_IN_USE", "", True)])]
    (answer,) = client.intent.PlanSession(iter([mine]), timeout=20)
    assert "a resource of another project" in answer.violations[0].description
    for step in (named("keep", "projects/b/subnets/theirs"), named("manage", "projects/b/subnets/theirs")):
        assert refused(client, step).reason == "NOT_PERMITTED"
    site.admin.delete("projects/b/subnets/theirs")
