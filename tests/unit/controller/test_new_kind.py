"""A new kind is a proto file and a module: `tests/new_kind` adds one, and every generic part works with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from grpc_tools import protoc
from kind_site import SUBNET, VPC, Site, faults, later

from headgate_common.rows import RowKey
from headgate_controller.errors import InUseError, UnknownKindError
from headgate_controller.kinds import registry
from headgate_controller.schema import Schema

TESTS = Path(__file__).parents[2]
FOLDER = TESTS / "new_kind"
MODULE, MESSAGE, GADGET = "headgate_test.gadget", "headgate_test.v1.Gadget", f"{VPC}/gadgets/g"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Schema:
    monkeypatch.syspath_prepend(str(FOLDER))
    return Schema(registry.load([MODULE]))


@pytest.fixture
def site(known: Schema) -> Site:
    site = Site(known=known)
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24")
    return site


def test_the_schema_finds_it_by_message_type_and_name(known: Schema) -> None:
    codec = known.codecs[MESSAGE]
    assert known.by_type["gadget"] is codec
    assert known.codec_of(GADGET) is codec
    assert known.by_noun[codec.kind.noun] is codec


def test_it_goes_there_and_back(site: Site) -> None:
    fields = {
        "colour": "COLOUR_BLUE",
        "features": {"zoom": {"level": 3}, "fly": {"level": 10}},
        "labels": {"a": "b"},
        "words": ["second hand", ""],
    }
    noun = site.create(GADGET, subnet=SUBNET, **fields)
    message = site.message(GADGET)
    codec = site.schema.codecs[MESSAGE]
    assert codec.from_store(codec.message.FromString(message.SerializeToString())) == noun
    assert (noun.colour, noun.features[0][0], noun.features[0][1].level) == ("blue", "fly", 10)
    assert (message.ip, message.colour, message.features["zoom"].level) == ("10.1.0.2", 2, 3)
    assert list(message.words) == ["second hand", ""]


def test_its_annotations_are_enforced(site: Site) -> None:
    words = ["longer than three", "x" * 256, "", "one too many"]
    attempt = later(site.create, GADGET, ip="x", features={"Zoom": {}, "fly": {"level": 11}}, words=words)
    assert faults(attempt) == [
        ("subnet", "REQUIRED"),
        ("ip", "BAD_FORMAT"),
        ("colour", "REQUIRED"),
        ("features", "BAD_KEY"),
        ("features[Zoom].level", "REQUIRED"),
        ("features[fly].level", "OUT_OF_RANGE"),
        ("words", "TOO_MANY"),
        ("words[1]", "TOO_LONG"),
    ]


def test_its_references_addresses_and_rules_are_those_of_every_kind(site: Site) -> None:
    site.create(GADGET, subnet=SUBNET, colour=1)
    site.create(f"{SUBNET}/ports/a")
    assert site.message(f"{SUBNET}/ports/a").ip == "10.1.0.3"
    assert faults(later(site.create, f"{SUBNET}/ports/b", mac=site.get(GADGET).mac)) == [("mac", "MAC_IN_USE")]
    assert faults(later(site.update, GADGET, subnet=f"{VPC}/subnets/t")) == [("subnet", "IMMUTABLE")]
    with pytest.raises(InUseError, match=GADGET):
        site.delete(SUBNET)
    site.update(GADGET, colour=2)
    assert site.message(GADGET).ip == "10.1.0.2"
    site.delete(SUBNET, when_unreferenced=True)
    site.delete(f"{SUBNET}/ports/a")
    site.delete(GADGET)
    assert set(site.world.resources) == {VPC}


def test_what_vanishes_with_something_else_affects_others_too(known: Schema) -> None:
    seen: list[tuple[bool, bool]] = []

    def affects(before: object, after: object, world: object) -> list[str]:
        seen.append((before is None, after is None))
        return []

    kinds = dict(registry.load([MODULE]))
    kinds["headgate.v1.Subnet"] = replace(kinds["headgate.v1.Subnet"], affects=affects)
    site = Site(known=Schema(kinds))
    site.create(VPC)
    site.create(SUBNET, cidr="10.1.0.0/24")
    site.create(GADGET, subnet=SUBNET, colour=1)
    site.delete(SUBNET, when_unreferenced=True)
    site.delete(GADGET)
    assert seen == [(True, False), (False, False), (False, True)]


def test_its_rows_stand_beside_those_of_other_kinds(site: Site) -> None:
    gadget = site.create(GADGET, subnet=SUBNET, colour=1)
    key = RowKey("Logical_Switch_Port", gadget.meta.uid)
    rows = site.rows()
    assert list(rows[key]["addresses"]) == [f"{gadget.mac} 10.1.0.2"]
    assert key in rows[RowKey("Logical_Switch", SUBNET)]["ports"]


def test_a_module_that_is_missing_or_has_no_kind_is_refused_in_words() -> None:
    for name in ("headgate_test.nothing", "json"):
        with pytest.raises(UnknownKindError, match=f"extra_kinds: {name} cannot be used: .* that has a KIND"):
            registry.load([name])


def test_a_kind_that_is_there_already_is_refused(known: Schema) -> None:
    with pytest.raises(UnknownKindError, match=f"{MESSAGE}, which is defined already"):
        registry.load([MODULE, MODULE])


def test_the_generated_files_are_fresh(tmp_path: Path) -> None:
    includes = [f"-I{TESTS.parent / 'proto'}", f"-I{FOLDER}", f"-I{Path(protoc.__file__).parent / '_proto'}"]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    kinds = ("gadget", "kitchen_sink")
    assert protoc.main(["protoc", *includes, *outputs, *(f"headgate_test/v1/{kind}.proto" for kind in kinds)]) == 0
    for name in (f"{kind}_pb2.{end}" for kind in kinds for end in ("py", "pyi")):
        fresh, committed = (root / "headgate_test" / "v1" / name for root in (tmp_path, FOLDER))
        assert fresh.read_bytes() == committed.read_bytes(), f"{name} is stale; see tests/new_kind/README.md"


def test_nothing_of_the_controller_knows_its_name() -> None:
    package = Path(sys.modules["headgate_controller"].__file__ or "").parent
    assert [file for file in package.rglob("*.py") if "gadget" in file.read_text().lower()] == []
