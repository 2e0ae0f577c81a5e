"""Pages about the provider in the layout of Terraform's registry, written from the trees that make its schema.

Source: the layout of a provider's documentation in the Terraform Registry: docs/index.md, docs/resources/NAME.md and
docs/data-sources/NAME.md, each with front matter.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar
from headgate_terraform.comments import load_comments
from headgate_terraform.data_sources import load_data_sources
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.schema import ID
from headgate_terraform.settings import DESCRIPTION, SHAPE

Comments = Mapping[str, str]

GROUPS = ("Required", "Optional", "Read-Only")
_BEHAVIOUR = re.compile(r"^(?:(?:Required|Optional|Output only|Immutable)\. )+")
"""How comments begin, for readers of the proto files; here the groups say it."""


def main() -> int:
    """Write every page: arguments are the folder of the examples and the folder to write to."""
    examples, out = map(Path, sys.argv[1:])
    for place, text in pages(load_kinds(), examples):
        file = out / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return 0


def pages(kinds: Mapping[str, Kind], examples: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every page."""
    comments = load_comments()
    yield "index.md", _index(examples, comments)
    for name, kind in kinds.items():
        words = comments.get(kind.message.full_name, "")
        sections = (
            _example(examples / "resources" / name / "resource.tf"),
            _schema((ID, *kind.shape.attributes), comments),
            _import(examples / "resources" / name / "import.sh"),
        )
        yield f"resources/{kind.type}.md", _page(f"{name} (Resource)", words, sections)
    for name, source in load_data_sources(kinds).items():
        words = f"{source.description} {comments.get(source.kind.message.full_name, '')}"
        example = _example(examples / "data-sources" / name / "data-source.tf")
        page = _page(f"{name} (Data Source)", words, (example, _schema(source.shape.attributes, comments)))
        yield f"data-sources/{name.removeprefix('headgate_')}.md", page


def _index(examples: Path, comments: Comments) -> str:
    install = (
        "No registry is needed: `headgate terraform install` puts the provider where `terraform init` finds it. "
        "Resources land in the provider's project unless they name a parent in another."
    )
    sections = (install, _example(examples / "provider/provider.tf"), _schema(SHAPE.attributes, comments))
    return _page("headgate Provider", DESCRIPTION, sections)


def _page(title: str, description: str, sections: Iterable[str]) -> str:
    name = title.replace(" (", " ").replace(")", "")
    front = f'---\npage_title: "{name}"\nsubcategory: ""\ndescription: |-\n  {description}\n---'
    parts = (front, f"# {title}", description, *sections)
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _example(file: Path) -> str:
    return f"## Example Usage\n\n```terraform\n{file.read_text().strip()}\n```" if file.exists() else ""


def _import(file: Path) -> str:
    if not file.exists():
        return ""
    return f"## Import\n\nBy its id:\n\n```shell\n{file.read_text().strip()}\n```"


def _schema(attributes: Iterable[Attribute], comments: Comments) -> str:
    attributes = tuple(attributes)
    groups = (f"### {group}\n\n{lines}" for group, lines in _groups(attributes, comments, ()))
    return "\n\n".join(("## Schema", *groups, *_nested(attributes, comments, ())))


def _groups(attributes: tuple[Attribute, ...], comments: Comments, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each group that has members, and their lines."""
    for group in GROUPS:
        members = sorted((a for a in attributes if _group(a) == group), key=lambda attribute: attribute.name)
        if members:
            yield group, "\n".join(_line(attribute, comments, path) for attribute in members)


def _group(attribute: Attribute) -> str:
    return "Required" if attribute.required else "Optional" if attribute.optional else "Read-Only"


def _nested(attributes: tuple[Attribute, ...], comments: Comments, path: tuple[str, ...]) -> Iterator[str]:
    """Yield a section for every object in an attribute, at any depth."""
    for attribute in sorted(attributes, key=lambda attribute: attribute.name):
        if isinstance(attribute.element, Object):
            here = (*path, attribute.name)
            yield f'<a id="{_anchor(here)}"></a>\n### Nested Schema for `{".".join(here)}`'
            for group, lines in _groups(attribute.element.attributes, comments, here):
                yield f"{group}:\n\n{lines}"
            yield from _nested(attribute.element.attributes, comments, here)


def _line(attribute: Attribute, comments: Comments, path: tuple[str, ...]) -> str:
    below = ""
    if isinstance(attribute.element, Object):
        below = f" (see [below for nested schema](#{_anchor((*path, attribute.name))}))"
    words = " ".join(_words(attribute, comments))
    return f"- `{attribute.name}` ({_type(attribute)}) {words}{below}".rstrip()


def _anchor(path: tuple[str, ...]) -> str:
    return "nestedatt--" + "--".join(path)


def _type(attribute: Attribute) -> str:
    nesting, element = attribute.nesting.value.capitalize(), attribute.element
    if isinstance(element, Object):
        words = "Attributes" if attribute.nesting is Nesting.SINGLE else f"Attributes {nesting}"
    else:
        scalar = {"string": "String", "number": "Number", "bool": "Boolean"}[element.type]
        words = scalar if attribute.nesting is Nesting.SINGLE else f"{nesting} of {scalar}"
    flags = (", Sensitive" if attribute.sensitive else "") + (", Write-only" if attribute.write_only else "")
    return words + flags


def _words(attribute: Attribute, comments: Comments) -> Iterator[str]:
    comment = comments.get(attribute.field.full_name, "") if attribute.field else ""
    yield _BEHAVIOUR.sub("", attribute.description or comment)
    if values := list(_values(attribute, comments)):
        yield f"Possible values: {', '.join(values)}."
    if attribute.default is not None:
        yield f"Default: `{json.dumps(attribute.default)}`."
    if attribute.immutable:
        yield "Changing it replaces the resource."


def _values(attribute: Attribute, comments: Comments) -> Iterator[str]:
    """Yield the values of an enum, with what its comments say of them."""
    enum = attribute.field.enum_type if attribute.field else None
    if enum is None or not isinstance(attribute.element, Scalar):
        return
    scope = enum.full_name
    for value in enum.values:
        if value.number:
            meaning = comments.get(f"{scope}.{value.name}", "").rstrip(".")
            yield f"`{attribute.element.from_field(value.number)}`" + (f" ({meaning})" if meaning else "")


if __name__ == "__main__":
    sys.exit(main())
