"""The log's horizon: what is beyond it is forgotten, and whoever was there last is told, or begins anew."""

from __future__ import annotations

import itertools
import select as readiness
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Controller, controlling, environment
from horizon import SHORT, changed_while_away
from postgres_server import PostgresServer
from refusal import of
from sqlalchemy import event, insert, select

from api import Api
from headgate.v1 import intent_pb2
from headgate.v1.vpc_pb2 import Vpc
from headgate_controller.errors import OutOfRangeError
from headgate_controller.store.backup import write_backup
from headgate_controller.store.backup_file import BackupReader
from headgate_controller.store.database import Database, changes_after
from headgate_controller.store.history import STEP, History, Keep
from headgate_controller.store.keyring import read_keyring
from headgate_controller.store.lease import StaleEpochError
from headgate_controller.store.restore import Held, restore
from headgate_controller.store.tables import lease, revision
from headgate_lab.waiting import wait_until
from headgate_sdk import Change, Client, RefusedError

SECONDS = 15.0
DAY = 24 * 3600 * 1_000_000_000
NOW = 1_000 * DAY
HEADGATE = str(Path(sys.executable).with_name("headgate"))


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path}/headgate.db")
    yield found
    found.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        yield request.getfixturevalue("embedded")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    found = Database(server.prepared())
    yield found
    found.close()


def logged(database: Database, *, days_ago: list[int], changes: int = 1) -> None:
    """Write a log with a revision of so many changes for each of these days."""
    rows = [
        {"revision": number, "position": position, "name": f"n{position}", "kind": "k", "time": NOW - days * DAY}
        for number, days in enumerate(days_ago, 1)
        for position in range(changes)
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(revision), rows)


def history(database: Database, revisions: int, days: int) -> History:
    return History(database, Keep(revisions, timedelta(days=days)), lambda: NOW)


def left(database: Database) -> list[int]:
    with database.engine.connect() as connection:
        return list(connection.execute(select(revision.c.revision).distinct().order_by(revision.c.revision)).scalars())


@pytest.mark.parametrize(
    ("revisions", "days", "stays"),
    [(1, 0, [6]), (3, 0, [4, 5, 6]), (1, 5, [4, 5, 6]), (5, 5, [2, 3, 4, 5, 6]), (9, 0, [1, 2, 3, 4, 5, 6])],
)
def test_what_is_both_old_and_many_revisions_ago_is_forgotten(
    database: Database, revisions: int, days: int, stays: list[int]
) -> None:
    logged(database, days_ago=[9, 8, 7, 3, 2, 1])
    found = history(database, revisions, days)
    assert found.step() == 6 - len(stays)
    assert left(database) == stays
    assert found.step() == 0


def test_the_log_is_shortened_in_small_steps_of_whole_revisions(database: Database) -> None:
    logged(database, days_ago=[9] * 200, changes=7)
    found = history(database, 1, 0)
    steps = list(itertools.takewhile(bool, (found.step() for _ in range(100))))
    assert sum(steps) == 199 * 7
    assert max(steps) < STEP + 7
    assert all(size % 7 == 0 for size in steps)


def test_a_step_reads_only_what_it_may_forget_however_long_the_log_is(embedded: Database) -> None:
    logged(embedded, days_ago=[9] * 100, changes=200)
    found, read = history(embedded, 1, 0), list[tuple[str, Any]]()
    event.listen(embedded.engine, "before_cursor_execute", lambda *call: read.append((call[2], call[3])))
    found.step()
    with embedded.engine.connect() as connection:
        for sql, values in [one for one in read if "revision" in one[0]]:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all())
            assert "SEARCH revision" in plan
            assert "TEMP B-TREE" not in plan


def test_who_does_not_lead_forgets_nothing(database: Database) -> None:
    logged(database, days_ago=[9, 9])
    found = history(database, 1, 0)
    with database.engine.begin() as connection:
        connection.execute(lease.update().values(epoch=7))
    with pytest.raises(StaleEpochError):
        found.step()
    assert left(database) == [1, 2]


def test_a_reader_that_the_horizon_has_overtaken_is_told_and_no_other(database: Database) -> None:
    logged(database, days_ago=[9] * 6)
    history(database, 3, 0).step()
    with pytest.raises(OutOfRangeError, match="begins with revision 4"):
        changes_after(database.engine, 2, 10)
    assert [change[0] for change in changes_after(database.engine, 3, 10)] == [4, 5, 6]
    assert changes_after(database.engine, 6, 10) == []


