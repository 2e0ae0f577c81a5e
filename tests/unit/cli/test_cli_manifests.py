"""How files become messages, on a kind that has every sort of field there is (tests/new_kind)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from headgate_cli.changes import differences, unseen
from headgate_cli.documents import Fault, read_text
from headgate_cli.exporting import settable
from headgate_cli.kinds import Kind, load_kinds
from headgate_cli.manifests import Manifest, Surroundings, read_manifests
from headgate_cli.ordering import in_order
from headgate_cli.output import as_json, as_yaml

NAME = "projects/p/kitchenSinks/one"
EVERYTHING: dict[str, Any] = {
    "name": NAME,
    "display_name": "yes",
    "labels": {"on": "off", "no": "1.10"},
    "title": "12:30:45",
    "code": "a-1",
    "flag": False,
    "level": -10,
    "large": str(2**63 - 1),
    "huge": str(2**64 - 1),
    "ratio": 0.1,
    "blob": "AAEC/w==",
    "hold": "1.500s",
    "until": "2030-01-31T12:00:00Z",
    "finish": "FINISH_DARK_RED",
    "mtu": 68,
    "api_token": "token",
    "password": "secret",
    "basin": {"depth": 3, "key": "a2V5"},
    "words": ["- a", "b: c", "~", "multi\nline ö €"],
    "ports": [0, 65535],
    "steps": [{"what": "wash"}, {"what": "dry"}],
    "drains": [{"width": 0, "outlet": "2001:db8::1"}],
    "taps": [{"name": "hot", "secret": "opensesame"}],
    "notes": {"a": "null", "b": "# no comment"},
    "weights": {"a": "-1"},
    "shelves": {"a": {"depth": 1}},
    "by_number": 0,
    "wall": {},
    "mac": "52:54:00:12:34:56",
    "partner": "projects/p/kitchenSinks/two",
    "intervals": ["1s", "60s"],
    "dates": {"a": "2030-01-31T12:00:00Z"},
}


@pytest.fixture(scope="module")
def kinds() -> Iterator[dict[str, Kind]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "new_kind")
        yield dict(load_kinds(["headgate_test.v1.kitchen_sink_pb2"]))


@pytest.fixture
def sink(kinds: dict[str, Kind]) -> Any:
    from headgate_test.v1 import kitchen_sink_pb2

    return ParseDict(EVERYTHING, kitchen_sink_pb2.KitchenSink())


def read(kinds: dict[str, Kind], text: str, project: str = "p") -> tuple[list[Manifest], list[str]]:
    faults: list[Fault] = []
    manifests = read_manifests(read_text("f", text, faults), Surroundings(kinds, project), faults)
    return manifests, [str(fault) for fault in faults]


@pytest.mark.parametrize("write", [lambda value: as_yaml([value]), as_json, lambda value: as_json([value])])
def test_whatever_is_written_is_read_back_as_it_was(kinds: dict[str, Kind], sink: Any, write: Any) -> None:
    manifests, faults = read(kinds, write(settable(sink, secrets=True)[0]))
    assert faults == []
    assert manifests[0].message == sink


def test_json_by_the_apis_own_names_is_read_too(kinds: dict[str, Kind]) -> None:
    manifests, faults = read(kinds, f'{{"name": "{NAME}",\n\t"displayName": "A", "finish": "dark_red"}}')
    assert faults == []
    assert (manifests[0].message.display_name, manifests[0].message.finish) == ("A", 2)


def test_every_value_that_a_field_cannot_have_is_told_with_its_line_and_path(kinds: dict[str, Kind]) -> None:
    wrong = {
        "flag": "maybe",
        "level": "1.5",
        "large": 2**63,
        "huge": -1,
        "ratio": "half",
        "blob": "not base64",
        "hold": "1 hour",
        "until": "tomorrow",
        "finish": "green",
        "basin": [1],
        "words": "one",
        "steps": ["wash"],
        "drains": [{"width": {}}],
        "notes": ["a"],
        "weights": {"a": "heavy"},
        "shelves": {"a": 1},
        "intervals": ["soon"],
        "dates": {"a": "then"},
    }
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in {"name": NAME, **wrong}.items())
    manifests, faults = read(kinds, text)
    assert manifests == []
    assert [fault.split(": ")[:2] for fault in faults] == [
        [f"f:{line}", path]
        for line, path in enumerate(
            [
                *("flag", "level", "large", "huge", "ratio", "blob", "hold", "until", "finish", "basin", "words"),
                *("steps[0]", "drains[0].width", "notes", "weights[a]", "shelves[a]", "intervals[0]", "dates[a]"),
            ],
            2,
        )
    ]


def test_two_of_one_choice_are_refused(kinds: dict[str, Kind]) -> None:
    _, faults = read(kinds, f"name: {NAME}\nwall: {{}}\nlegs: {{count: 3}}\n")
    assert faults == ["f:3: Only one of wall and legs can be set; leave one out."]


def test_short_names_mean_the_project_and_full_ones_what_they_say(kinds: dict[str, Kind]) -> None:
    manifests, _ = read(kinds, "kind: kitchenSinks\nname: one\npartner: two\n", project="q")
    assert (manifests[0].name, manifests[0].message.partner) == (
        "projects/q/kitchenSinks/one",
        "projects/q/kitchenSinks/two",
    )
    manifests, _ = read(kinds, f"name: {NAME}\npartner: projects/r/kitchenSinks/two\n", project="q")
    assert (manifests[0].name, manifests[0].message.partner) == (NAME, "projects/r/kitchenSinks/two")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: a\n", "It has no name"),
        ("name: one\n", "'one' does not say its kind; add kind:"),
        ("kind: all\nname: one\n", "is not one kind"),
        ("kind: kitchen_sink\nname: a/b\n", "'a/b' is no name of a kitchen_sink"),
        (f"name: {NAME}\n---\nname: {NAME}\n", f"{NAME} is at f:1 (document 1) already"),
        ("? [a]\n: b\nname: x\nkind: vpc\n", "A key must be a plain word"),
        ("name: {a: b}\nkind: vpc\n", "name: It must be a single value."),
        ("kind: [a]\nname: b\n", "kind: It must be a single value."),
        ("&a [*a]", "It is no object"),
        ("a: \x00", "It cannot be read"),
        ("- - a\n", "It is no object"),
        ('{"name": "\\ud83d", "kind": "vpc"}', ""),
    ],
)
def test_what_is_no_resource_is_told_in_one_line(kinds: dict[str, Kind], text: str, words: str) -> None:
    _, faults = read(kinds, text)
    assert len(faults) == 1, faults
    assert words in faults[0]
    assert "\n" not in faults[0]


def test_secrets_are_neither_exported_nor_shown_but_told_to_differ(kinds: dict[str, Kind], sink: Any) -> None:
    values, hidden = settable(sink, secrets=False)
    assert hidden == 4
    for secret in (": token", ": secret", "a2V5", "opensesame"):
        assert secret not in as_yaml([{k: v for k, v in values.items() if k != "title"}])
    other = type(sink)()
    other.CopyFrom(sink)
    other.api_token = "another"
    assert [str(change) for change in differences(sink, other)] == ["~ api_token: (sensitive) → (sensitive)"]
    assert [change.path for change in unseen(sink)] == ["password", "basin.key", "taps.secret"]
    assert not any("opensesame" in str(change) for change in differences(None, sink))


def test_what_others_need_comes_first_and_a_circle_ends(kinds: dict[str, Kind]) -> None:
    text = "---\n".join(
        f"kind: kitchen_sink\nname: {name}\npartner: {partner}\n"
        for name, partner in (("a", "b"), ("b", "c"), ("c", "d"), ("x", "y"), ("y", "x"))
    )
    manifests, _ = read(kinds, text)
    ordered = [message.name.rpartition("/")[2] for message in in_order([m.message for m in manifests])]
    assert ordered == ["c", "b", "a", "y", "x"]
