"""A kind with a field of every sort, in the provider and a real controller: whatever is configured comes back."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kitchen_site import FOLDER, MODULE, kitchen, kitchen_sink
from provider_core import Core, dyn
from provider_oracle import assert_refines
from provider_strategies import configurations, with_unknowns

from api import Api
from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.attributes import Nesting, Object, canonical
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.paths import Key, parse_field_path
from headgate_terraform.provider import Provider, Types
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
    provider = Provider({"HEADGATE_ENDPOINTS": controller.api}, Types([MODULE]))
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


# --- item by item: docs/reference/terraform-semantics.md says which is which ---------------------------------------


def planned(core: Core, kind: Kind, config: dict[str, Any], prior: Any = None) -> dict[str, Any]:
    core.validate(kind, config)
    value: dict[str, Any] = core.plan(kind, config, prior).value
    return value


def made(core: Core, kind: Kind, config: dict[str, Any], prior: Any = None) -> dict[str, Any]:
    state: dict[str, Any] = core.apply(kind, planned(core, kind, config, prior), config, prior)
    return state


def faults_of(core: Core, kind: Kind, **values: Any) -> list[tuple[str, str]]:
    """Return the place and the words of everything that is wrong with a configuration."""
    request = tf.ValidateResourceConfig.Request(
        type_name=kind.terraform_type,
        config=dyn(config_of(kind, **values)),
        client_capabilities=tf.ClientCapabilities(write_only_attributes_allowed=True),
    )
    response = core.runner.run(core.provider.validate_resource_config(request))
    return [(_text(d.attribute), d.detail) for d in response.diagnostics]


def _text(path: tf.AttributePath) -> str:
    return "/".join(s.attribute_name or s.element_key_string or str(s.element_key_int) for s in path.steps)


@pytest.mark.parametrize(
    ("values", "place", "words"),
    [
        ({"level": 1.5}, "level", "1.5 is not a whole number."),
        ({"large": "99999999999999999999999999"}, "large", "not between"),
        ({"huge": -1}, "huge", "not between 0 and 18446744073709551615"),
        ({"ratio": "1e999"}, "ratio", "too large"),
        ({"blob": "no base64!"}, "blob", "base64encode"),
        ({"blob": "eHh4" * 22}, "blob", "66 bytes are too many"),
        ({"hold": "soon"}, "hold", "not a duration"),
        ({"hold": "25h"}, "hold", "longer than 86400 s"),
        ({"until": "2026-13-01T00:00:00Z"}, "until", "not a point in time"),
        ({"finish": "green"}, "finish", "not one of blue, dark_red"),
        ({"words": ["a", None]}, "words/1", "Null values"),
        ({"ports": [80, None]}, "ports", "Null values"),
        ({"intervals": ["1s", "x"]}, "intervals/1", "not a duration"),
        ({"notes": {"A": "x"}}, "notes/A", "does not match"),
        ({"dates": {"a": "x"}}, "dates/a", "not a point in time"),
        ({"by_word": "x", "by_number": 1}, "by_number", "Only one of by_word, by_number may be set."),
        ({"wall": None}, "", "One of wall, legs must be set."),
        ({"api_token": "Planted"}, "api_token", "The value, which is not shown, does not match"),
        ({"password_wo": "Planted"}, "password_wo", "The value, which is not shown, does not match"),
        ({"password_wo_version": 1.5}, "password_wo_version", "not a whole number"),
        ({"timeouts": {"create": "0s", "update": None, "delete": None}}, "timeouts", "no time at all"),
    ],
)
def test_a_fault_is_told_at_its_attribute_and_never_with_a_secret(
    core: Core, kind: Kind, values: dict[str, Any], place: str, words: str
) -> None:
    ((found, said),) = faults_of(core, kind, **values)
    assert found == place
    assert words in said
    assert "Planted" not in said


def test_the_key_of_an_element_keeps_to_the_rules_of_its_field(core: Core, kind: Kind) -> None:
    ((place, said),) = faults_of(core, kind, taps={"Hot": nested(kind, "taps")})
    assert (place, "does not match" in said) == ("taps/Hot", True)
    ((place, said),) = faults_of(core, kind, taps={"hot": nested(kind, "taps", flow=101)})
    assert (place, "not between 0 and 100" in said) == ("taps/hot", True)


@pytest.mark.parametrize(
    ("field", "steps"),
    [
        ("taps[hot].secret", ("taps", Key("hot"), "secret_wo")),
        ("password", ("password_wo",)),
        ("steps[1].what", ("steps", 1, "what")),
        ("dates[start]", ("dates", Key("start"))),
    ],
)
def test_a_field_of_the_api_is_found_under_the_name_that_it_has_in_terraform(
    kind: Kind, field: str, steps: tuple[Any, ...]
) -> None:
    assert parse_field_path(field, kind.shape).steps == steps


def test_nothing_is_said_about_values_not_known_yet_at_any_depth(core: Core, kind: Kind) -> None:
    unknown = {a.name: UNKNOWN for a in kind.shape.attributes if a.configurable and a.name not in ("name", "title")}
    assert faults_of(core, kind, **unknown) == []
    assert faults_of(core, kind, taps={"hot": nested(kind, "taps", flow=UNKNOWN, secret_wo=UNKNOWN)}) == []
    assert faults_of(core, kind, words=[UNKNOWN], ports=[UNKNOWN], dates={"a": UNKNOWN}) == []


def test_a_default_is_planned_and_comes_back_when_the_argument_is_removed(core: Core, kind: Kind) -> None:
    config = config_of(kind, mtu=9000, period="1h", finish="dark_red", enabled=False)
    prior = made(core, kind, config)
    bare = config | {"mtu": None, "period": None, "finish": None, "enabled": None}
    after = planned(core, kind, bare, prior)
    assert [after[n] for n in ("mtu", "period", "finish", "enabled")] == [1500, "90s", "blue", True]
    core.settle(kind, bare, made(core, kind, bare, prior))


def test_a_nested_default_counts_as_configured(core: Core, kind: Kind) -> None:
    config = config_of(kind, shelves={"top": nested(kind, "shelves", depth=2)})
    state = made(core, kind, config)
    assert state["shelves"]["top"] == nested(kind, "shelves", depth=2, stuff="steel", label="2 steel ")
    changed = config | {"shelves": {"top": nested(kind, "shelves", depth=2, stuff="tin")}}
    assert planned(core, kind, changed, state)["shelves"]["top"]["label"] is UNKNOWN
    back = made(core, kind, changed, state)
    assert planned(core, kind, config, back)["shelves"]["top"]["stuff"] == "steel"


def test_another_spelling_of_the_same_is_no_change_whatever_the_type(core: Core, kind: Kind) -> None:
    one = config_of(
        kind,
        hold="90m",
        until="2026-01-01T01:00:00+01:00",
        ratio="0.50",
        blob="",
        mac="0A:00:00:00:00:01",
        prefix="FD00:0::/64",
        addresses=["FD00::0001", "10.0.0.1"],
        intervals=["60s"],
        dates={"a": "2026-01-01T00:00:00.000Z"},
    )
    two = one | {
        "hold": "1h30m",
        "until": "2026-01-01T00:00:00Z",
        "ratio": 0.5,
        "mac": "0a:00:00:00:00:01",
        "prefix": "fd00::/64",
        "addresses": ["fd00::1", "10.0.0.1"],
        "intervals": ["1m"],
        "dates": {"a": "2026-01-01T00:00:00Z"},
    }
    state = made(core, kind, one)
    core.settle(kind, one, state)
    assert planned(core, kind, two, state) == state
    assert core.imported(kind, state["id"])["hold"] == "1h30m"


def test_an_output_of_an_element_stays_known_while_its_configuration_does_not_change(core: Core, kind: Kind) -> None:
    hot = nested(kind, "taps", flow=1)
    config = config_of(kind, taps={"hot": hot}, steps=[{"what": "a", "serial": None}, {"what": "b", "serial": None}])
    prior = made(core, kind, config)
    more = config | {
        "taps": {"cold": hot, "hot": hot},
        "steps": [{"what": "new", "serial": None}, *config["steps"]],
    }
    plan = planned(core, kind, more, prior)
    assert plan["taps"]["hot"]["label"] == "hot 1 "
    assert plan["taps"]["cold"]["label"] is UNKNOWN
    assert [step["serial"] for step in plan["steps"]] == [UNKNOWN] * 3, "lists tell elements by their place only"
    core.settle(kind, more, made(core, kind, more, prior))


def test_only_a_version_has_a_secret_sent_again_and_null_removes_it(core: Core, kind: Kind, api: Api) -> None:
    hot = nested(kind, "taps", secret_wo="one", secret_wo_version=1)
    config = config_of(kind, password_wo="one", password_wo_version=1, taps={"hot": hot})

    def digests() -> tuple[str, str]:
        sink = api.get(state["id"])
        return sink.password_digest, sink.taps[0].label.split(" ")[2]

    state = made(core, kind, config)
    first = digests()
    assert all(first)
    assert (state["password_wo"], state["taps"]["hot"]["secret_wo"]) == (None, None)
    silent = config | {"password_wo": "two", "taps": {"hot": hot | {"secret_wo": "two"}}}
    assert planned(core, kind, silent, state) == state
    other = silent | {"title": "other", "taps": {"hot": hot | {"secret_wo": "two", "flow": 9}}}
    state = made(core, kind, other, state)
    assert digests() == first, "an update for another reason keeps both"
    again = silent | {"password_wo_version": 2, "taps": {"hot": hot | {"secret_wo": "two", "secret_wo_version": 2}}}
    state = made(core, kind, again, state)
    assert all(new not in (old, "") for new, old in zip(digests(), first, strict=True))
    core.settle(kind, again, state)
    gone = again | {"password_wo": None, "password_wo_version": None, "taps": {"hot": nested(kind, "taps")}}
    state = made(core, kind, gone, state)
    assert digests() == ("", "")
    core.settle(kind, gone, state)


def test_a_terraform_that_would_keep_secrets_is_told_so(core: Core, kind: Kind) -> None:
    values = {"password_wo": "planted", "shelves": {"a": nested(kind, "shelves", depth=1, key_wo="eA==")}}
    request = tf.ValidateResourceConfig.Request(type_name=kind.terraform_type, config=dyn(config_of(kind, **values)))
    response = core.runner.run(core.provider.validate_resource_config(request))
    assert [_text(d.attribute) for d in response.diagnostics] == ["password_wo", "shelves/a"]
    assert all("1.11 or newer" in d.detail and "planted" not in d.detail for d in response.diagnostics)


def test_null_and_empty_are_kept_apart_and_imported_as_null(core: Core, kind: Kind) -> None:
    empty = {"words": [], "ports": [], "steps": [], "drains": [], "taps": {}, "notes": {}, "shelves": {}, "dates": {}}
    config = config_of(kind, **empty)
    state = made(core, kind, config)
    assert {name: state[name] for name in empty} == empty
    core.settle(kind, config, state)
    assert {name: core.imported(kind, state["id"])[name] for name in empty} == dict.fromkeys(empty)
    bare = config_of(kind, name=config["name"])
    core.settle(kind, bare, made(core, kind, bare, state))


def test_state_of_an_older_schema_is_read_as_if_it_had_been_written_now(core: Core, kind: Kind) -> None:
    config = config_of(kind, taps={"hot": nested(kind, "taps")}, steps=[{"what": "a", "serial": None}])
    state = made(core, kind, config)
    older = {k: v for k, v in state.items() if k not in ("timeouts", "password_wo", "intervals")} | {"gone": 1}
    older["taps"] = {"hot": {k: v for k, v in state["taps"]["hot"].items() if k != "secret_wo_version"} | {"old": 2}}
    assert core.upgrade(kind, older) == state
    core.settle(kind, config, core.upgrade(kind, older))


def test_every_answer_about_a_resource_is_messagepack_with_the_private_mark(core: Core, kind: Kind) -> None:
    config = config_of(kind)
    state = made(core, kind, config)
    as_json = tf.DynamicValue(json=json.dumps(state).encode())
    read = core.call("read_resource", tf.ReadResource.Request(type_name=kind.terraform_type, current_state=as_json))
    plan = core.plan(kind, config, state)
    request = tf.ImportResourceState.Request(type_name=kind.terraform_type, id=state["id"])
    (imported,) = core.call("import_resource_state", request).imported_resources
    assert read.new_state.msgpack
    assert not read.new_state.json
    assert {read.private, plan.private, imported.private} == {b"1"}


def test_the_provider_never_asks_to_be_judged_mildly_and_says_what_it_can(core: Core) -> None:
    for response in (tf.PlanResourceChange.Response, tf.ApplyResourceChange.Response):
        assert "legacy_type_system" not in response.DESCRIPTOR.fields_by_name
    for call, request in (("get_metadata", tf.GetMetadata), ("get_provider_schema", tf.GetProviderSchema)):
        can = core.call(call, request.Request()).server_capabilities
        assert (can.plan_destroy, can.get_provider_schema_optional) == (True, True)


def test_a_resource_to_be_destroyed_is_planned_as_nothing(core: Core, kind: Kind) -> None:
    config = config_of(kind)
    state = made(core, kind, config)
    assert core.plan(kind, None, state).value is None
    assert core.apply(kind, None, None, state) is None
    assert core.apply(kind, None, None, state) is None, "gone already is as good"


def test_what_was_changed_elsewhere_is_read_as_it_is(core: Core, kind: Kind, api: Api) -> None:
    config = config_of(kind, hold="90m", words=["a"], taps={"hot": nested(kind, "taps")})
    state = made(core, kind, config)
    api.update(state["id"], hold="1s", words=[], taps=[{"name": "cold", "flow": 9}])
    seen = core.read(kind, state)
    assert (seen["hold"], seen["words"], list(seen["taps"])) == ("1s", None, ["cold"])
    core.settle(kind, config, made(core, kind, config, seen))
