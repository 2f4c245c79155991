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
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
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


def only(condition: str) -> dict[str, Any]:
    """Limit an index to the rows that a condition holds for, in either database."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def one(condition: str) -> dict[str, Any]:
    """Let there be one such row at most, among those that a condition holds for."""
    return {"unique": True, **only(condition)}


metadata = MetaData()

# Where webhooks are kept: in PostgreSQL. Beside an SQLite database the inbox has them, and only
# what an earlier version has left is here.
journal = Table(
    "journal",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # the webhook as it came
    Column("address", Json, nullable=False),  # source, chat_id, thread_id; the last two may be null
    Column("received_at", Instant, nullable=False),
)

# What of each inbox has been folded.
inboxes = Table(
    "inboxes",
    metadata,
    Column("name", DIGEST, primary_key=True),
    Column("folded_to", BigInteger, nullable=False),  # a number of its journal
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("alert", DIGEST, nullable=False),  # source and label set
    Column("facts", Json, nullable=False),  # labels, annotations, generator_url, fingerprint
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),  # null while it fires
    Column("noted_at", Instant, nullable=False),
    Column("ending", String(16)),  # a value of core.cards.Ending; null: nobody was asked
    Column("muting", String(16)),  # a value of core.cards.Muting; null: nothing mutes it
    Column("vouched_at", Instant),  # when an Alertmanager's own list last had it
)
# The latest episode of each alert in a webhook.
Index("episodes_latest", episodes.c.alert, episodes.c.id)
# At most one episode of an alert is open, whoever writes.
Index("episodes_one_open", episodes.c.alert, **one("ended_at IS NULL"))
# What is old enough to be purged.
Index("episodes_ended", episodes.c.ended_at)

boards = Table(
    "boards",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("news_at", Instant, nullable=False),  # when the last alert of the wave came
    Column("arrived", Integer, nullable=False),  # alerts of the wave
    Column("minute_at", Instant, nullable=False),  # since when the next is counted
    Column("minute_arrived", Integer, nullable=False),  # alerts since then
    Column("over_at", Instant),  # when the wave was over
    Column("closed_at", Instant),  # when every card had returned or was over
    Column("rung_at", Instant, nullable=False),  # when a phone last sounded for it
    Column("rung_episode", BigInteger, nullable=False),  # the newest episode then
    Column("hurried_at", Instant),  # when it was last shown early, for a critical alert
)
# The board that stands in a destination; there is at most one.
Index("boards_one_open", boards.c.chat_id, boards.c.thread_id, **one("closed_at IS NULL"))

cards = Table(
    "cards",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),  # 0: nobody hears it yet
    Column("thread_id", BigInteger, nullable=False),  # 0: the chat itself
    Column("alert_group", DIGEST, nullable=False),
    Column("about", Json, nullable=False),  # group_labels, receiver, source, truncated, instead_*
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),  # null while a member fires
    Column("change", Json),  # begun, ended, worse: what the last webhook did
    Column("changed_at", Instant),
    Column("repeated_at", Instant),  # when Alertmanager last repeated it
    Column("board_id", BigInteger, ForeignKey("boards.id")),  # the board that stands for it
)
# The standing card of a group in a chat; there is at most one.
Index(
    "cards_one_open",
    cards.c.alert_group,
    cards.c.chat_id,
    cards.c.thread_id,
    **one("closed_at IS NULL"),
)
# What a board stands for.
Index("cards_board", cards.c.board_id)
# What is old enough to be purged.
Index("cards_closed", cards.c.closed_at)
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
    Column("kind", String(16), nullable=False),  # a value of core.outbox.Kind
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger, nullable=False),
    Column("card_id", ROW_ID, ForeignKey("cards.id", ondelete="CASCADE")),  # card, ring, list
    Column("board_id", ROW_ID, ForeignKey("boards.id", ondelete="CASCADE")),  # board, its ring
    Column("facts", Json),  # of a message that is neither card nor list nor board
    Column("digest", DIGEST),  # tells repeats of such a message
    Column("priority", Integer, nullable=False),  # a value of core.outbox.Priority
    Column("is_loud", Boolean, nullable=False),  # whether its first showing makes a phone sound
    Column("is_held", Boolean, nullable=False),  # a board speaks for it
    Column("is_covered", Boolean, nullable=False),  # never shown: a board told of it to its end
    Column("is_whole", Boolean, nullable=False),  # whether what is shown leaves nothing out
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
    CheckConstraint("shown_revision <= revision", name="messages_shown_is_wanted_0002"),
    sqlite_autoincrement=True,  # a message under way must not settle another that took its number
)
# The queue: what is not shown as it should be, and may be.
Index(
    "messages_waiting",
    messages.c.chat_id,
    messages.c.priority,
    messages.c.waiting_since,
    **only("shown_revision < revision"),
)
# The messages of a card or a board. SQLite takes the partial ones below for no query that binds
# the kind as a parameter.
Index("messages_of_card", messages.c.card_id)
Index("messages_of_board", messages.c.board_id)
# One card message and one list a card.
Index("messages_card", messages.c.card_id, messages.c.kind, **one("kind IN ('card', 'list')"))
# One message a board.
Index("messages_board", messages.c.board_id, **one("kind = 'board'"))
# Repeats of what could not be read, and the notice of one matter.
Index("messages_digest", messages.c.digest)

chats = Table(
    "chats",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("paused_until", Instant),
    Column("pause_reason", String(32)),  # a value of core.outbox.Reason
    Column("moved_to", BigInteger),  # the supergroup that this group has become
)

destinations = Table(
    "destinations",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("broken_since", Instant),  # null while it takes messages
    Column("reason", String(32)),  # a value of core.outbox.Reason
    Column("detail", Json),  # Telegram's words
    Column("is_on_trial", Boolean, nullable=False),  # a check went well; the next message decides
    Column("checked_at", Instant),
)

calls = Table(
    "calls",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("message_id", ROW_ID, nullable=False),
    Column("is_board", Boolean, nullable=False),
    Column("at", Instant, nullable=False),  # when it began; when it ended, once it has
)
# What was sent in the last minute.
Index("calls_at", calls.c.at)

# What agents have told of logins.
logins = Table(
    "logins",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("event", DIGEST, nullable=False, unique=True),  # host and id: told twice, known once
    Column("facts", Json, nullable=False),
    Column("received_at", Instant, nullable=False),
)
# What is old enough to be purged.
Index("logins_received", logins.c.received_at)

state = Table(
    "state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
    Column("noted_at", Instant, nullable=False),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("beat_at", Instant, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("role", String(16), nullable=False),  # a value of core.access.Role
    Column("scope", Json, nullable=False),  # as core.access.Scope writes it
    Column("name", Json, nullable=False),  # what they called themselves when last seen
    Column("added_by", BigInteger),  # null: at the console, or by the first admin's link
    Column("added_at", Instant, nullable=False),
)

codes = Table(
    "codes",
    metadata,
    Column("digest", DIGEST, primary_key=True),  # the code itself is nowhere
    Column("purpose", String(16), nullable=False),  # a value of core.enrolment.Purpose
    Column("gives", Json, nullable=False),  # to whoever uses it: a role and scope, a host
    Column("made_by", BigInteger),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("used_by", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("entry", Json, nullable=False),  # who, chat, what, on what, outcome
    Column("previous", DIGEST, nullable=False),  # the digest of the entry before
    Column("digest", DIGEST, nullable=False),  # of all the above
    sqlite_autoincrement=True,  # a number that was cut off must not come again
)
# What is old enough to be purged.
Index("audit_at", audit.c.at)

updates = Table(
    "updates",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Json, nullable=False),  # as Telegram sent it
    Column("received_at", Instant, nullable=False),
    Column("begun_at", Instant),
    Column("done_at", Instant),
)
# What is left to be done after a restart; what is old enough to be purged.
Index("updates_done", updates.c.done_at)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("matchers", Json, nullable=False),  # none: every alert
    Column("since", Instant, nullable=False),
    Column("made_by", BigInteger),
)

preferences = Table(
    "preferences",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("chosen", Json, nullable=False),  # language, zone, notify, quiet, kinds: those chosen
    Column("scope", Json, nullable=False),  # the hosts that exist here, as core.access.Scope
    Column("title", Json, nullable=False),  # what the chat was called when last seen
)
