"""The provider driven over its handlers, with any configuration of any kind, judged by what Terraform demands."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provider_backend import Backend
from provider_core import Core
from provider_oracle import assert_refines
from provider_strategies import configurations, with_unknowns

from headgate.v1 import types_pb2
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.names import NamePattern
from headgate_terraform.provider import Provider
from headgate_terraform.values import UNKNOWN

KINDS = load_kinds()
SEEDS = [
    "hosts/h1",
    "hosts/h2",
    "projects/default/vpcs/v1",
    "projects/default/vpcs/v2",
    "projects/default/subnets/ext1",
    "projects/default/subnets/ext2",
    "projects/default/vpcs/v1/subnets/s1",
    "projects/default/vpcs/v1/subnets/s1/ports/p1",
    "projects/default/vpcs/v1/subnets/s1/ports/p2",
    "projects/default/vpcs/v1/routes/r1",
    "projects/default/floatingIps/f1",
    "projects/default/vms/m1",
]
NAMES = {k.type: [n for n in SEEDS if any(p.matches(n) for p in k.patterns)] for k in KINDS.values()}
PATIENT = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Seeded(Core):
    """Core in front of an API that holds the seeds."""

    def __init__(self, runner: asyncio.Runner, provider: Provider, backend: Backend) -> None:
        super().__init__(runner, provider)
        self.backend = backend
        self.reset()

    def reset(self) -> None:
        self.backend.objects.clear()
        for name in SEEDS:
            kind = next(k for k in KINDS.values() if any(p.matches(name) for p in k.patterns))
            message: Any = kind.method("Create").response()
            message.name, message.uid, message.generation, message.state = name, name, 1, types_pb2.STATE_ACTIVE
            self.backend.objects[name] = message


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    socket: Path = tmp_path_factory.mktemp("api") / "s"
    backend = Backend()
    server = backend.serve(f"unix:{socket}")
    provider = Provider(environment={"HEADGATE_ENDPOINTS": f"unix:{socket}"})
    with asyncio.Runner() as runner:
        yield Seeded(runner, provider, backend)
        runner.run(provider.close())
    server.stop(None).wait()


def parents_of(kind: Kind) -> list[str]:
    forms = [NamePattern(p.parent) for p in kind.patterns if p.parent_variable == kind.parent]
    return [n for n in SEEDS if any(f.matches(n) for f in forms)]


def configured(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    return configurations(kind, NAMES, parents_of(kind))


every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda k: k.type)


@every_kind
@PATIENT
@given(data=st.data())
def test_what_is_created_is_what_was_planned_and_plans_empty(core: Seeded, kind: Kind, data: st.DataObject) -> None:
    config = data.draw(configured(kind))
    core.reset()
    core.validate(kind, config)
    state = core.apply(kind, core.plan(kind, config).value, config)
    core.settle(kind, config, state)


@every_kind
@PATIENT
@given(data=st.data())
def test_any_change_is_planned_validly_and_lands_as_planned(core: Seeded, kind: Kind, data: st.DataObject) -> None:
    # What is protected is never replaced: a claim of its own.
    before, after = data.draw(configured(kind)) | {"deletion_protection": None}, data.draw(configured(kind))
    core.reset()
    prior = core.apply(kind, core.plan(kind, before).value, before)
    plan = core.plan(kind, after, prior)
    if plan.replaced:
        assert core.apply(kind, None, after, prior) is None
        second = core.plan(kind, after, None, plan.private)
        assert second.value["id"] is UNKNOWN
        state = core.apply(kind, second.value, after)
    elif plan.value == prior:
        state = prior
    else:
        state = core.apply(kind, plan.value, after, prior)
    core.settle(kind, after, state)


@every_kind
@PATIENT
@given(data=st.data())
def test_a_plan_with_unknowns_is_refined_by_the_plan_without(core: Seeded, kind: Kind, data: st.DataObject) -> None:
    # What is protected is never replaced: a claim of its own.
    before, after = data.draw(configured(kind)) | {"deletion_protection": None}, data.draw(configured(kind))
    core.reset()
    prior = core.apply(kind, core.plan(kind, before).value, before) if data.draw(st.booleans()) else None
    partly = data.draw(st.composite(lambda draw: with_unknowns(after, draw))())
    core.validate(kind, partly)
    first = core.plan(kind, partly, prior)
    assert_refines(core.attributes(kind), first.value, core.plan(kind, after, prior).value)


@every_kind
@PATIENT
@given(data=st.data())
def test_an_imported_resource_differs_from_its_configuration_in_spelling_at_most(
    core: Seeded, kind: Kind, data: st.DataObject
) -> None:
    config = data.draw(configured(kind))
    core.reset()
    state = core.apply(kind, core.plan(kind, config).value, config)
    imported = core.imported(kind, state["id"])
    assert core.read(kind, imported) == imported
    plan = core.plan(kind, config, imported)
    assert plan.replaced == []
    for name, value in plan.value.items():
        # An empty collection cannot be told from none in the API; the plan then only writes down which one is meant.
        # The API knows nothing of timeouts.
        assert value == imported[name] or not value or name == "timeouts", name


@every_kind
def test_a_resource_deleted_elsewhere_reads_as_gone(core: Seeded, kind: Kind) -> None:
    core.reset()
    name = NAMES[kind.type][0]
    state = core.imported(kind, name)
    core.backend.objects[name].state = types_pb2.STATE_DELETING
    assert core.read(kind, state) is None
    del core.backend.objects[name]
    assert core.read(kind, state) is None
