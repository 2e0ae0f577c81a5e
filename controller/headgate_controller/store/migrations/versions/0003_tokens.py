"""Tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "token",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("prefix", sa.String, nullable=False, unique=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("projects", sa.String, nullable=False),
        sa.Column("writes", sa.Boolean, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger),
        sa.Column("last_use_time", sa.BigInteger),
    )
