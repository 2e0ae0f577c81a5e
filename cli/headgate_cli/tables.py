"""`headgate get`: one table for each kind, its columns taken from what the resources hold."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from rich.console import Console
from rich.table import Table

from headgate.v1 import types_pb2
from headgate_cli.fields import FIRST_OWN_FIELD, brief, is_set
from headgate_cli.kinds import Kind
from headgate_cli.names import shorten

MOST_COLUMNS = 5
"""Columns of a kind's own: the first of its fields that any resource of the table has."""

UNBOUNDED = 10_000
"""Width, in characters, of what is no terminal: lines that a program reads are never broken."""


def columns(kind: Kind, resources: Sequence[Any]) -> list[FieldDescriptor]:
    """Return the fields that a table of these resources shows."""
    own = sorted((f for f in kind.message.fields if f.number >= FIRST_OWN_FIELD), key=lambda f: f.number)
    return [field for field in own if any(is_set(resource, field) for resource in resources)][:MOST_COLUMNS]


def rows(kind: Kind, resources: Sequence[Any], project: str) -> Iterator[list[str]]:
    """Yield the heading, and a line for each resource."""
    shown = columns(kind, resources)
    yield ["NAME", *(field.name.replace("_", " ").upper() for field in shown), "STATE", "REALISED"]
    for resource in resources:
        cells = (brief(f, getattr(resource, f.name), project) if is_set(resource, f) else "" for f in shown)
        yield [shorten(resource.name, project), *cells, _state(resource), realised(resource)]


def realised(resource: Any) -> str:
    """Return whether the data plane agrees, whom it waits for if not, and what else keeps it from working."""
    words = "yes"
    if resource.reconciling:
        waiting = [lag.host for lag in resource.status.waiting_for if lag.host]
        words = f"no: {', '.join(shorten(host, '') for host in waiting)}" if waiting else "no"
    return "; ".join([words, *(condition.reason for condition in resource.status.conditions)])


def show(kind: Kind, resources: Sequence[Any], project: str) -> None:
    """Print a table of resources of one kind."""
    heading, *lines = rows(kind, resources, project)
    print_rows(heading, lines)


def print_rows(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=UNBOUNDED)
    table = Table(*heading, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _state(resource: Any) -> str:
    return types_pb2.State.Name(resource.state).removeprefix("STATE_").lower()
