"""How the bridge is, and who did what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from bridge import limits
from bridge.core.access import Role
from bridge.core.audit import Entry
from bridge.core.formatted import Content, Formatted, fit
from bridge.core.keyboards import Button, Keyboard
from bridge.core.stats import StatsFacts
from bridge.errors import Mistake
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.views.voice import marked

_SHOWN: Final = 10  # chosen: a phone's screen
_MOST_SHOWN: Final = 50  # chosen: one message of short lines


class Audit(Protocol):
    """Who did what."""

    async def newest(self, most: int) -> Sequence[tuple[int, Entry]]:
        """List the newest entries with their numbers, the newest first."""
        ...


class BooksCommands:
    """`/stats` and `/audit`."""

    def __init__(self, stats: Callable[[], Awaitable[StatsFacts]], audit: Audit) -> None:
        self._stats = stats
        self._audit = audit

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (
            Command(
                name="stats",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("How I am: queues, deliveries, health"),
                run=self._tell_stats,
            ),
            Command(
                name="audit",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Who did what"),
                usage="[number]",
                example="20",
                run=self._tell_audit,
            ),
        )

    async def _tell_stats(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        asked.actor.require_everywhere()
        facts = await self._stats()
        refresh = Button(label=asked.voice.say("🔄 Refresh"), press="stats")
        return Content(
            text=asked.voice.write(
                "stats", stats=facts, dashboard=asked.voice.dashboards.find_itself()
            ),
            keyboard=Keyboard(((refresh,),)),
        )

    async def _tell_audit(self, asked: Asked) -> Content:
        require_words(asked, 0, 1)
        asked.actor.require_everywhere()
        most = parse_count(asked.words[0], _MOST_SHOWN) if asked.words else _SHOWN
        entries = [(number, _brief(each)) for number, each in await self._audit.newest(most)]
        return Content(text=asked.voice.write_list("audit", "entries", entries))


def _brief(entry: Entry) -> Entry:
    """Shorten an entry to a line or two; the console shows all of it."""
    return replace(
        entry,
        name=_shorten(entry.name),
        what=_shorten(entry.what),
        on=_shorten(entry.on),
        detail=_shorten(entry.detail),
    )


def _shorten(text: str) -> str:
    return fit(Formatted(text), limits.AUDIT_LINE_CHARACTERS).text


def parse_count(word: str, most: int) -> int:
    """Read how many are wanted.

    Raises:
        Mistake: it is no number, or not between 1 and the most.
    """
    if not (word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= most):
        raise Mistake("%(word)s is no number from 1 to %(most)s", word=word, most=most)
    return int(word)
