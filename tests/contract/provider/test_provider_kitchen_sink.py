"""A kind with a field of every sort, in the provider and a real controller: whatever is configured comes back."""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kitchen_site import FOLDER, MODULE, kitchen, kitchen_sink
from provider_core import Core
from provider_oracle import assert_refines
from provider_strategies import configurations, with_unknowns

from api import Api
from headgate_terraform.attributes import Nesting, Object, canonical
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.provider import Provider
from headgate_terraform.values import UNKNOWN

PARTNERS = [f"projects/default/kitchenSinks/partner-{n}" for n in (1, 2)]
PATIENT = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # Each example makes a sink of its own, so the same draws are not the same twice: to shrink them takes minutes.
    phases=[Phase.explicit, Phase.generate],
)
SERIAL = count()


@pytest.fixture(scope="module")
def controller(run_directory: Path) -> Iterator[Controller]:
    with kitchen(run_directory / "sinks") as running, pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield running


@pytest.fixture(scope="module")
def api(controller: Controller) -> Iterator[Api]:
    client = Api(controller.api, kitchen_sink())
    for name in PARTNERS:
        client.create(name, title="partner", wall={})
    yield client
    client.close()


@pytest.fixture(scope="module")
def kind(controller: Controller) -> Kind:
    return load_kinds([MODULE])["headgate_kitchen_sink"]


@pytest.fixture(scope="module")
def core(controller: Controller, api: Api, kind: Kind) -> Iterator[Core]:
    provider = Provider({"HEADGATE_ENDPOINTS": controller.api}, [MODULE])
    with asyncio.Runner() as runner:
        driven, config = Core(runner, provider, wait="none"), config_of(kind)
        # Once before anything is drawn: whatever is imported at first use, hypothesis looks for constants in it.
        driven.settle(kind, config, driven.apply(kind, driven.plan(kind, config).value, config))
        yield driven
        runner.run(provider.close())


def drawn(kind: Kind, data: st.DataObject, **fixed: Any) -> dict[str, Any]:
    """Draw a configuration of a sink of its own."""
    config = data.draw(configurations(kind, {"kitchen_sink": PARTNERS}, []))
    return config | {"name": f"s{next(SERIAL)}", "deletion_protection": None} | fixed


def config_of(kind: Kind, **values: Any) -> dict[str, Any]:
    """Return a configuration of a sink of its own, with what is required and `values`."""
    least = {"name": f"s{next(SERIAL)}", "title": "sink", "wall": {"height": None}}
    return {a.name: None for a in kind.shape.attributes} | {"id": None} | least | values


def nested(kind: Kind, name: str, **values: Any) -> dict[str, Any]:
    attribute = kind.shape.get(name)
    assert attribute is not None
    assert isinstance(attribute.element, Object)
    return {a.name: values.get(a.name) for a in attribute.element.attributes}


def without_versions(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: None if k.endswith("_wo_version") else without_versions(v) for k, v in value.items()}
    return [without_versions(v) for v in value] if isinstance(value, list) else value


@PATIENT
@given(data=st.data())
def test_what_is_created_is_what_was_planned_and_plans_empty(core: Core, kind: Kind, data: st.DataObject) -> None:
    config = drawn(kind, data)
    core.validate(kind, config)
    core.settle(kind, config, core.apply(kind, core.plan(kind, config).value, config))


@PATIENT
@given(data=st.data())
def test_any_change_is_planned_validly_and_lands_as_planned(core: Core, kind: Kind, data: st.DataObject) -> None:
    before = drawn(kind, data)
    after = drawn(kind, data, name=before["name"])
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


@PATIENT
@given(data=st.data())
def test_a_plan_with_unknowns_is_refined_by_the_plan_without(core: Core, kind: Kind, data: st.DataObject) -> None:
    before = drawn(kind, data)
    after = drawn(kind, data, name=before["name"])
    prior = core.apply(kind, core.plan(kind, before).value, before) if data.draw(st.booleans()) else None
    partly = data.draw(st.composite(lambda draw: with_unknowns(after, draw))())
    core.validate(kind, partly)
    first = core.plan(kind, partly, prior)
    assert_refines(core.attributes(kind), first.value, core.plan(kind, after, prior).value)


def test_every_field_comes_back_as_it_was_configured(core: Core, kind: Kind) -> None:
    seen: set[str] = set()

    @PATIENT
    @given(data=st.data())
    def there_and_back(data: st.DataObject) -> None:
        config = without_versions(drawn(kind, data))
        state = core.apply(kind, core.plan(kind, config).value, config)
        imported = core.imported(kind, state["id"])
        assert core.read(kind, imported) == imported
        plan = core.plan(kind, config, imported)
        assert plan.replaced == []
        for attribute in kind.shape.attributes:
            name, wish = attribute.name, config[attribute.name]
            if wish is None or attribute.write_only or attribute.name == "timeouts":
                continue
            seen.add(name)
            came_back = canonical(attribute, plan.value[name]) == canonical(attribute, imported[name])
            assert came_back or (not wish and attribute.nesting is not Nesting.SINGLE), name

    there_and_back()
    settable = {a.name for a in kind.shape.attributes if a.configurable and not a.write_only and not a.version_of}
    assert seen == settable - {"timeouts", "deletion_protection"}
