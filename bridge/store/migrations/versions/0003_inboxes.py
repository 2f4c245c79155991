"""What of the file of webhooks beside the database has been folded into it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inboxes",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("folded_to", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    # What an inbox still holds is brought into the journal first: see store.regression.
    op.drop_table("inboxes")
