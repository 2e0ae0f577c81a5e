"""What Terraform demands of plans and states, written down again: AssertPlanValid and AssertObjectCompatible."""

import json
from typing import Any

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.values import UNKNOWN

SINGLE, LIST, SET, MAP = (getattr(tf.Schema.Object, n) for n in ("SINGLE", "LIST", "SET", "MAP"))
Attributes = Any


def assert_complete(attributes: Attributes, value: Any, where: str = "") -> None:
    """Every object has all its attributes and no others (item 2)."""
    assert set(value) == {a.name for a in attributes}, f"{where}: {sorted(value)}"
    for a in attributes:
        if a.HasField("nested_type"):
            for key, element in _elements(a.nested_type.nesting, value[a.name]):
                assert_complete(a.nested_type.attributes, element, f"{where}.{a.name}[{key}]")


def assert_plan_valid(attributes: Attributes, prior: Any, config: Any, planned: Any, where: str = "") -> None:
    """Items 17 to 22: a plan is the configuration or the prior state, plus what is computed."""
    for a in attributes:
        old = None if prior is None else prior[a.name]
        _assert_attribute(a, old, config[a.name], planned[a.name], f"{where}.{a.name}")


def _assert_attribute(a: Any, prior: Any, config: Any, planned: Any, where: str) -> None:
    if a.write_only:
        assert planned is None, f"{where}: planned {planned!r} though write-only"
        return
    if _equal(planned, config):
        return
    if a.computed and config is None:
        return
    if not a.HasField("nested_type"):
        assert config is not None, f"{where}: planned {planned!r} for an attribute that is neither set nor computed"
        assert _equal(planned, prior), (
            f"{where}: planned {planned!r} is neither configured {config!r} nor prior {prior!r}"
        )
        return
    assert config is not None, f"{where}: planned {planned!r} where nothing is configured"
    assert config is not UNKNOWN, f"{where}: planned {planned!r} where the configuration is unknown"
    assert planned is not UNKNOWN, f"{where}: unknown as a whole though configured"
    assert planned is not None, f"{where}: null though configured"
    nested, nesting = a.nested_type.attributes, a.nested_type.nesting
    if nesting == SINGLE:
        assert_plan_valid(nested, prior if isinstance(prior, dict) else None, config, planned, where)
        return
    assert len(planned) == len(config), f"{where}: {len(planned)} elements planned, {len(config)} configured"
    if nesting == SET:
        return
    olds = dict(_elements(nesting, prior))
    configs = dict(_elements(nesting, config, keep_unknown=True))
    plans = dict(_elements(nesting, planned, keep_unknown=True))
    assert plans.keys() == configs.keys(), where
    for key, element in plans.items():
        if configs[key] is UNKNOWN:
            assert element is UNKNOWN, f"{where}[{key}]"
        else:
            assert_plan_valid(nested, olds.get(key), configs[key], element, f"{where}[{key}]")


def assert_refines(attributes: Attributes, first: Any, second: Any, where: str = "") -> None:
    """Items 26 to 28: what was known stays, what was unknown may become anything of the same shape."""
    for a in attributes:
        _assert_refined(a, first[a.name], second[a.name], f"{where}.{a.name}")


def _assert_refined(a: Any, first: Any, second: Any, where: str) -> None:
    if first is UNKNOWN:
        return
    assert (first is None) == (second is None), f"{where}: was {first!r}, but now {second!r}"
    if first is None:
        return
    assert second is not UNKNOWN, f"{where}: was {first!r}, but now unknown"
    if not a.HasField("nested_type"):
        is_set = a.type.startswith(b'["set"')
        _assert_leaf(first, second, is_set=is_set, where=where)
        return
    nested, nesting = a.nested_type.attributes, a.nested_type.nesting
    if nesting == SINGLE:
        assert_refines(nested, first, second, where)
    elif nesting == SET:
        # Unknown parts may fall together: Terraform then compares lengths only.
        if not has_unknown(first):
            assert _unordered(first) == _unordered(second), f"{where}: was {first!r}, but now {second!r}"
    else:
        before = dict(_elements(nesting, first, keep_unknown=True))
        after = dict(_elements(nesting, second, keep_unknown=True))
        assert before.keys() == after.keys(), f"{where}: was {first!r}, but now {second!r}"
        for key, element in before.items():
            if element is not UNKNOWN:
                assert_refines(nested, element, after[key], f"{where}[{key}]")


def _assert_leaf(first: Any, second: Any, *, is_set: bool, where: str) -> None:
    if has_unknown(first):
        return
    same = _unordered(first) == _unordered(second) if is_set else _equal(first, second)
    assert same, f"{where}: was {first!r}, but now {second!r}"


def assert_known(value: Any) -> None:
    """Item 28: nothing in a new state is unknown."""
    assert not has_unknown(value), value


def has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _unordered(values: list[Any]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True) for value in values)


def _elements(nesting: int, value: Any, *, keep_unknown: bool = False) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict | list):
        return []
    if nesting == SINGLE:
        return [("", value)]
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    return [(k, v) for k, v in pairs if isinstance(v, dict) or (keep_unknown and v is UNKNOWN)]
