"""Tables for Terraform's states."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "state_version",
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("serial", sa.BigInteger),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary),
    )
    op.create_table(
        "state_lock",
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("holder", sa.LargeBinary, nullable=False),
    )
