"""The protocol of the host stream, without a stream."""

from headgate_hostagent.objects import Chassis, ExpectedPort, Held
from headgate_hostagent.session import Ack, Apply, Hello, Nack, Session, Store, Update

A, B = Chassis("tcp:1", "geneve", "10.0.0.1"), ExpectedPort("u1", "02:00:00:00:00:01")
HELD = Held("7", 3, {"chassis": A, "p": B})


def update(**changes: object) -> Update:
    fields = {"version": "8", "base": "", "nonce": "n", "epoch": 3, "put": {}, "remove": ()}
    return Update(**(fields | changes))


def test_a_new_stream_begins_with_what_is_held():
    assert Session(HELD).on_connected() == (Session(HELD), (Hello("7", 3),))
    assert Session().on_connected()[1] == (Hello("", 0),)


def test_a_whole_state_replaces_everything():
    after, effects = Session(HELD).on_update(update(put={"q": B}))
    assert after.held == Held("8", 3, {"q": B})
    assert effects == (Store(after.held), Ack("n", "8"), Apply())


def test_a_delta_changes_only_what_it_names_and_ignores_unknown_removals():
    after, _ = Session(HELD).on_update(update(base="7", put={"q": B}, remove=("p", "never")))
    assert after.held == Held("8", 3, {"chassis": A, "q": B})


def test_the_state_is_stored_before_it_is_acknowledged():
    _, effects = Session().on_update(update())
    assert [type(effect) for effect in effects] == [Store, Ack, Apply]


def test_a_delta_on_another_base_is_refused_and_changes_nothing():
    after, (nack,) = Session(HELD).on_update(update(base="6", remove=("p",)))
    assert after == Session(HELD)
    assert isinstance(nack, Nack)
    assert (nack.nonce, nack.version, nack.reason) == ("n", "7", "UNKNOWN_BASE")


def test_a_delta_when_nothing_is_held_is_refused():
    after, (nack,) = Session().on_update(update(base="6"))
    assert (after, nack.reason, nack.version) == (Session(), "UNKNOWN_BASE", "")


def test_an_older_epoch_is_refused_however_new_its_version():
    after, (nack,) = Session(HELD).on_update(update(version="99", epoch=2))
    assert (after, nack.reason) == (Session(HELD), "STALE_EPOCH")


def test_a_newer_epoch_is_remembered():
    after, _ = Session(HELD).on_update(update(epoch=4))
    assert after.held.epoch == 4


def test_a_state_without_version_is_refused():
    after, (nack,) = Session(HELD).on_update(update(version=""))
    assert (after, nack.reason) == (Session(HELD), "NO_VERSION")
