"""What a commit costs the store: statements and messages, counted; and what is kept of it afterwards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from store_life import SUBNET, Store, change, creation, live, simple

from headgate_controller.codec import KindCodec
from headgate_controller.errors import HeadgateError
from headgate_controller.mutations import Delete
from headgate_controller.store import tables


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/headgate.db"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many messages are made of each resource."""
    made: Counter[str] = Counter()
    real = KindCodec.to_message

    def counted(self: KindCodec, noun: Any, **options: Any) -> Any:
        made[noun.name] += 1
        return real(self, noun, **options)

    monkeypatch.setattr(KindCodec, "to_message", counted)
    return made


def statements(store: Store) -> list[str]:
    """Return the list to which the statements that change something are added as they run."""
    ran: list[str] = []

    @event.listens_for(store.database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if not text.startswith("SELECT"):
            ran.append(" ".join(text.split()[:3]))

    return ran


def test_a_group_of_any_size_runs_each_statement_once(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        ran = statements(store)
        await store.submit(creation(f"{SUBNET}/ports/alone"))
        tables_written = ["intent", "reference", "allocation", "revision"]
        assert ran == ["UPDATE lease SET", *(f"INSERT INTO {name}" for name in tables_written)]
        one, ran[:] = list(ran), []
        await store.submit(*(creation(f"{SUBNET}/ports/p{number}") for number in range(50)))
        assert ran == one

    live(url, act)


def test_what_is_stored_is_put_together_once_for_the_database_its_log_and_its_readers(
    url: str, messages: Counter[str]
) -> None:
    name = f"{SUBNET}/ports/a"

    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(name), request_id="r", fingerprint=b"f")
        assert messages[name] == 1
        kept = store.writer.serialized.of(store.world.resources[name])
        assert (messages[name], kept) == (1, store.rows(tables.intent)[-1].message)
        messages.clear()
        await store.submit(change(name, vm="vm-1"))
        [last] = [row for row in store.rows(tables.revision) if row.revision == store.world.revision]
        # Once to take the fields of the mask in, once for what comes of it.
        assert (messages[name], last.before) == (2, kept)
        assert last.after == store.writer.serialized.of(store.world.resources[name]) != kept

    live(url, act)


def test_nothing_is_kept_of_what_was_not_committed_or_is_gone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{SUBNET}/ports/{letter}" for letter in "ab"]

    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(names[0]))
        published = store.writer._publish
        store.writer._publish = lambda world, touched: (
            published(world, touched),
            store.writer.serialized.committed(world, touched),
        )
        await store.submit(Delete(names[0]))
        monkeypatch.setattr(store.writer._records, "_epoch", -1)
        with pytest.raises(HeadgateError):
            await store.submit(creation(names[1]))
        assert not store.writer.serialized._kept.keys() & set(names)

    live(url, act)
