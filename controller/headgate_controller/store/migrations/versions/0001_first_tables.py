"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _create_intent()
    _create_log()
    lease = op.create_table(
        "lease", sa.Column("id", sa.Integer, primary_key=True), sa.Column("epoch", sa.BigInteger, nullable=False)
    )
    op.bulk_insert(lease, [{"id": 1, "epoch": 1}])


def _create_intent() -> None:
    """Create what holds resources, and what they refer to and take."""
    op.create_table(
        "intent",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("uid", sa.String, nullable=False, unique=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reference",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("target", sa.String, primary_key=True),
    )
    op.create_table(
        "allocation",
        sa.Column("pool", sa.String, primary_key=True),
        sa.Column("number", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
    )
    op.create_index("allocation_holder", "allocation", ["holder"])


def _create_log() -> None:
    """Create what tells what was done, and what was answered."""
    op.create_table(
        "revision",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("before", sa.LargeBinary),
        sa.Column("after", sa.LargeBinary),
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
    )
    op.create_index("request_time", "request", ["time"])
