"""Files that say they are backups: what is in them is restored whole, or refused in words and nothing is changed."""

from __future__ import annotations

import gzip
import io
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from fuzzing import damaged, fuzzing, kept
from headgate_controller.errors import HeadgateError
from headgate_controller.store import backup_file
from headgate_controller.store.backup_file import BackupError, BackupReader
from headgate_controller.store.database import Database
from headgate_controller.store.keyring import read_keyring
from headgate_controller.store.restore import Held, restore
from headgate_controller.store.tables import lease, metadata, token

LINES = kept("backup")


def sealed(lines: list[bytes]) -> io.BytesIO:
    """Return a backup of these lines, whose checksum is right."""
    content = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    return io.BytesIO(gzip.compress(content + orjson.dumps({"sha256": sha256(content).hexdigest()}) + b"\n"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = Database(f"sqlite:///{tmp_path_factory.mktemp('fuzz')}/headgate.db")
    put_back(found)
    yield found
    found.close()


def held(database: Database) -> tuple[Any, ...]:
    with database.engine.connect() as connection:
        tokens = connection.execute(select(token.c.name)).scalars().all()
        return (connection.execute(select(lease.c.epoch)).scalar_one(), *tokens)


@fuzzing(100)
@given(damaged([sealed(LINES).getvalue()]))
def test_fuzz_a_damaged_file_is_refused_in_words(data: bytes) -> None:
    try:
        BackupReader(io.BytesIO(data)).verify()
    except BackupError as error:
        assert str(error).endswith((".", "one."))  # noqa: PT017 - what is refused must be said in words


@fuzzing(60)
@given(st.lists(st.integers(0, len(LINES) - 1), max_size=3), st.data())
@example([], None)
def test_fuzz_a_made_up_backup_is_refused_in_words_and_changes_nothing(
    database: Database, positions: list[int], data: Any
) -> None:
    lines = list(LINES)
    for position in positions:
        lines[position] = data.draw(damaged(LINES))
    before = held(database)
    try:
        reader = BackupReader(sealed(lines))
        reader.verify()
        restore(database, reader, read_keyring(""), Held(0, ours=False))
    except HeadgateError:
        assert held(database) == before
    else:
        put_back(database)


def put_back(database: Database) -> None:
    """Have the store empty again, but for the token."""
    with database.engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table is not lease:
                connection.execute(table.delete())
        values = {"name": "tokens/mine", "prefix": "hg_1", "digest": b"", "description": "", "projects": "*"}
        connection.execute(insert(token).values(**values, writes=True, create_time=1))


def test_a_line_of_no_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_file, "LONGEST_LINE", 1_000)
    bomb = io.BytesIO(gzip.compress(LINES[0] + b"\n[" + b" " * 50_000_000))
    with pytest.raises(BackupError, match="a line has more than 1000 bytes"):
        BackupReader(bomb).verify()
