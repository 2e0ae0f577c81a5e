"""What a caller is not told: the names of others' resources, in whatever words a refusal has for them."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from headgate_controller.errors import HeadgateError, InvalidError
from headgate_controller.names import project_of
from headgate_controller.principal import Principal

NAME = re.compile(r"projects/[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)*")
HIDDEN = "a resource of another project"
SEVERAL = re.compile(rf"{HIDDEN}(?:, {HIDDEN})+")


class Veil:
    """Hides what lies in projects that a caller does not see, but for names that the caller gave."""

    def __init__(self, principal: Principal, given: Container[str] = ()) -> None:
        self._principal = principal
        self._given = given

    def over(self, text: str) -> str:
        """Return a text in which every name that the caller must not learn stands as what it is."""
        hidden = NAME.sub(lambda found: HIDDEN if self._hides(found[0]) else found[0], text)
        return SEVERAL.sub("resources of other projects", hidden)

    def over_error(self, error: HeadgateError) -> HeadgateError:
        """Return an error, changed, with the veil over all of its texts."""
        error.args = (self.over(str(error)),)
        error.metadata = {key: self._listed(value) for key, value in error.metadata.items()}
        if isinstance(error, InvalidError):
            error.violations = tuple(replace(v, description=self.over(v.description)) for v in error.violations)
        return error

    def _hides(self, name: str) -> bool:
        return name not in self._given and not self._principal.sees(project_of(name))

    def _listed(self, value: str) -> str:
        """Return a list of names without those that are hidden."""
        return ",".join(part for part in value.split(",") if not self._hides(part) or not NAME.fullmatch(part))
