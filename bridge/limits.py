"""Every bound the bridge keeps: value, unit, and where it comes from."""

from __future__ import annotations

from datetime import timedelta

# Telegram
MESSAGE_CHARACTERS = 4096  # Bot API sendMessage: code points after entity parsing
MESSAGE_ENTITIES = 100  # observed: further entities are dropped by Telegram
SEND_TIMEOUT_SECONDS = 20  # chosen: Telegram answers within seconds or not at all

# Webhook
WEBHOOK_BYTES = 32 * 1024 * 1024  # the contract with Alertmanager's users
WEBHOOK_READ_SECONDS = 30  # chosen: a body that drips slower than this is an attack or a dead link
INLINE_PARSE_BYTES = 256 * 1024  # chosen: below this, parsing JSON stalls the loop for under 5 ms
UNREADABLE_CHARACTERS = 3000  # chosen: fits one message beside its headline

# Delivery
# three times the send timeout: a claim never overlaps a live attempt
CLAIM_LEASE = timedelta(seconds=60)
BACKOFF_FIRST = timedelta(seconds=1)  # chosen: a dropped connection usually works a second later
# chosen: Telegram back after hours shows cards within a minute
BACKOFF_LONGEST = timedelta(minutes=1)
# chosen: a chat that refuses us is asked again six times an hour
BACKOFF_REFUSED = timedelta(minutes=10)
RATE_LIMIT_LONGEST = timedelta(days=1)  # chosen: a longer wait is a broken server's
# chosen: how soon an outcome that was not kept is written again
SETTLE_AGAIN = timedelta(seconds=1)
WAITING_LOOK = 500  # chosen: messages looked at in one pass; the next pass sees the rest
DELIVERY_PASS = timedelta(seconds=1)  # chosen: the longest a due message waits for the next look

# Records
UNREADABLE_REPEAT = timedelta(hours=1)  # Alertmanager re-delivers for minutes; later is news again

# Health
HEALTH_PASS = timedelta(seconds=15)  # the default scrape interval
HEALTH_TIMEOUT_SECONDS = 5  # chosen: a probe slower than this is as good as failed
HEALTH_PATIENCE = timedelta(seconds=10)  # chosen: beyond the store's wait for another writer
# chosen: how soon a store that could not be opened is tried again
STORE_REOPEN = timedelta(seconds=2)
