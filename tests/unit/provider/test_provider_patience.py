"""When a change that collides with another resource gives up."""

from headgate_terraform.patience import QUIET_SECONDS, Patience


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_refused_change_is_not_hopeless_while_another_moves() -> None:
    clock = Clock()
    patience = Patience(clock)
    with patience.change(), patience.change() as refused:
        clock.now += 10 * QUIET_SECONDS
        assert not refused.hopeless


def test_a_refused_change_is_hopeless_when_nothing_has_moved_for_a_while() -> None:
    clock = Clock()
    patience = Patience(clock)
    with patience.change() as refused:
        assert not refused.hopeless
        clock.now += QUIET_SECONDS + 1
        assert refused.hopeless


def test_refused_changes_do_not_wait_for_each_other() -> None:
    clock = Clock()
    patience = Patience(clock)
    with patience.change() as one, patience.change() as other:
        assert not one.hopeless
        assert not other.hopeless
        clock.now += QUIET_SECONDS + 1
        assert one.hopeless
        assert other.hopeless


def test_a_change_that_ends_gives_the_refused_ones_time_again() -> None:
    clock = Clock()
    patience = Patience(clock)
    with patience.change() as refused:
        with patience.change():
            assert not refused.hopeless
            clock.now += 10 * QUIET_SECONDS
        assert not refused.hopeless
        clock.now += QUIET_SECONDS + 1
        assert refused.hopeless
