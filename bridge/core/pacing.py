"""What may go now, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from bridge.core.outbox import Waiting


def choose(
    waiting: Iterable[Waiting], *, now: datetime, under_way: Collection[int] = ()
) -> list[int]:
    """Pick the messages to send now: the oldest that is due in each chat, one a chat at a time.

    `waiting` comes oldest first. One at a time keeps the order a chat sees; chats do not wait for
    each other. `under_way` are the chats that we are sending to: a lease that has lapsed meanwhile
    is no leave to send a second time.
    """
    chosen: dict[int, int] = {}
    busy = set(under_way)
    for message in waiting:
        chat = message.destination.chat_id
        if message.leased_until is not None and message.leased_until > now:
            busy.add(chat)
            continue
        paused = message.chat_paused_until is not None and message.chat_paused_until > now
        if not paused and message.due_at <= now:
            chosen.setdefault(chat, message.id)
    return [message for chat, message in chosen.items() if chat not in busy]
