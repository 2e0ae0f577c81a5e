"""Everything that annotations can say, as the server keeps it, shown on a kind with a field of each sort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kind_site import Site, faults, later, words

from headgate_controller.kinds import registry
from headgate_controller.schema import Schema

FOLDER = Path(__file__).parents[2] / "new_kind"
SINK = "projects/p/kitchenSinks/s"
LEAST: dict[str, Any] = {"title": "sink", "wall": {}}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(str(FOLDER))
    return Site(known=Schema(registry.load(["headgate_test.kitchen_sink"])))


def refused(site: Site, **fields: Any) -> list[tuple[str, str]]:
    return faults(later(site.create, SINK, **{**LEAST, **fields}))


def test_what_is_left_out_is_what_it_is_by_default_and_again_once_it_is_taken_out(site: Site) -> None:
    def shown() -> tuple[Any, ...]:
        made = site.message(SINK)
        return made.mtu, made.enabled, made.finish, made.period.seconds, made.taps[0].flow

    site.create(SINK, **LEAST, taps=[{"name": "a"}])
    assert shown() == (1500, True, 1, 90, 5)
    other = {"mtu": 9000, "enabled": False, "finish": 2, "period": "1s", "taps": [{"name": "a", "flow": 0}]}
    site.update(SINK, **other)
    assert shown() == (9000, False, 2, 1, 0)
    site.update(SINK, ["mtu", "enabled", "finish", "period", "taps"], taps=[{"name": "a"}])
    assert shown() == (1500, True, 1, 90, 5)


def test_durations_and_times_are_kept_to_the_nanosecond(site: Site) -> None:
    moments = {
        "hold": "5400.000000001s",
        "until": "2026-01-02T03:04:05.123456789Z",
        "intervals": ["0s", "1.5s"],
        "dates": {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59.999999999Z"},
    }
    noun = site.create(SINK, **LEAST, **moments)
    assert (noun.hold, noun.until, noun.intervals) == (5_400_000_000_001, 1767323045123456789, (0, 1_500_000_000))
    made, codec = site.message(SINK), site.schema.codec_of(SINK)
    assert made.hold.ToJsonString() == "5400.000000001s"
    assert made.dates["end"].ToJsonString() == "9999-12-31T23:59:59.999999999Z"
    assert codec.from_store(codec.message.FromString(made.SerializeToString())) == noun


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"hold": "-1s"}, ("hold", "OUT_OF_RANGE")),
        ({"hold": "86400.000000001s"}, ("hold", "OUT_OF_RANGE")),
        ({"intervals": ["1s", "-1s"]}, ("intervals[1]", "OUT_OF_RANGE")),
        ({"ratio": "NaN"}, ("ratio", "BAD_FORMAT")),
        ({"ratio": "-Infinity"}, ("ratio", "BAD_FORMAT")),
        ({"blob": "eHh4" * 22}, ("blob", "TOO_LONG")),
        ({"taps": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, ("taps[a]", "DUPLICATE_KEY")),
        ({"taps": [{"name": "a", "flow": 101}]}, ("taps[a].flow", "OUT_OF_RANGE")),
        ({"wall": None}, ("", "EXACTLY_ONE")),
        ({"mtu": 10}, ("mtu", "OUT_OF_RANGE")),
    ],
)
def test_what_breaks_a_rule_is_refused_at_its_field(site: Site, fields: Any, fault: tuple[str, str]) -> None:
    assert refused(site, **fields) == [fault]


def test_a_duration_whose_parts_do_not_fit_together_is_refused(site: Site) -> None:
    codec, seen = site.schema.codec_of(SINK), []
    message = codec.message(title="sink", wall={})
    message.hold.seconds, message.hold.nanos = 1, -1
    message.until.seconds = 10**15
    codec.from_client(SINK, message, seen)
    assert [(v.field, v.reason) for v in seen] == [("hold", "BAD_FORMAT"), ("until", "BAD_FORMAT")]


def test_a_oneof_may_be_left_out_where_it_is_annotated_so(site: Site) -> None:
    assert site.create(SINK, **LEAST).by_word is None
    assert site.update(SINK, by_number=0).by_number == 0
    after = site.update(SINK, by_word="x")
    assert (after.by_word, after.by_number) == ("x", None)


def test_elements_told_by_a_key_are_the_same_in_any_order(site: Site) -> None:
    taps = [{"name": "b", "flow": 2}, {"name": "a", "flow": 1}]
    site.create(SINK, **LEAST, taps=taps)
    assert [tap.name for tap in site.message(SINK).taps] == ["a", "b"]
    generation = site.get(SINK).meta.generation
    site.update(SINK, taps=list(reversed(taps)))
    assert site.get(SINK).meta.generation == generation


# --- secrets ----------------------------------------------------------------------------------------------------------

SECRET = {
    "password": "hush-1",
    "basin": {"depth": 1, "key": "aHVzaC0y"},
    "shelves": {"top": {"depth": 2, "key": "aHVzaC0z"}, "low": {"depth": 3}},
    "taps": [{"name": "hot", "secret": "hush-4"}, {"name": "cold", "secret": "hush-5"}],
}


def kept(site: Site) -> tuple[Any, ...]:
    sink = site.get(SINK)
    shelves = dict(sink.shelves)
    taps = {tap.name: tap.secret for tap in sink.taps}
    return sink.password, sink.basin and sink.basin.key, shelves["top"].key, taps["hot"], taps["cold"]


ALL = ("hush-1", b"hush-2", b"hush-3", "hush-4", "hush-5")


def test_what_is_write_only_is_kept_and_not_shown(site: Site) -> None:
    noun = site.create(SINK, **LEAST, **SECRET)
    assert kept(site) == ALL
    assert b"hush" not in site.message(SINK).SerializeToString()
    assert "hush" not in repr(noun)


@pytest.mark.parametrize(
    "mask", [["*"], ["password", "basin", "shelves", "taps"], []], ids=["everything", "by name", "what is set"]
)
def test_an_update_that_leaves_out_what_is_write_only_keeps_it(site: Site, mask: list[str]) -> None:
    site.create(SINK, **LEAST, **SECRET)
    read = {
        "basin": {"depth": 9},
        "shelves": {"low": {"depth": 3}, "top": {"depth": 9}},
        "taps": [{"name": "cold"}, {"name": "new"}, {"name": "hot", "flow": 9}],
    }
    site.update(SINK, mask, **LEAST, **read)
    assert kept(site) == ALL
    assert site.get(SINK).taps[2].secret is None


def test_an_update_replaces_what_is_write_only_and_an_empty_value_removes_it(site: Site) -> None:
    site.create(SINK, **LEAST, **SECRET)
    digest = site.message(SINK).password_digest
    site.update(SINK, password="hush-9", taps=[{"name": "hot", "secret": ""}, {"name": "cold", "secret": "hush-8"}])
    assert kept(site) == ("hush-9", b"hush-2", b"hush-3", None, "hush-8")
    assert site.message(SINK).password_digest not in ("", digest)
    site.update(SINK, password="", basin={"depth": 1, "key": ""})
    assert kept(site)[:2] == (None, None)


def test_a_secret_goes_with_the_element_that_held_it(site: Site) -> None:
    site.create(SINK, **LEAST, **SECRET)
    site.update(SINK, taps=[{"name": "hot"}])
    site.update(SINK, taps=[{"name": "hot"}, {"name": "cold"}])
    assert kept(site)[3:] == ("hush-4", None)


@pytest.mark.parametrize("field", ["apiToken", "password"])
def test_a_refusal_does_not_quote_what_is_secret(site: Site, field: str) -> None:
    attempt = later(site.create, SINK, **LEAST, **{field: "Hush Hush"})
    name = "api_token" if field == "apiToken" else field
    assert words(attempt, name) == "The value, which is not shown, does not match [a-z0-9-]+."
