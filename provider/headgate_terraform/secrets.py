"""Write-only arguments: a value that is sent and never kept, and beside it a version that says when to send it again.

Terraform gives the values with the configuration only; plans and states hold null in their place.
"""

from collections.abc import Iterator, Mapping

from headgate_terraform.attributes import Attribute, Nesting, Object
from headgate_terraform.paths import ROOT, Path, Problem
from headgate_terraform.scalars import INT64, integers
from headgate_terraform.values import Value

SUFFIX, VERSION_SUFFIX = "_wo", "_wo_version"


def version_of(secret: Attribute) -> Attribute:
    """Return the attribute whose change has a write-only one sent again."""
    assert secret.field is not None
    return Attribute(
        name=f"{secret.field.name}{VERSION_SUFFIX}",
        element=integers(*INT64),
        optional=True,
        version_of=secret.name,
        description=f"Optional. Any whole number; whenever it changes, `{secret.name}` is sent again.",
    )


def refuse_secrets(shape: Object, config: Mapping[str, Value], path: Path = ROOT) -> Iterator[Problem]:
    """Yield where a Terraform that would keep write-only values was given some; those inside of collections too."""
    for attribute in shape.attributes:
        value, here = config[attribute.name], path.child(attribute.name)
        if attribute.write_only and value is not None:
            words = f"{attribute.name} is never kept, which takes Terraform 1.11 or newer; leave it out, or upgrade."
            yield Problem("Write-only argument", words, here)
        elif isinstance(attribute.element, Object) and isinstance(value, dict):
            entries = [(None, value)] if attribute.nesting is Nesting.SINGLE else value.items()
            for key, entry in entries:
                place = here if key is None else here.element(attribute.nesting, key)
                if isinstance(entry, dict):
                    yield from refuse_secrets(attribute.element, entry, place)


def with_secrets(
    shape: Object, planned: Mapping[str, Value], config: Mapping[str, Value], prior: Mapping[str, Value] | None
) -> dict[str, Value]:
    """Return `planned` with the write-only values that are to be sent.

    Of what is new, all of them; else those whose version changes. One that is no longer configured then is sent empty,
    by which the API removes it.
    """
    sent = dict(planned)
    for attribute in shape.attributes:
        name = attribute.name
        if attribute.version_of:
            secret, known = attribute.version_of, prior is not None
            if prior is None or prior[name] != planned[name]:
                sent[secret] = "" if known and config[secret] is None else config[secret]
        elif isinstance(attribute.element, Object):
            old = None if prior is None else prior[name]
            sent[name] = _inside(attribute, planned[name], config[name], old)
    return sent


def _inside(attribute: Attribute, planned: Value, config: Value, prior: Value) -> Value:
    shape = attribute.element
    if not isinstance(shape, Object) or not isinstance(planned, dict) or not isinstance(config, dict):
        return planned
    if attribute.nesting is Nesting.SINGLE:
        return with_secrets(shape, planned, config, prior)
    entries = prior or {}
    return {key: with_secrets(shape, entry, config[key], entries.get(key)) for key, entry in planned.items()}
