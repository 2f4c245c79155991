"""Which chats hear an alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOBODY = 0
"""The chat id of what waits for somebody to hear it; Telegram never gives out 0."""


@dataclass(frozen=True, order=True)
class Destination:
    """A chat, or one topic of a forum chat."""

    chat_id: int
    """64 bits, negative for groups."""
    thread_id: int = 0
    """The topic; 0 is the chat itself."""

    def __str__(self) -> str:
        """Write it as settings and addresses do: `chat` or `chat/topic`."""
        return f"{self.chat_id}/{self.thread_id}" if self.thread_id else str(self.chat_id)


def choose_audience(
    subscribed: Sequence[Destination], addressed: Destination | None
) -> tuple[Destination, ...]:
    """Say who hears a webhook: the one it is addressed to, else all subscribed, else nobody yet."""
    if addressed is not None:
        return (addressed,)
    return tuple(dict.fromkeys(subscribed)) or (Destination(NOBODY),)
