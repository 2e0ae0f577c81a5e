"""Resources as files that `apply` takes back."""

from typing import Any

from headgate_cli.fields import is_hidden, is_output, messages_in, set_fields
from headgate_cli.kinds import resource_of
from headgate_cli.manifests import KIND
from headgate_cli.output import values_of


def settable(resource: Any, *, secrets: bool) -> tuple[dict[str, Any], int]:
    """Return what users can set of a resource, after its kind: what a file of `apply` holds; and how many secrets were
    left out.
    """
    kept = type(resource)()
    kept.CopyFrom(resource)
    hidden = _strip(kept, secrets=secrets)
    return {KIND: resource_of(resource.DESCRIPTOR).type, **values_of(kept)}, hidden


def _strip(message: Any, *, secrets: bool) -> int:
    """Clear every field that only the server sets, at any depth, and every secret unless they are wanted; return how
    many of those there were.
    """
    hidden = 0
    for field in list(set_fields(message)):
        if is_output(field):
            message.ClearField(field.name)
        elif is_hidden(field) and not secrets:
            message.ClearField(field.name)
            hidden += 1
        else:
            hidden += sum(_strip(inner, secrets=secrets) for inner in messages_in(field, getattr(message, field.name)))
    return hidden
