"""The leader's epoch in the database: whoever writes holds it, so that one who has been replaced writes nothing."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from headgate_controller.errors import NotLeadingError
from headgate_controller.store import tables
from headgate_controller.store.statements import Statement

TOUCH = Statement(update(tables.lease).where(tables.lease.c.epoch == bindparam("held")), ["epoch"])


class StaleEpochError(NotLeadingError):
    """Another controller has become the leader."""

    def __init__(self) -> None:
        super().__init__("Another controller leads the site now; send the request there.")


def hold_lease(connection: Connection, epoch: int) -> None:
    """Check that this is still the leader, and lock that, so that no other can become it before the commit.

    SQLite has no locks of rows: there a write keeps everybody else from writing.

    Raises:
        StaleEpochError: another controller leads now.
    """
    if connection.dialect.name == "sqlite":
        found = TOUCH.run(connection, [{"held": epoch, "epoch": epoch}]).rowcount == 1
    else:
        held = tables.lease.c.epoch == epoch
        found = connection.execute(select(tables.lease.c.id).where(held).with_for_update()).first() is not None
    if not found:
        raise StaleEpochError
