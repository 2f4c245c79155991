"""Hosts' agents: the codes that let them in, their keys, and their letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DIGEST = sa.String(64)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("agent_codes", "agents", "letters")


def upgrade() -> None:
    op.create_table(
        "agent_codes",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("host", sa.String(64), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("made_by", sa.BigInteger),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime),
        sa.Column("replaced_at", sa.DateTime),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_index("agent_codes_host", "agent_codes", ["host"])
    op.create_table(
        "agents",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("host", sa.String(64), nullable=False),
        sa.Column("key", DIGEST, nullable=False, unique=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("enrolled_at", sa.DateTime, nullable=False),
        sa.Column("last_seen", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
    )
    alive = sa.text("revoked_at IS NULL")
    op.create_index(
        "agents_one_alive",
        "agents",
        ["host"],
        unique=True,
        sqlite_where=alive,
        postgresql_where=alive,
    )
    op.create_table(
        "letters",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("digest", DIGEST, nullable=False, unique=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("issued_at", sa.DateTime, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("done_at", sa.DateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("letters_waiting", "letters", ["done_at", "id"])
    op.create_index("letters_received", "letters", ["received_at"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
