"""A table for what clients write and never read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "secret",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
