"""`headgate get`: one table for each kind, its columns taken from what the resources hold."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from rich.table import Table
from rich.text import Text

from headgate.v1 import types_pb2
from headgate_cli.fields import FIRST_OWN_FIELD, brief, is_set
from headgate_cli.kinds import Kind, rules_of
from headgate_cli.names import shorten
from headgate_cli.screen import screen

YES = "yes"
MOST_COLUMNS = 5
"""Columns of a kind's own: the first of its fields that any resource of the table has; a wide table has all."""

WIDE = ("display_name", "labels", "uid", "generation", "create_time")
"""Fields that all kinds have and only a wide table shows, after the kind's own."""


def columns(kind: Kind, resources: Sequence[Any], *, wide: bool = False) -> list[FieldDescriptor]:
    """Return the fields that a table of these resources shows."""
    short = (f for f in kind.message.fields if f.number >= FIRST_OWN_FIELD and _is_short(f))
    own = sorted(short, key=lambda f: f.number)
    more = [f for name in WIDE if (f := kind.message.fields_by_name.get(name))] if wide else []
    told = [field for field in [*own, *more] if any(is_set(resource, field) for resource in resources)]
    return told if wide else told[:MOST_COLUMNS]


def _is_short(field: FieldDescriptor) -> bool:
    """Whether a table has room for it; what hosts report in structures is for `describe`."""
    rules = rules_of(field)
    return field.message_type is None or not rules.live or bool(rules.references)


def rows(kind: Kind, resources: Sequence[Any], project: str, *, wide: bool = False) -> Iterator[list[str]]:
    """Yield the heading, and a line for each resource."""
    shown = columns(kind, resources, wide=wide)
    yield ["NAME", *(field.name.replace("_", " ").upper() for field in shown), "STATE", "REALISED"]
    for resource in resources:
        cells = (brief(f, getattr(resource, f.name), project) if is_set(resource, f) else "" for f in shown)
        yield [shorten(resource.name, project), *cells, _state(resource), realised(resource)]


def realised(resource: Any) -> str:
    """Return whether the data plane agrees, whom it waits for if not, and what else may keep it from working."""
    words = YES
    if resource.reconciling:
        waiting = [lag.host for lag in resource.status.waiting_for if lag.host]
        words = f"no: {', '.join(shorten(host, '') for host in waiting)}" if waiting else "no"
    conditions = (c.reason for c in resource.status.conditions if c.severity != types_pb2.SEVERITY_INFO)
    return "; ".join([words, *conditions])


def show(kind: Kind, resources: Sequence[Any], project: str, *, wide: bool = False) -> None:
    """Print a table of resources of one kind; what is not realised, or has a condition, stands out."""
    heading, *lines = rows(kind, resources, project, wide=wide)
    print_rows(heading, ((*cells, Text(last, "" if last == YES else "yellow")) for *cells, last in lines))


def print_rows(heading: Sequence[str], lines: Iterable[Sequence[str | Text]]) -> None:
    """Print a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for word in heading:
        table.add_column(word, overflow="fold")  # on a narrow screen nothing is lost
    for line in lines:
        table.add_row(*line)
    screen().print(table)


def _state(resource: Any) -> str:
    return types_pb2.State.Name(resource.state).removeprefix("STATE_").lower()
