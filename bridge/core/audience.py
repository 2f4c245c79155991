"""Which chats hear an alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOPIC_GONE = "topic_gone"
"""The value of the `Reason` of that name; `outbox` knows this module, not the other way round."""
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


@dataclass(frozen=True, kw_only=True)
class Hearer:
    """A destination that hears an alert, and for whom if not for itself."""

    destination: Destination
    instead_of: Destination | None = None
    because: str = ""
    """Why that one cannot hear: the value of a `Reason`."""


def choose_audience(
    subscribed: Sequence[Destination],
    addressed: Destination | None,
    *,
    broken: Mapping[Destination, str],
    fallback: Destination | None,
) -> tuple[Hearer, ...]:
    """Say who hears a webhook: the one it is addressed to, else all subscribed, else nobody yet.

    What a `broken` destination (destination → reason) should hear waits there, and the fallback
    hears it at once, unless that is broken itself.
    """
    wanted = (addressed,) if addressed is not None else tuple(dict.fromkeys(subscribed))
    hearers = {each: Hearer(destination=each) for each in wanted or (Destination(NOBODY),)}
    for each in wanted:
        instead = choose_fallback(each, broken=broken, fallback=fallback)
        if instead is not None:
            hearer = Hearer(destination=instead, instead_of=each, because=broken[each])
            hearers.setdefault(instead, hearer)
    return tuple(hearers.values())


def choose_fallback(
    here: Destination, *, broken: Mapping[Destination, str], fallback: Destination | None
) -> Destination | None:
    """Say who hears what a broken destination cannot; None where it is well or nobody can.

    Without a fallback, the forum around a topic that is gone hears it.
    """
    if here not in broken:
        return None
    forum = Destination(here.chat_id) if broken[here] == TOPIC_GONE else None
    for instead in (fallback, forum):
        if instead is not None and instead != here and instead not in broken:
            return instead
    return None
