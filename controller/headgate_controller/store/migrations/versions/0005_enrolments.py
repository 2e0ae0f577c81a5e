"""Enrolments of hosts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "enrolment",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary),
    )