@pytest.fixture
def controller(run_directory: Path, request: pytest.FixtureRequest) -> Iterator[Controller]:
    with controlling(Controller(run_directory / f"history-{abs(hash(request.node.name)) % 10_000}")) as running:
        api = Api(running.api)
        for name in "abc":
            api.create(f"projects/p/vpcs/{name}")
        api.close()
        yield running


def test_the_python_client_begins_anew_beyond_the_horizon_and_tells_what_is_gone(controller: Controller) -> None:
    with Client([controller.api]) as client:
        changes = (one for one in client.watch("projects/p/") if isinstance(one, Change))
        assert [one.name for one in itertools.islice(changes, 3)] == [f"projects/p/vpcs/{name}" for name in "abc"]
        changed_while_away(controller)
        told = {one.name[-1]: one.resource and one.resource.description for one in itertools.islice(changes, 4)}
        assert told == {"a": None, "b": "changed", "c": "", "d": "3"}
        client.create(Vpc(name="projects/p/vpcs/e"))
        assert next(changes).name == "projects/p/vpcs/e"
        with pytest.raises(RefusedError, match="Begin again with 0") as refused:
            next(client.watch("projects/p/", after=1))
        assert refused.value.reason == "REVISION_COMPACTED"


def test_headgate_watch_goes_on_beyond_the_horizon_with_what_differs(controller: Controller) -> None:
    variables = environment() | {"HEADGATE_ENDPOINTS": controller.api}
    with subprocess.Popen(
        [HEADGATE, "watch", "-p", "p"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout is not None
        api = Api(controller.api)
        lines: list[str] = []
        probe = itertools.count()

        def first() -> bool:
            api.update("projects/p/vpcs/c", description=f"probe {next(probe)}")
            return bool(readiness.select([watch.stdout], [], [], 0)[0])

        wait_until(first, seconds=SECONDS, what="the watch to see something", every=0.2)
        last = f"probe {next(probe) - 1}"
        while not (lines and last in lines[-1]):
            lines.append(watch.stdout.readline())
        changed_while_away(controller)
        told = [watch.stdout.readline().split(" ", 2)[2].strip() for _ in range(3)]
        assert told == [
            "~ vpc projects/p/vpcs/b; + description: changed",
            "~ vpc projects/p/vpcs/d",
            "- vpc projects/p/vpcs/a",
        ]
        api.create("projects/p/vpcs/e")
        assert watch.stdout.readline().rstrip().endswith("+ vpc projects/p/vpcs/e")
        api.close()
        watch.send_signal(signal.SIGINT)
        assert watch.stderr is not None
        assert "what it amounts to follows" in watch.stderr.read()


def test_a_watch_after_what_is_forgotten_is_refused_with_what_to_do(run_directory: Path) -> None:
    with controlling(Controller(run_directory / "overtaken", **SHORT)) as running:
        api = Api(running.api)
        for number in range(5):
            api.create(f"projects/p/vpcs/v{number}")
        running.stop()
        running.start()
        running.await_said("history shortened")
        with pytest.raises(grpc.RpcError) as caught:
            next(api.intent.Watch(intent_pb2.WatchRequest(after_revision=1), timeout=SECONDS, wait_for_ready=True))
        refused = of(caught.value)
        assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "REVISION_COMPACTED")
        assert "Begin again with 0" in refused.message
        assert "history_days" in refused.message
        answers = api.intent.Watch(intent_pb2.WatchRequest(after_revision=3), timeout=SECONDS)
        assert [next(answers).revision for _ in range(2)] == [4, 5]
        api.close()


def test_a_restored_log_begins_where_that_of_the_backup_did(embedded: Database, tmp_path: Path) -> None:
    logged(embedded, days_ago=[9] * 6)
    history(embedded, 2, 0).step()
    keyring, other = read_keyring(""), Database(f"sqlite:///{tmp_path}/other.db")
    with (tmp_path / "backup").open("w+b") as file:
        write_backup(embedded.engine, keyring, file)
        restore(other, BackupReader(file), keyring, Held(0, ours=False))
    assert left(other) == [5, 6]
    with pytest.raises(OutOfRangeError):
        changes_after(other.engine, 3, 10)
    other.close()


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"history_revisions": 0}, "1 is the least"), ({"history_days": -1}, "0 to 36500 are possible")],
)
def test_a_log_of_nothing_is_refused(run_directory: Path, setting: dict[str, int], words: str) -> None:
    controller = Controller(run_directory / "no-history", **setting)
    controller.launch()
    assert controller.status() == 1
    assert words in controller.said()
