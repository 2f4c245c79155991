"""Episodes, cards and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIGEST = sa.String(64)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _index(name: str, table: str, columns: list[str], where: str = "", unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def upgrade() -> None:
    _create_episodes()
    _create_cards()
    _create_messages()
    _create_small_tables()


def _create_episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("alert", DIGEST, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("noted_at", sa.DateTime, nullable=False),
    )
    _index("episodes_latest", "episodes", ["alert", "id"])
    _index("episodes_one_open", "episodes", ["alert"], "ended_at IS NULL", unique=True)


def _create_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("thread_id", sa.BigInteger, nullable=False),
        sa.Column("alert_group", DIGEST, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("closed_at", sa.DateTime),
    )
    _index(
        "cards_one_open",
        "cards",
        ["alert_group", "chat_id", "thread_id"],
        "closed_at IS NULL",
        unique=True,
    )
    op.create_table(
        "card_episodes",
        sa.Column(
            "card_id", ROW_ID, sa.ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("episode_id", ROW_ID, sa.ForeignKey("episodes.id"), primary_key=True),
    )
    _index("card_episodes_episode", "card_episodes", ["episode_id"])


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("thread_id", sa.BigInteger, nullable=False),
        sa.Column("card_id", ROW_ID, sa.ForeignKey("cards.id", ondelete="CASCADE"), unique=True),
        sa.Column("facts", sa.Text),
        sa.Column("digest", DIGEST),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("shown_revision", sa.Integer, nullable=False),
        sa.Column("telegram_id", sa.BigInteger),
        sa.Column("form", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("leased_until", sa.DateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("waiting_since", sa.DateTime, nullable=False),
        sa.Column("last_reason", sa.String(32)),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.CheckConstraint("shown_revision <= revision", name="messages_shown_is_wanted"),
        sa.CheckConstraint("(card_id IS NULL) <> (facts IS NULL)", name="messages_one_source"),
    )
    _index(
        "messages_waiting", "messages", ["chat_id", "waiting_since"], "shown_revision < revision"
    )
    _index("messages_digest", "messages", ["digest"])


def _create_small_tables() -> None:
    op.create_table(
        "chats",
        sa.Column("chat_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("paused_until", sa.DateTime),
    )
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("beat_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    for table in ("heartbeat", "chats", "messages", "card_episodes", "cards", "episodes"):
        op.drop_table(table)
