"""The leader's epoch in the database: whoever writes holds it, so that one who has been replaced writes nothing."""

from __future__ import annotations

from sqlalchemy import Connection, update

from headgate_controller.store import tables


class StaleEpochError(Exception):
    """Another controller has become the leader."""


def hold_lease(connection: Connection, epoch: int) -> None:
    """Check that this is still the leader, by a write, so that no other can become it before the commit.

    Raises:
        StaleEpochError: another controller leads now.
    """
    held = tables.lease.c.epoch == epoch
    if connection.execute(update(tables.lease).where(held).values(epoch=epoch)).rowcount != 1:
        raise StaleEpochError
