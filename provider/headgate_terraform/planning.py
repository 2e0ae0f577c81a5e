"""The plan of one resource: what it will be, known where it can be, and what cannot change in place.

Values are computed from the configuration and the prior state alone, so that the plan made at apply time refines the
first one. A planned value is the configuration's or the prior state's, exactly; nothing else is allowed by Terraform.
"""

from collections.abc import Iterator

from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar, canonical, canonical_element
from headgate_terraform.paths import ROOT, Path
from headgate_terraform.values import UNKNOWN, Value


def plan_object(shape: Object, config: Value, prior: Value, *, stable: bool) -> dict[str, Value]:
    """Return the planned object for `config`, with `prior` None for a new one.

    `stable`: what the server chose or computed for `prior` still holds.
    """
    return {
        a.name: _plan_attribute(
            a, config[a.name], None if prior is None else prior[a.name], stable=stable and prior is not None
        )
        for a in shape.attributes
    }


def _plan_attribute(attribute: Attribute, config: Value, prior: Value, *, stable: bool) -> Value:
    if attribute.write_only:
        return None
    config = _wished(attribute, config)
    if config is None or not attribute.configurable:
        if not attribute.computed:
            return None
        return prior if stable else UNKNOWN
    if config is UNKNOWN:
        return UNKNOWN
    if isinstance(attribute.element, Scalar) or attribute.nesting is Nesting.SET:
        return prior if canonical(attribute, config) == canonical(attribute, prior) else config
    if attribute.nesting is Nesting.SINGLE:
        return _plan_element(attribute.element, config, prior)
    if attribute.nesting is Nesting.MAP:
        entries = prior or {}
        return {key: _plan_element(attribute.element, entry, entries.get(key)) for key, entry in config.items()}
    elements = prior or []
    return [
        _plan_element(attribute.element, element, elements[i] if i < len(elements) else None)
        for i, element in enumerate(config)
    ]


def _wished(attribute: Attribute, config: Value) -> Value:
    """Return what is configured, or else the default."""
    return attribute.default if config is None else config


def _plan_element(shape: Object, config: Value, prior: Value) -> Value:
    """Return the plan of a nested object. Its computed children hold as long as nothing configured in it changes."""
    if config is UNKNOWN or config is None:
        return config
    return plan_object(shape, config, prior, stable=prior is not None and _is_unchanged(shape, config, prior))


def _is_unchanged(shape: Object, config: dict[str, Value], prior: dict[str, Value]) -> bool:
    wished = ((a, _wished(a, config[a.name])) for a in shape.attributes if a.configurable and not a.write_only)
    return all(_is_same(a, wish, prior[a.name]) for a, wish in wished if not (a.computed and wish is None))


def _is_same(attribute: Attribute, config: Value, prior: Value) -> bool:
    if isinstance(attribute.element, Object) and isinstance(config, dict) and isinstance(prior, dict):
        if attribute.nesting is Nesting.SINGLE:
            return _is_unchanged(attribute.element, config, prior)
        return config.keys() == prior.keys() and all(
            _is_same_element(attribute.element, entry, prior[key]) for key, entry in config.items()
        )
    if attribute.nesting is Nesting.LIST and isinstance(config, list) and isinstance(prior, list):
        return len(config) == len(prior) and all(
            _is_same_element(attribute.element, new, old) for new, old in zip(config, prior, strict=True)
        )
    return canonical(attribute, config) == canonical(attribute, prior)


def _is_same_element(element: Scalar | Object, config: Value, prior: Value) -> bool:
    if isinstance(element, Object) and isinstance(config, dict) and isinstance(prior, dict):
        return _is_unchanged(element, config, prior)
    return canonical_element(element, config) == canonical_element(element, prior)


def replaced_paths(
    shape: Object, prior: dict[str, Value], planned: dict[str, Value], path: Path = ROOT
) -> Iterator[Path]:
    """Yield where an immutable attribute changes, unknown counting as a change, as deep as it can be named."""
    for attribute in shape.attributes:
        before, after = prior[attribute.name], planned[attribute.name]
        here = path.child(attribute.name)
        if before == after or not attribute.configurable:
            continue
        if attribute.immutable:
            yield here
        elif isinstance(attribute.element, Object):
            for step, old, new in _pairs(attribute.nesting, before, after):
                place = here if step is None else here.element(attribute.nesting, step)
                yield from replaced_paths(attribute.element, old, new, place)


def _pairs(nesting: Nesting, before: Value, after: Value) -> Iterator[tuple[str | int | None, Value, Value]]:
    """Yield the elements that are objects on both sides, and how each is told."""
    if nesting is Nesting.SINGLE:
        candidates: list[tuple[str | int | None, Value, Value]] = [(None, before, after)]
    elif nesting is Nesting.MAP and isinstance(before, dict) and isinstance(after, dict):
        candidates = [(key, before[key], after[key]) for key in before.keys() & after.keys()]
    elif nesting is Nesting.LIST and isinstance(before, list) and isinstance(after, list):
        candidates = [(i, old, new) for i, (old, new) in enumerate(zip(before, after, strict=False))]
    else:
        candidates = []
    yield from (c for c in candidates if isinstance(c[1], dict) and isinstance(c[2], dict))


def changed_fields(shape: Object, prior: dict[str, Value], planned: dict[str, Value]) -> list[str]:
    """Return the top-level fields that an update must name: those that a user can set and the plan changes, and what is
    sent again because its version changes.
    """
    changed = (a for a in shape.attributes if a.configurable and prior[a.name] != planned[a.name])
    fields = (shape.get(a.version_of) if a.version_of else a for a in changed)
    return [a.field.name for a in fields if a and a.field]
