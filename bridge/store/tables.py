"""The whole schema on one page, each index with the query it serves.

Text that comes from outside lives in JSON columns alone: their ASCII escapes carry NUL and lone
surrogates, which neither database takes as they are.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

DIGEST = String(64)
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up INTEGER keys only


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept as naive UTC, which every database orders alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write UTC; a naive moment is a mistake of ours."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A JSON value as ASCII text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write it with every other character escaped."""
        del dialect
        return None if value is None else json.dumps(value, ensure_ascii=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read it back."""
        del dialect
        return None if value is None else json.loads(value)


metadata = MetaData()

episodes = Table(
    "episodes",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("alert", DIGEST, nullable=False),  # source and label set
    Column("facts", Json, nullable=False),  # labels, annotations, generator_url, fingerprint
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),  # null while it fires
    Column("noted_at", Instant, nullable=False),
)
# The latest episode of each alert in a webhook.
Index("episodes_latest", episodes.c.alert, episodes.c.id)
# At most one episode of an alert is open, whoever writes.
Index(
    "episodes_one_open",
    episodes.c.alert,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

cards = Table(
    "cards",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),  # 0: nobody hears it yet
    Column("thread_id", BigInteger, nullable=False),  # 0: the chat itself
    Column("alert_group", DIGEST, nullable=False),
    Column("about", Json, nullable=False),  # group_labels, receiver, source, truncated
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),  # null while a member fires
)
# The standing card of a group in a chat; there is at most one.
Index(
    "cards_one_open",
    cards.c.alert_group,
    cards.c.chat_id,
    cards.c.thread_id,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
    postgresql_where=text("closed_at IS NULL"),
)
# No index on the chat alone: SQLite would take it to find an episode's card among all the chat's.

card_episodes = Table(
    "card_episodes",
    metadata,
    Column("card_id", ROW_ID, ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    Column("episode_id", ROW_ID, ForeignKey("episodes.id"), primary_key=True),
)
# The cards that show an episode.
Index("card_episodes_episode", card_episodes.c.episode_id)

messages = Table(
    "messages",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger, nullable=False),
    Column("card_id", ROW_ID, ForeignKey("cards.id", ondelete="CASCADE"), unique=True),
    Column("facts", Json),  # of a message that is no card
    Column("digest", DIGEST),  # tells repeats of such a message
    Column("revision", Integer, nullable=False),
    Column("shown_revision", Integer, nullable=False),
    Column("telegram_id", BigInteger),
    Column("form", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("attempts", Integer, nullable=False),
    Column("waiting_since", Instant, nullable=False),
    Column("last_reason", String(32)),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("shown_revision <= revision", name="messages_shown_is_wanted"),
    CheckConstraint("(card_id IS NULL) <> (facts IS NULL)", name="messages_one_source"),
)
# The queue: what is not shown as it should be.
Index(
    "messages_waiting",
    messages.c.chat_id,
    messages.c.waiting_since,
    sqlite_where=text("shown_revision < revision"),
    postgresql_where=text("shown_revision < revision"),
)
# Repeats of what could not be read.
Index("messages_digest", messages.c.digest)

chats = Table(
    "chats",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("paused_until", Instant),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("beat_at", Instant, nullable=False),
)
