"""The provider driven over its handlers, with any configuration of any kind, judged by what Terraform demands."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provider_backend import Backend
from provider_oracle import assert_complete, assert_known, assert_plan_valid, assert_refines
from provider_strategies import configurations, with_unknowns

from headgate.v1 import types_pb2
from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.names import NamePattern
from headgate_terraform.provider import Provider
from headgate_terraform.values import UNKNOWN, decode, encode

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
]
NAMES = {k.type: [n for n in SEEDS if any(p.matches(n) for p in k.patterns)] for k in KINDS.values()}
PATIENT = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@dataclass
class Plan:
    """What PlanResourceChange answered."""

    value: Any
    replaced: list[str]
    private: bytes


class Core:
    """Calls the provider as Terraform's core does, and checks what core would check."""

    def __init__(self, runner: asyncio.Runner, provider: Provider, backend: Backend) -> None:
        self.runner, self.provider, self.backend = runner, provider, backend
        self.schemas = self.call("get_provider_schema", tf.GetProviderSchema.Request()).resource_schemas
        self.reset()

    def call(self, name: str, request: Any) -> Any:
        response = self.runner.run(getattr(self.provider, name)(request))
        assert not [d for d in response.diagnostics if d.severity == tf.Diagnostic.ERROR], response.diagnostics
        return response

    def reset(self) -> None:
        self.backend.objects.clear()
        for name in SEEDS:
            kind = next(k for k in KINDS.values() if any(p.matches(name) for p in k.patterns))
            message: Any = kind.method("Create").response()
            message.name, message.uid, message.generation, message.state = name, name, 1, types_pb2.STATE_ACTIVE
            self.backend.objects[name] = message

    def attributes(self, kind: Kind) -> Any:
        return self.schemas[kind.terraform_type].block.attributes

    def validate(self, kind: Kind, config: Any) -> None:
        self.call(
            "validate_resource_config",
            tf.ValidateResourceConfig.Request(type_name=kind.terraform_type, config=dyn(config)),
        )

    def plan(self, kind: Kind, config: Any, prior: Any = None, private: bytes = b"") -> Plan:
        response = self.call(
            "plan_resource_change",
            tf.PlanResourceChange.Request(
                type_name=kind.terraform_type,
                prior_state=dyn(prior),
                proposed_new_state=dyn(config),
                config=dyn(config),
                prior_private=private,
            ),
        )
        planned = undyn(response.planned_state)
        assert_complete(self.attributes(kind), planned)
        assert_plan_valid(self.attributes(kind), prior, config, planned)
        return Plan(planned, [p.steps[0].attribute_name for p in response.requires_replace], response.planned_private)

    def apply(self, kind: Kind, planned: Any, config: Any, prior: Any = None) -> Any:
        response = self.call(
            "apply_resource_change",
            tf.ApplyResourceChange.Request(
                type_name=kind.terraform_type, prior_state=dyn(prior), planned_state=dyn(planned), config=dyn(config)
            ),
        )
        state = undyn(response.new_state)
        if planned is not None:
            assert_complete(self.attributes(kind), state)
            assert_refines(self.attributes(kind), planned, state)
            assert_known(state)
        return state

    def read(self, kind: Kind, state: Any) -> Any:
        return undyn(
            self.call(
                "read_resource", tf.ReadResource.Request(type_name=kind.terraform_type, current_state=dyn(state))
            ).new_state
        )

    def upgrade(self, kind: Kind, stored: Any) -> Any:
        request = tf.UpgradeResourceState.Request(
            type_name=kind.terraform_type, raw_state=tf.RawState(json=json.dumps(stored).encode())
        )
        return undyn(self.call("upgrade_resource_state", request).upgraded_state)

    def imported(self, kind: Kind, name: str) -> Any:
        response = self.call(
            "import_resource_state", tf.ImportResourceState.Request(type_name=kind.terraform_type, id=name)
        )
        return undyn(response.imported_resources[0].state)

    def settle(self, kind: Kind, config: Any, state: Any) -> None:
        """Read, upgrade and plan again: nothing moves."""
        assert self.read(kind, state) == state
        assert self.upgrade(kind, state) == state
        assert self.plan(kind, config, state).value == state


def dyn(value: Any) -> tf.DynamicValue:
    return tf.DynamicValue(msgpack=encode(value))


def undyn(value: tf.DynamicValue) -> Any:
    return decode(value.msgpack)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    socket: Path = tmp_path_factory.mktemp("api") / "s"
    backend = Backend()
    server = backend.serve(f"unix:{socket}")
    provider = Provider(environment={"HEADGATE_ENDPOINTS": f"unix:{socket}"})
    with asyncio.Runner() as runner:
        driven = Core(runner, provider, backend)
        empty = dict.fromkeys(("endpoints", "token", "project", "tls", "wait", "deadline"))
        driven.call("configure_provider", tf.ConfigureProvider.Request(config=dyn(empty)))
        yield driven
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
def test_what_is_created_is_what_was_planned_and_plans_empty(core: Core, kind: Kind, data: st.DataObject) -> None:
    config = data.draw(configured(kind))
    core.reset()
    core.validate(kind, config)
    state = core.apply(kind, core.plan(kind, config).value, config)
    core.settle(kind, config, state)


@every_kind
@PATIENT
@given(data=st.data())
def test_any_change_is_planned_validly_and_lands_as_planned(core: Core, kind: Kind, data: st.DataObject) -> None:
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
def test_a_plan_with_unknowns_is_refined_by_the_plan_without(core: Core, kind: Kind, data: st.DataObject) -> None:
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
    core: Core, kind: Kind, data: st.DataObject
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
        assert value == imported[name] or not value, name


@every_kind
def test_a_resource_deleted_elsewhere_reads_as_gone(core: Core, kind: Kind) -> None:
    core.reset()
    name = NAMES[kind.type][0]
    state = core.imported(kind, name)
    core.backend.objects[name].state = types_pb2.STATE_DELETING
    assert core.read(kind, state) is None
    del core.backend.objects[name]
    assert core.read(kind, state) is None
