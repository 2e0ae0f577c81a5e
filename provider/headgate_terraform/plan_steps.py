"""What Terraform plans, as steps of a plan session."""

from typing import Any

from headgate.v1 import intent_pb2
from headgate_terraform.conversion import fill
from headgate_terraform.kinds import Kind
from headgate_terraform.planning import changed_fields
from headgate_terraform.values import Value, wholly_known

Step = intent_pb2.PlanSessionRequest
State = dict[str, Value]


def management(name: str) -> Step:
    """Return the step of a resource that is in the state."""
    return Step(manage=intent_pb2.PlannedName(name=name))


def removal(name: str) -> Step:
    """Return the step of a resource that will be deleted."""
    return Step(remove=intent_pb2.PlannedName(name=name))


def creation(kind: Kind, name: str, config: State, planned: State, *, replacement: bool) -> Step:
    """Return the step of a new resource, or of one that takes the place of another."""
    step = Step()
    _describe(step.create, kind, name, config, planned)
    step.create.replacement = replacement
    return step


def change(kind: Kind, config: State, prior: State, planned: State) -> Step:
    """Return the step of a resource that is updated, or stays as it is."""
    changed = changed_fields(kind.shape, prior, planned)
    if not changed:
        return Step(keep=intent_pb2.PlannedName(name=prior["id"]))
    step = Step()
    _describe(step.update, kind, prior["id"], config, planned)
    step.update.update_mask.paths.extend(changed)
    return step


def _describe(target: intent_pb2.PlannedResource, kind: Kind, name: str, config: State, planned: State) -> None:
    """Set what is planned. Values that are not known yet, or are given to nobody but the controller, are left out."""
    fields = [a.name for a in kind.shape.attributes if a.field]
    unknown = [f for f in fields if not wholly_known(config[f]) or _is_withheld(config[f], planned[f])]
    message: Any = kind.method("Get").response()
    message.name = name
    fill(message, kind.shape, planned | dict.fromkeys(unknown))
    target.resource.Pack(message)
    target.unknown.extend(unknown)


def _is_withheld(config: Value, planned: Value) -> bool:
    """Return whether part of a configured value is not in the plan: what is write-only stands in none."""
    if isinstance(config, dict) and isinstance(planned, dict):
        return any(_is_withheld(value, planned.get(key)) for key, value in config.items())
    if isinstance(config, list) and isinstance(planned, list):
        return any(_is_withheld(value, other) for value, other in zip(config, planned, strict=False))
    return config is not None and planned is None
