"""A name for the store, by which Northbound knows whose rows it holds."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the name."""
    op.add_column("lease", sa.Column("store", sa.String, nullable=False, server_default=""))
    lease = sa.table("lease", sa.column("store", sa.String))
    op.execute(lease.update().values(store=str(uuid.uuid4())))
