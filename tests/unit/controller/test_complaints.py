"""What the log says of a database that complains again and again."""

from headgate_controller.store.complaints import QUIET_SECONDS, Seldom


def test_a_complaint_is_logged_once_in_a_while_and_another_at_once() -> None:
    now = 0.0
    seldom = Seldom(lambda: now)
    assert seldom.due("full") == {}
    assert [seldom.due("full") for _ in range(3)] == [None] * 3
    assert seldom.due("locked") == {"unlogged": 3}
    assert seldom.due("locked") is None
    now = QUIET_SECONDS
    assert seldom.due("locked") == {"unlogged": 1}
    now = 3 * QUIET_SECONDS
    assert seldom.due("locked") == {}
