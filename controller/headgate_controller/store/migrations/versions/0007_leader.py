"""Who holds the lease, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; code that does not know them leaves them as they are."""
    for name in ("holder", "endpoints", "session"):
        op.add_column("lease", sa.Column(name, sa.String, nullable=False, server_default=""))
    op.add_column("lease", sa.Column("expire_time", sa.BigInteger, nullable=False, server_default="0"))
