"""The part of the schema that is about hosts: their agents, what they tell, what runs there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from bridge.store.tables import DIGEST, ROW_ID, Instant, Json, metadata, one, only

# Commands that people have begun; see core.kept_jobs for the stages.
jobs = Table(
    "jobs",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),  # what its names on the hosts come of
    Column("kind", String(16), nullable=False, server_default="run"),  # a value of Kind
    Column("host", Text, nullable=False),  # the first of its hosts
    Column("command", Json, nullable=False),  # as it was typed
    Column("about", Json),  # hosts, port, within, name, what, reply_to; null: of an earlier version
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger, nullable=False),
    Column("telegram_id", BigInteger),  # the message that tells of it
    Column("begun_by", BigInteger, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("out_at", Instant),  # from here on a host may have been asked
    Column("unwanted_at", Instant),  # when somebody pressed Stop
    Column("ended_at", Instant),
    Column("ending", Json),  # how it ended on each host, until that is told
    Column("told_at", Instant),  # null: the chat does not know its end
    Column("owner", String(32)),  # the run of a bridge that follows it
    Column("leased_until", Instant),  # then nobody does, if nothing was heard of the owner
    sqlite_autoincrement=True,  # a button names it by its number
)
# What is old enough to be purged.
Index("jobs_ended", jobs.c.ended_at)
# What has to be brought to its end, or told.
Index("jobs_untold", jobs.c.id, **only("told_at IS NULL"))

# Codes that let hosts in; a host has one good code at most.
agent_codes = Table(
    "agent_codes",
    metadata,
    Column("digest", DIGEST, primary_key=True),  # of the secret, which is nowhere
    Column("host", String(64), nullable=False),  # in small letters
    Column("about", Json, nullable=False),  # the host as it is written, where its agent will be
    Column("made_by", BigInteger),  # null: at the console
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("replaced_at", Instant),  # when a newer one took its place, or the host went
    Column("told", Json, nullable=False),  # what of its misuse somebody was told
)
# The codes that a fresh one replaces.
Index("agent_codes_host", agent_codes.c.host)

# Every key that ever spoke for a host. Those that were revoked stay for good.
agents = Table(
    "agents",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("host", String(64), nullable=False),  # in small letters
    Column("key", DIGEST, nullable=False, unique=True),  # hexadecimal digits
    Column("about", Json, nullable=False),  # host, serial, address, version
    Column("enrolled_at", Instant, nullable=False),
    Column("last_seen", Instant),
    Column("revoked_at", Instant),  # null: it speaks for its host
)
# One key speaks for a host.
Index("agents_one_alive", agents.c.host, **one("revoked_at IS NULL"))

# What hosts have told; each copy of a letter is the same row.
letters = Table(
    "letters",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("digest", DIGEST, nullable=False, unique=True),
    Column("about", Json, nullable=False),  # host, kind, facts
    Column("issued_at", Instant, nullable=False),  # by the host's clock
    Column("received_at", Instant, nullable=False),
    Column("done_at", Instant),  # null: nobody has read it yet
    sqlite_autoincrement=True,  # a letter under way must not end another that took its number
)
# What waits to be read, in order.
Index("letters_waiting", letters.c.done_at, letters.c.id)
# What is old enough to be purged.
Index("letters_received", letters.c.received_at)
