"""Which chats hear an alert."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

TOPIC_GONE = "topic_gone"
"""The value of the `Reason` of that name; `outbox` knows this module, not the other way round."""
NOBODY = 0
"""The chat id of what waits for somebody to hear it; Telegram never gives out 0."""

Hears = Callable[[Mapping[str, str]], bool]
"""Says whether an alert of these labels is heard."""


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


UNHEARD = Destination(NOBODY)
"""Where alerts wait for somebody to hear them."""
UNWANTED = Destination(NOBODY, 1)
"""Where cards are filed that no chat is to be shown: nothing is ever sent from there."""


def hear_everything(labels: Mapping[str, str]) -> bool:
    """Hear every alert."""
    del labels
    return True


@dataclass(frozen=True, kw_only=True)
class Hearer:
    """A destination that hears an alert, and for whom if not for itself."""

    destination: Destination
    instead_of: Destination | None = None
    because: str = ""
    """Why that one cannot hear: the value of a `Reason`."""
    also_for: tuple[Destination, ...] = ()
    """Further broken destinations that it hears for."""
    addressed: Destination | None = None
    """The one destination that the webhook is for; None where it is for all who are subscribed."""
    hears: Hears = field(default=hear_everything, compare=False)
    """Which alerts it is shown."""
    hears_unreadable: bool = field(default=True, compare=False)
    """Whether it is shown what cannot be read."""

    @property
    def whose(self) -> tuple[Destination, ...]:
        """Name all whose alerts it hears."""
        return (self.instead_of or self.destination, *self.also_for)


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
    hearers = {each: Hearer(destination=each, addressed=addressed) for each in wanted or (UNHEARD,)}
    for each in wanted:
        instead = choose_fallback(each, broken=broken, fallback=fallback)
        if instead in hearers:
            known = hearers[instead]
            hearers[instead] = replace(known, also_for=(*known.also_for, each))
        elif instead is not None:
            hearers[instead] = Hearer(
                destination=instead,
                instead_of=each,
                because=broken[each],
                addressed=addressed,
            )
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
