"""Who calls, and what the caller may do: read or write, in some projects or everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headgate_controller.errors import HeadgateError

SITE = ""
"""Stands where a project's id does for what belongs to none: hosts, tokens, the site itself."""


class Access(Enum):
    """What a caller wants to do; the value completes "it may not …"."""

    READ = "see"
    WRITE = "change"


class PermissionDeniedError(HeadgateError):
    """The caller is known, and may not do this."""

    code, reason = "PERMISSION_DENIED", "NOT_PERMITTED"


class ReadOnlyError(HeadgateError):
    """The caller may see this, and nothing more."""

    code, reason = "PERMISSION_DENIED", "READ_ONLY"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `projects` are ids; None stands for every project and for what belongs to none."""

    name: str
    projects: frozenset[str] | None
    writes: bool

    def sees(self, project: str) -> bool:
        """Return whether the caller may know of what a project holds, `SITE` for what belongs to none."""
        return self.projects is None or project in self.projects

    def may(self, access: Access, project: str) -> bool:
        """Return whether the caller may do this in a project."""
        return self.sees(project) and (self.writes or access is Access.READ)

    def check(self, access: Access, project: str) -> None:
        """See that the caller may do this in a project.

        Raises:
            PermissionDeniedError: the project is not one of the caller's. ReadOnlyError: it may only read.
        """
        if self.may(access, project):
            return
        where = f"project {project}" if project else "what belongs to the whole site"
        error = ReadOnlyError if self.sees(project) else PermissionDeniedError
        options = f"--project {project}" if project else "--all-projects"
        raise error(
            f"{self.name} may not {access.value} {where}: it is for {self._scope()}. Use a token that may: "
            f"headgate token create NAME {options}{' --read-write' if access is Access.WRITE else ''}",
            principal=self.name,
            project=project,
        )

    def _scope(self) -> str:
        where = "every project" if self.projects is None else f"the projects {', '.join(sorted(self.projects))}"
        return where if self.writes else f"{where}, to read only"


ADMINISTRATOR = Principal("The administrator of the controller's machine", None, writes=True)
"""Who can open the controller's unix socket, or any local caller where tokens are not required."""
