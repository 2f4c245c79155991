"""People, one-time codes, the audit, the journal of updates, subscriptions and preferences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DIGEST = sa.String(64)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("people", "codes", "audit", "updates", "subscriptions", "preferences")


def upgrade() -> None:
    _create_people()
    _create_books()
    _create_chats()


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("added_by", sa.BigInteger),
        sa.Column("added_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "codes",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("gives", sa.Text, nullable=False),
        sa.Column("made_by", sa.BigInteger),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime),
        sa.Column("used_by", sa.BigInteger),
    )


def _create_books() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("previous", DIGEST, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "updates",
        sa.Column("update_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("begun_at", sa.DateTime),
        sa.Column("done_at", sa.DateTime),
    )
    op.create_index("updates_done", "updates", ["done_at"])


def _create_chats() -> None:
    place = (
        sa.Column("chat_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("thread_id", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "subscriptions",
        *(each._copy() for each in place),
        sa.Column("matchers", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.BigInteger),
    )
    op.create_table(
        "preferences",
        *(each._copy() for each in place),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
