"""VMs: names under which the ports of one workload are found together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.world import Entry

VM_NAME = re.compile(r"projects/[^/]+/vms/[^/]+")
"""What a port's `vm` looks like if it is meant to name one of ours, well spelt or not."""


@dataclass(frozen=True, slots=True)
class Vm:
    """One workload. Whatever else is known of it is observed."""

    name: str
    meta: Meta = NEW

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field: none."""
        yield from ()

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found: nowhere but by its name."""
        yield from ()

    def taken(self) -> tuple[tuple[str, int], ...]:
        """Return the numbers it holds: none."""
        return ()
