"""Places in a configuration, and what is wrong there."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from headgate_terraform.attributes import Nesting, Object


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a map, to tell it from an attribute's name."""

    text: str


Step: TypeAlias = str | int | Key
"""Into an attribute (its name), an element of a list (its index) or an entry of a map (its key)."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where in a resource's configuration something is; empty for the resource as a whole.

    Below a set a path goes no deeper: elements of sets have no names, and Terraform shows the resource's first line for
    a path that it cannot follow.
    """

    steps: tuple[Step, ...] = ()
    sealed: bool = False

    def __str__(self) -> str:
        text = "".join(
            f'["{s.text}"]' if isinstance(s, Key) else f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.steps
        )
        return text.removeprefix(".")

    @property
    def visible(self) -> "Path":
        """The part of the path that Terraform can point at in the source: an attribute and one element of it.

        For a deeper path it would show the resource's first line, which says less.
        """
        return Path(self.steps[:2] if len(self.steps) > 1 and not isinstance(self.steps[1], str) else self.steps[:1])

    def child(self, step: Step) -> "Path":
        """Return the path one step deeper."""
        return self if self.sealed else Path((*self.steps, step))

    def element(self, nesting: Nesting, step: str | int) -> "Path":
        """Return the path of one element of a collection, told by its index or key."""
        if nesting is Nesting.SET:
            return Path(self.steps, sealed=True)
        return self.child(Key(step) if isinstance(step, str) else step)


ROOT: Final = Path()
"""The resource as a whole."""


class Severity(Enum):
    """Whether a problem stops Terraform."""

    ERROR = 1
    WARNING = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One message to the user: what is wrong, why and what to do, and where."""

    summary: str
    detail: str
    path: Path = ROOT
    severity: Severity = Severity.ERROR


_SEGMENT = re.compile(r'(\w+)(?:\["?([^\]"]*)"?\])?(\.|$)')
"""One field of a path as the API writes it: `next_hops[0]`, `external_subnets[internet]`."""


def parse_field_path(text: str, shape: Object) -> Path:
    """Return the place that the API calls `text`, as far down as the configuration names it.

    What the schema does not know is reported for the resource as a whole.
    """
    path, here, position = ROOT, shape, 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        attribute = here.of_field(match[1]) if match else None
        if match is None or attribute is None:
            return ROOT
        path, position = path.child(attribute.name), match.end()
        if match[2] is not None:
            step = int(match[2]) if attribute.nesting is Nesting.LIST and match[2].isdecimal() else match[2]
            path = path.element(attribute.nesting, step)
        if not isinstance(attribute.element, Object):
            return path
        here = attribute.element
    return path
