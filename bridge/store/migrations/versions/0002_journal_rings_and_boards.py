"""A journal of webhooks, rings, lists, boards, notices, and what is known of each destination.

An alert's name no longer holds the Alertmanager that spoke of it: members of one cluster tell of
the same alert. Their open episodes become one, the earliest.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0002"
down_revision = "0001"
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
    _create_small_tables()
    _create_boards()
    _widen_episodes()
    _widen_cards()
    _replace_messages()


def _create_small_tables() -> None:
    op.create_table(
        "journal",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "destinations",
        sa.Column("chat_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("thread_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("broken_since", sa.DateTime),
        sa.Column("reason", sa.String(32)),
        sa.Column("detail", sa.Text),
        sa.Column("is_on_trial", sa.Boolean, nullable=False),
        sa.Column("checked_at", sa.DateTime),
    )
    op.create_table(
        "calls",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", ROW_ID, nullable=False),
        sa.Column("is_board", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    _index("calls_at", "calls", ["at"])
    op.create_table(
        "state",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("noted_at", sa.DateTime, nullable=False),
    )
    op.add_column("chats", sa.Column("pause_reason", sa.String(32)))
    op.add_column("chats", sa.Column("moved_to", sa.BigInteger))


def _create_boards() -> None:
    op.create_table(
        "boards",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("thread_id", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("news_at", sa.DateTime, nullable=False),
        sa.Column("arrived", sa.Integer, nullable=False),
        sa.Column("minute_at", sa.DateTime, nullable=False),
        sa.Column("minute_arrived", sa.Integer, nullable=False),
        sa.Column("over_at", sa.DateTime),
        sa.Column("closed_at", sa.DateTime),
        sa.Column("rung_at", sa.DateTime, nullable=False),
        sa.Column("rung_episode", sa.BigInteger, nullable=False),
        sa.Column("hurried_at", sa.DateTime),
    )
    _index("boards_one_open", "boards", ["chat_id", "thread_id"], "closed_at IS NULL", unique=True)


def _widen_episodes() -> None:
    op.add_column("episodes", sa.Column("ending", sa.String(16)))
    op.add_column("episodes", sa.Column("muting", sa.String(16)))
    op.add_column("episodes", sa.Column("vouched_at", sa.DateTime))
    _index("episodes_ended", "episodes", ["ended_at"])
    connection = op.get_bind()
    episodes = sa.table(
        "episodes",
        sa.column("id", ROW_ID),
        sa.column("alert", DIGEST),
        sa.column("facts", sa.Text),
        sa.column("ended_at", sa.DateTime),
        sa.column("noted_at", sa.DateTime),
    )
    open_already: dict[str, int] = {}
    for row in connection.execute(sa.select(episodes).order_by(episodes.c.id)).all():
        values: dict[str, Any] = {"alert": _name(json.loads(row.facts))}
        if row.ended_at is None:
            earliest = open_already.setdefault(values["alert"], row.id)
            if earliest != row.id:
                _merge_episode(connection, row.id, earliest)
                continue
        connection.execute(sa.update(episodes).where(episodes.c.id == row.id).values(values))


def _merge_episode(connection: sa.Connection, double: int, earliest: int) -> None:
    """Let the cards that show one open episode show another in its place."""
    for statement in (
        "UPDATE card_episodes SET episode_id = :earliest WHERE episode_id = :double AND card_id "
        "NOT IN (SELECT card_id FROM card_episodes WHERE episode_id = :earliest)",
        "DELETE FROM card_episodes WHERE episode_id = :double",
        "DELETE FROM episodes WHERE id = :double",
    ):
        connection.execute(sa.text(statement), {"double": double, "earliest": earliest})


def _name(facts: dict[str, Any]) -> str:
    """Name an alert without its source: the rule of this revision, kept as it was."""
    named = facts["labels"] or {"annotations": facts["annotations"]}
    identity = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    return hashlib.sha256(ascii(["", identity]).encode()).hexdigest()


def _widen_cards() -> None:
    # Not altered in batch: SQLite copies the table then, and dropping the old one takes every
    # message with it.
    op.add_column("cards", sa.Column("change", sa.Text))
    op.add_column("cards", sa.Column("changed_at", sa.DateTime))
    op.add_column("cards", sa.Column("repeated_at", sa.DateTime))
    op.execute("ALTER TABLE cards ADD COLUMN board_id BIGINT REFERENCES boards (id)")
    _index("cards_board", "cards", ["board_id"])
    _index("cards_closed", "cards", ["closed_at"])


def _replace_messages() -> None:
    op.drop_index("messages_waiting", "messages")
    op.drop_index("messages_digest", "messages")
    op.rename_table("messages", "messages_0001")
    op.create_table(
        "messages",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("thread_id", sa.BigInteger, nullable=False),
        sa.Column("card_id", ROW_ID, sa.ForeignKey("cards.id", ondelete="CASCADE")),
        sa.Column("board_id", ROW_ID, sa.ForeignKey("boards.id", ondelete="CASCADE")),
        sa.Column("facts", sa.Text),
        sa.Column("digest", DIGEST),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("is_loud", sa.Boolean, nullable=False),
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.Column("is_covered", sa.Boolean, nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
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
        # The earlier table's rule has this name without the number.
        sa.CheckConstraint("shown_revision <= revision", name="messages_shown_is_wanted_0002"),
        sqlite_autoincrement=True,
    )
    op.execute(
        """
        INSERT INTO messages (
            kind, chat_id, thread_id, card_id, facts, digest, priority, is_loud, is_held,
            is_covered, is_whole, revision, shown_revision, telegram_id, form, due_at, leased_until, attempts, waiting_since,
            last_reason, created_at
        )
        SELECT
            CASE WHEN card_id IS NULL THEN 'unreadable' ELSE 'card' END,
            chat_id, thread_id, card_id, facts, digest, 2, TRUE, FALSE,
            FALSE, TRUE, revision, shown_revision, telegram_id, form, due_at, leased_until, attempts, waiting_since,
            last_reason, created_at
        FROM messages_0001 ORDER BY id
        """
    )
    op.drop_table("messages_0001")
    waiting = "shown_revision < revision"
    _index("messages_waiting", "messages", ["chat_id", "priority", "waiting_since"], waiting)
    _index("messages_of_card", "messages", ["card_id"])
    _index("messages_of_board", "messages", ["board_id"])
    _index("messages_card", "messages", ["card_id", "kind"], "kind IN ('card', 'list')", True)
    _index("messages_board", "messages", ["board_id"], "kind = 'board'", unique=True)
    _index("messages_digest", "messages", ["digest"])


def downgrade() -> None:
    """Keep every episode and card; rings, lists, boards and notices have no place in the earlier schema."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT count(*) FROM journal")).scalar_one():
        raise CommandError(
            "webhooks wait in the journal, which schema 0001 does not have: start the bridge once, "
            "until /readyz answers, then go back"
        )
    _replace_messages_back()
    for index in ("cards_board", "cards_closed"):
        op.drop_index(index, "cards")
    for column in ("change", "changed_at", "repeated_at", "board_id"):
        op.drop_column("cards", column)
    op.drop_index("episodes_ended", "episodes")
    for column in ("ending", "muting", "vouched_at"):
        op.drop_column("episodes", column)
    for column in ("pause_reason", "moved_to"):
        op.drop_column("chats", column)
    for table in ("state", "calls", "destinations", "journal", "boards"):
        op.drop_table(table)


def _replace_messages_back() -> None:
    for index in ("waiting", "of_card", "of_board", "card", "board", "digest"):
        op.drop_index(f"messages_{index}", "messages")
    op.rename_table("messages", "messages_0002")
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
    op.execute(
        """
        INSERT INTO messages (
            chat_id, thread_id, card_id, facts, digest, revision, shown_revision, telegram_id, form,
            due_at, leased_until, attempts, waiting_since, last_reason, created_at
        )
        SELECT
            chat_id, thread_id, card_id, CASE WHEN kind = 'unreadable' THEN facts END, digest,
            revision, shown_revision, telegram_id, form,
            due_at, leased_until, attempts, waiting_since, last_reason, created_at
        FROM messages_0002 WHERE kind IN ('card', 'unreadable') ORDER BY id
        """
    )
    op.drop_table("messages_0002")
    _index("messages_waiting", "messages", ["chat_id", "waiting_since"], "shown_revision < revision")
    _index("messages_digest", "messages", ["digest"])
