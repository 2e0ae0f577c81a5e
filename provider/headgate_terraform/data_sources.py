"""Data sources: one resource by its id or name, and all that a filter selects; made from the kinds as resources are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headgate_terraform.attributes import Attribute, Choice, Nesting, Object, Scalar
from headgate_terraform.kinds import Kind
from headgate_terraform.names import check_form, check_id
from headgate_terraform.views import observed


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """What can be asked and is answered about the resources of a kind.

    `collection` names the attribute that holds the resources found; empty where there is exactly one, whose attributes
    then are the data source's own.
    """

    kind: Kind
    collection: str = ""
    shape: Object = field(repr=False)
    description: str

    @property
    def terraform_type(self) -> str:
        """What the type is called in a configuration: "headgate_vpc", "headgate_vpcs"."""
        return f"headgate_{self.collection}" if self.collection else self.kind.terraform_type


def load_data_sources(kinds: Mapping[str, Kind]) -> dict[str, DataSource]:
    """Return both data sources of every kind by their Terraform types."""
    sources = [source for kind in kinds.values() for source in (_of_one(kind), _of_many(kind))]
    return {source.terraform_type: source for source in sources}


def _of_one(kind: Kind) -> DataSource:
    parent = kind.shape.get(kind.parent) if kind.parent else None
    return DataSource(
        kind=kind,
        shape=Object(attributes=(*_asked_of_one(kind, parent), *_fields(kind)), choices=tuple(_choices(kind))),
        description=f"One {kind.message.name}, by its id or by its name.",
    )


def _asked_of_one(kind: Kind, parent: Attribute | None) -> Iterator[Attribute]:
    def check(text: str) -> str | None:
        return check_form(kind.patterns, f"a {kind.terraform_type}", text)

    yield _asked("id", "Its id; instead of `name`.", check, computed=True)
    yield _asked(
        "name", "Its name, the last segment of its id; instead of `id`.", kind.patterns[0].check_id, computed=True
    )
    if parent is not None:
        words = f"The headgate_{parent.name} it is in, by its id; beside `name`."
        yield _asked(parent.name, words, *_checks(parent), computed=True)
    if kind.in_project:
        yield _asked("project", "The project it is in, beside `name`; by default the provider's.", check_id)


def _choices(kind: Kind) -> Iterator[Choice]:
    """Yield what excludes each other: each way of saying which one is meant, and each way of saying where it is."""
    yield Choice(names=("id", "name"), required=True)
    places = [name for name in (kind.parent, "project" if kind.in_project else "") if name]
    yield from (Choice(names=("id", place), required=False) for place in places)
    if len(places) > 1:
        yield Choice(names=tuple(places), required=False)


def _of_many(kind: Kind) -> DataSource:
    collection = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.plural).lower()
    own = [_answered("id", "Its id."), _answered("name", "Its name, the last segment of its id.")]
    parent = kind.shape.get(kind.parent) if kind.parent else None
    if parent is not None:
        own.append(_answered(parent.name, f"The headgate_{parent.name} it is in, by its id; null if in none."))
    found = Attribute(
        name=collection,
        element=Object(attributes=(*own, *_fields(kind))),
        nesting=Nesting.LIST,
        computed=True,
        description="All that were found, in the order of their ids.",
    )
    return DataSource(
        kind=kind,
        collection=collection,
        shape=Object(
            attributes=(*_asked_of_many(kind, parent), found),
            choices=(Choice(names=(parent.name, "project"), required=False),) if parent and kind.in_project else (),
        ),
        description=f"Every {kind.message.name}, or those that a filter selects; however many there are.",
    )


def _asked_of_many(kind: Kind, parent: Attribute | None) -> Iterator[Attribute]:
    if parent is not None:
        words = f"Only those in this headgate_{parent.name}, by its id; by default those in the whole project."
        yield _asked(parent.name, words, *_checks(parent))
    if kind.in_project:
        yield _asked("project", "The project to look in; by default the provider's.", check_id)
    words = 'Only those of which this holds: equalities joined by AND, for example `labels.tier = "front"`.'
    yield _asked("filter", words)


def _fields(kind: Kind) -> Iterator[Attribute]:
    return (a for a in observed(kind.whole).attributes if a.field)


def _checks(attribute: Attribute) -> tuple[object, ...]:
    assert isinstance(attribute.element, Scalar), "a parent is told by its id"
    return attribute.element.checks


def _asked(name: str, description: str, *checks: object, computed: bool = False) -> Attribute:
    scalar = Scalar(type="string", checks=checks)  # type: ignore[arg-type]
    return Attribute(name=name, element=scalar, optional=True, computed=computed, description=description)


def _answered(name: str, description: str) -> Attribute:
    return Attribute(name=name, element=Scalar(type="string"), computed=True, description=description)
