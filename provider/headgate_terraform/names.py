"""Resource names: the patterns they follow, their parents and last segments."""

import re
from dataclasses import dataclass

ID = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
"""What a client may choose as the last segment of a name."""

_VARIABLE = re.compile(r"\{(\w+)\}")
_ID = re.compile(ID)


def check_id(text: str) -> str | None:
    """Return what is wrong with `text` as the last segment of a resource name, or None."""
    if _ID.fullmatch(text):
        return None
    rule = "lower-case letters, digits and hyphens, at most 63 characters, a letter first and no hyphen last"
    return f'"{text}" is not a name: {rule}.'


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A form of resource name, `projects/{project}/vpcs/{vpc}`; `id_pattern` is what its last id may be, if special."""

    text: str
    id_pattern: str = ""

    def matches(self, name: str) -> bool:
        """Whether `name` has this form."""
        expected, actual = self.text.split("/"), name.split("/")
        return (
            len(expected) == len(actual)
            and self.check_id(actual[-1]) is None
            and all(
                _ID.fullmatch(a) if _VARIABLE.fullmatch(e) else a == e
                for e, a in zip(expected[:-1], actual[:-1], strict=True)
            )
        )

    def check_id(self, text: str) -> str | None:
        """Return what is wrong with `text` as the last segment, or None."""
        if not self.id_pattern:
            return check_id(text)
        return None if re.fullmatch(self.id_pattern, text) else f'"{text}" does not match {self.id_pattern}'

    @property
    def parent(self) -> str:
        """The pattern of the parent; empty if there is none."""
        return "/".join(self.text.split("/")[:-2])

    def collection(self, project: str) -> str:
        """Return the parent by which all resources of this form in a project are listed: "-" stands for any id."""
        return _VARIABLE.sub(lambda variable: project if variable[1] == "project" else "-", self.parent)

    @property
    def parent_variable(self) -> str:
        """What the parent's last segment is called ("vpc"); empty if there is no parent."""
        match = _VARIABLE.fullmatch(self.parent.rsplit("/", 1)[-1])
        return match[1] if match else ""


def split(name: str) -> tuple[str, str]:
    """Return the parent's name (empty if none) and the last segment."""
    segments = name.split("/")
    return "/".join(segments[:-2]), segments[-1]


def project_of(name: str) -> str:
    """Return the project that a resource name is in; empty if in none."""
    collection, _, rest = name.partition("/")
    return rest.split("/")[0] if collection == "projects" else ""


def check_form(patterns: tuple[NamePattern, ...], article: str, text: str) -> str | None:
    """Return what is wrong with `text` as a name of one of these forms, or None."""
    if any(p.matches(text) for p in patterns):
        return None
    forms = " or ".join(p.text for p in patterns)
    return f'"{text}" is not the id of {article}: {forms}.'
