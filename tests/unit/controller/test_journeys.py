"""When revisions passed which stage, as told by those who do the work, with a clock of the test's own."""

from __future__ import annotations

from headgate_controller.journeys import MOST_OF_HOST, Arrival, Journeys, Stage, Step, Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def stages(steps: list[Step]) -> list[str]:
    return [f"{step.stage} {step.host}".strip() for step in steps]


def test_a_revision_is_told_stage_by_stage_up_to_each_host() -> None:
    clock = Clock()
    journeys = Journeys(clock)
    journeys.committed([Arrival(7, 1.0), Arrival(8, 1.5)], 2.0, 3.0)
    journeys.compiled(8, 3.0, 4.0)
    journeys.written(8, 5, 4.0, 5.0)
    clock.now = 6.0
    journeys.translated(5)
    clock.now = 7.0
    journeys.confirmed("h1", 5)
    assert journeys.of(7, ["h2", "h1"]) == [
        Step(Stage.QUEUE, 1.0, 2.0),
        Step(Stage.COMMIT, 2.0, 3.0),
        Step(Stage.COMPILE, 3.0, 4.0),
        Step(Stage.WRITE, 4.0, 5.0),
        Step(Stage.TRANSLATE, 5.0, 6.0),
        Step(Stage.REALISE, 5.0, 7.0, "h1"),
    ]


def test_a_host_counts_from_its_first_number_that_covers_the_revision() -> None:
    clock = Clock()
    journeys = Journeys(clock)
    for revision in (1, 2):
        journeys.committed([Arrival(revision, 0.0)], 0.0, 0.0)
        journeys.written(revision, revision, 0.0, 0.0)
    journeys.confirmed("h1", 0)
    clock.now = 9.0
    journeys.confirmed("h1", 2)
    assert [step.ended for step in journeys.of(1, ["h1"]) if step.stage is Stage.REALISE] == [9.0]


def test_what_nobody_asked_the_hosts_ends_in_northbound() -> None:
    journeys = Journeys(Clock())
    journeys.committed([Arrival(1, 0.0)], 0.0, 0.0)
    journeys.compiled(1, 0.0, 0.0)
    journeys.written(1, None, 0.0, 0.0)
    assert stages(journeys.of(1, ["h1"])) == ["queue", "commit", "compile", "write"]


def test_of_revisions_from_before_the_start_nothing_is_told() -> None:
    journeys = Journeys(Clock())
    journeys.written(5, None, 0.0, 0.0)
    assert journeys.of(5, []) == []


def test_a_northbound_that_counts_anew_does_not_make_hosts_faster_than_they_are() -> None:
    journeys = Journeys(Clock())
    journeys.confirmed("h1", 40)
    journeys.committed([Arrival(1, 0.0)], 0.0, 0.0)
    journeys.written(1, 2, 0.0, 0.0)
    journeys.confirmed("h1", 1)
    assert "realise h1" not in stages(journeys.of(1, ["h1"]))
    journeys.confirmed("h1", 2)
    assert "realise h1" in stages(journeys.of(1, ["h1"]))


def test_each_stage_is_measured_once_and_refused_requests_count_as_having_waited() -> None:
    told: list[Step] = []
    journeys = Journeys(Clock())
    journeys.on_step = told.append
    journeys.committed([Arrival(0, 0.0), Arrival(1, 1.0)], 2.0, 3.0)
    journeys.written(1, 1, 3.0, 4.0)
    for _ in range(2):
        journeys.translated(1)
        journeys.confirmed("h1", 1)
    assert stages(told) == ["queue", "queue", "commit", "write", "translate", "realise h1"]


def test_a_timeline_keeps_the_latest_and_says_nothing_of_what_it_has_forgotten() -> None:
    timeline: Timeline[str] = Timeline(2)
    for number in range(10, 15):
        assert timeline.note(number, f"n{number}")
        assert not timeline.note(number, "again")
    assert [timeline.reaching(number) for number in (11, 12, 13, 14, 15)] == [None, "n12", "n13", "n14", None]


def test_a_host_that_is_gone_and_a_host_that_stays_for_years_take_little() -> None:
    journeys = Journeys(Clock())
    for number in range(10_000):
        journeys.confirmed("h1", number)
    assert len(journeys._hosts["h1"]._numbers) <= 2 * MOST_OF_HOST
    journeys.confirmed("h1", None)
    assert not journeys._hosts
