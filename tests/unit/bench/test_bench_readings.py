"""What is made of samples: medians of pairs, and whether they are worth anything."""

import json

import pytest

from headgate_bench.figure import interleaved
from headgate_bench.readings import MOVED, Cost, Line, Pair, Reading, alone, amount, excess, ratio, steady
from headgate_bench.report import HEADING, document, duration, quantity, table

TWICE = Line("twice", "x", 2)


def pairs(subjects: list[float], floors: list[float]) -> list[Pair]:
    return [Pair(Cost(s, s / 10), Cost(f, f / 10)) for s, f in zip(subjects, floors, strict=True)]


def test_a_ratio_is_the_median_of_the_pairs_so_that_what_slows_both_does_not_show() -> None:
    reading = ratio(TWICE, pairs([2.0, 2.2, 9.0], [1.0, 1.1, 1.2]), "wall")
    assert reading.value == pytest.approx(2.0)
    assert (reading.subject, reading.floor) == (pytest.approx((2.2, 0.22)), pytest.approx((1.1, 0.11)))


def test_an_excess_is_in_milliseconds() -> None:
    assert excess(Line("more", "ms", 1), pairs([0.0035], [0.001]), "wall").value == pytest.approx(2.5)
    assert excess(Line("more", "ms", 1), pairs([0.0035], [0.001]), "cpu").value == pytest.approx(0.25)


def test_what_is_read_alone_is_in_seconds_and_has_its_floor_beside_it() -> None:
    reading = alone(Line("a start", "s", 3), pairs([2.0], [1.0]), "wall")
    assert (reading.value, reading.floors, reading.floor) == (2.0, (1.0,), Cost(1.0, 0.1))


@pytest.mark.parametrize(
    ("subject", "goal", "verdict"), [(2.0, 2, "ok"), (2.1, 2, "missed"), (9.0, None, "reported"), (0.0, 0, "ok")]
)
def test_a_goal_is_met_at_its_value_and_missed_above(subject: float, goal: float | None, verdict: str) -> None:
    assert ratio(Line("it", "x", goal), pairs([subject], [1.0]), "cpu").verdict == verdict


@pytest.mark.parametrize(
    ("floors", "valid"),
    [
        ([1.0, 1.0, 1.0, 1.2], True),
        ([1.0, 1.0, 1.0, 5.0], True),
        ([1.0, 1.0, 1.0, 1.5, 5.0], False),
        ([0.7, 1.0, 1.3], False),
        ([], True),
    ],
)
def test_a_floor_that_moved_makes_a_reading_worth_nothing(floors: list[float], valid: bool) -> None:
    assert steady(floors) is valid
    reading = ratio(TWICE, pairs(floors, floors), "wall") if floors else amount(TWICE, [1.0])
    assert (reading.verdict == MOVED) is not valid


def test_the_floor_is_judged_by_the_quantity_that_is_compared() -> None:
    shaken = [Pair(Cost(wall, 1.0), Cost(wall, 1.0)) for wall in (1.0, 2.0, 3.0, 4.0)]
    assert ratio(TWICE, shaken, "cpu").verdict == "ok"
    assert ratio(TWICE, shaken, "wall").verdict == MOVED


def test_samples_are_taken_in_turn_each_as_often_first_as_second_after_one_of_each_that_does_not_count() -> None:
    calls: list[str] = []

    def sample(name: str, wall: float) -> Cost:
        calls.append(name)
        return Cost(wall, 0.0)

    taken = interleaved(lambda: sample("s", 2.0), lambda: sample("f", 1.0), 2)
    assert calls == ["s", "f", "s", "f", "f", "s"]
    assert taken == [Pair(Cost(2.0, 0.0), Cost(1.0, 0.0))] * 2


def test_the_table_has_value_goal_verdict_and_both_costs_of_both() -> None:
    reading = ratio(TWICE, pairs([3.0], [1.0]), "wall")
    (line,) = table({"figure": [reading]})
    cells = [str(cell) for cell in line]
    assert cells == ["figure", "twice", "3", "≤ 2", "missed", "300 ms", "3 s", "100 ms", "1 s"]
    assert len(HEADING) == len(cells)


def test_the_document_has_every_sample_and_where_it_was_taken() -> None:
    found = document({"figure": [ratio(TWICE, pairs([3.0, 4.0], [1.0, 1.0]), "cpu")]}, {"commit": "abc"})
    told = json.loads(json.dumps(found))
    assert told["commit"] == "abc"
    (figure,) = told["figures"]["figure"]
    assert figure["values"] == pytest.approx([3.0, 4.0])
    assert (figure["verdict"], figure["goal"], figure["floors"]) == ("missed", 2, pytest.approx([0.1, 0.1]))


@pytest.mark.parametrize(
    ("seconds", "words"), [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (0.0000456, "45.6 µs"), (0.123, "123 ms"), (0, "0 µs")]
)
def test_durations_are_told_in_the_unit_in_which_they_are_read_best(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_ratio_has_no_unit() -> None:
    assert (quantity(1.234, "x"), quantity(150.4, "MiB")) == ("1.23", "150 MiB")


def test_a_reading_of_an_amount_is_its_median() -> None:
    reading: Reading = amount(Line("memory", "MiB", 150), [100.0, 140.0, 151.0])
    assert (reading.value, reading.verdict) == (140.0, "ok")
