"""What every resource has, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Meta:
    """The common fields of a resource. Times are in nanoseconds since the epoch."""

    uid: str = ""
    generation: int = 0
    revision: int = 0
    create_time: int = 0
    update_time: int = 0
    deleting: bool = False
    display_name: str | None = None
    description: str | None = None
    labels: Labels = ()
    deletion_protection: bool | None = None


NEW = Meta()
