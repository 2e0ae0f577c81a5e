"""Resources for programs: JSON, YAML, with the names of the API."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer


class Output(StrEnum):
    """How resources are written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class Format(StrEnum):
    """How files are written."""

    YAML = "yaml"
    JSON = "json"


class Lines(StrEnum):
    """How events are written, each on a line."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table and wide are for people; json and yaml for programs.")
]


def values_of(message: Any) -> dict[str, Any]:
    """Return a message as JSON has it, but for the names, which are those of the proto file."""
    from google.protobuf.json_format import MessageToDict

    values: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return values


def as_json(value: Any) -> str:
    """Return the text of a value as JSON."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)


def as_yaml(documents: Sequence[Any]) -> str:
    """Return the text of values as YAML, a document for each; what YAML would read as a number or a bool is quoted."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump_all(documents, Dumper=dumper, sort_keys=False, allow_unicode=True, width=UNBROKEN)


UNBROKEN = 10_000
"""Characters of a line of YAML before it is broken: a text that somebody wrote stays on one line."""


def write(values: Sequence[Any], output: Output, *, single: bool) -> None:
    """Print values as JSON (a list of them, unless it is a single one by nature), or as YAML documents."""
    if output is Output.JSON:
        typer.echo(as_json(values[0] if single else list(values)))
    else:
        typer.echo(as_yaml(values), nl=False)
