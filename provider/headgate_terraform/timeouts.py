"""The argument `timeouts` of every resource: how long its changes may take, in place of the provider's deadline."""

from typing import Final

from headgate_terraform import formats, moments
from headgate_terraform.attributes import Attribute, Object, Scalar
from headgate_terraform.values import Value

NAME: Final = "timeouts"


def parse_timeout(text: str) -> float:
    """Return the seconds that a duration stands for.

    Raises:
        ValueError: it is no duration, or zero.
    """
    seconds = moments.parse_duration(text) / moments.SECOND
    if not seconds:
        raise ValueError(f'"{text}" is no time at all')
    return seconds


def _timeout(verb: str) -> Attribute:
    return Attribute(
        name=verb,
        element=Scalar(
            type="string",
            checks=(formats.checked(parse_timeout),),
            canonical=formats.spelling(moments.parse_duration),
        ),
        optional=True,
        description=f'Optional. How long to {verb} it may take, the wait included: "10m".',
    )


TIMEOUTS: Final = Attribute(
    name=NAME,
    element=Object(attributes=tuple(map(_timeout, ("create", "update", "delete")))),
    optional=True,
    description="Optional. How long changes may take, instead of the provider's `deadline`.",
)


def timeout_seconds(state: dict[str, Value], verb: str) -> float | None:
    """Return how long one change of a resource may take; None where it says nothing."""
    timeouts = state.get(NAME)
    text = timeouts[verb] if isinstance(timeouts, dict) else None
    return parse_timeout(text) if isinstance(text, str) else None
