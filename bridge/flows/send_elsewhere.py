"""While Telegram is away, what waits for it goes the second way out; afterwards the chats hear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from bridge.core.cards import CardFacts, Ending, Member
from bridge.core.notices import NoticeFacts
from bridge.core.second_way import STATE_NAME, Digest, SecondWay, WaitingCard, gather_alike
from bridge.errors import Outage
from bridge.logs import create_log

_log = create_log(__name__)

Render = Callable[[Sequence[CardFacts], datetime], Digest]
"""Cards as a title and plain text; works in a thread beside the loop."""
Confirmed = tuple[tuple[Member, ...], Mapping[int, Ending]]
Confirm = Callable[[Sequence[Member], datetime], Awaitable[Confirmed]]
"""Asks what the ends of alerts really were: the members, and what is news, by episode."""


@dataclass(frozen=True)
class Pen:
    """What digests are written with."""

    confirm: Confirm
    render: Render


class Queue(Protocol):
    """Knows what waits."""

    async def waiting_cards(self, *, now: datetime) -> Sequence[WaitingCard]:
        """Give every card that a chat should see otherwise than it does, the oldest first."""
        ...


class Ways(Protocol):
    """Destinations that are not Telegram."""

    @property
    def names(self) -> Sequence[str]:
        """Name them all."""
        ...

    async def send(
        self, name: str, title: str, body: str, *, taken_late: Callable[[], None]
    ) -> None:
        """Raise Outage unless that one took it; if it does so afterwards, call `taken_late`."""
        ...


class Notices(Protocol):
    """Tells the chats that hear alerts."""

    async def put_notice(self, facts: NoticeFacts, *, now: datetime) -> None:
        """Return once it is on disk; a second time with the same beginning is an edit."""
        ...


class Memory(Protocol):
    """Remembers a JSON value over a restart."""

    async def get(self, name: str) -> Any:
        """Recall it; None where there is none."""
        ...

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Return once it is on disk."""
        ...


async def send_elsewhere(
    second_way: SecondWay,
    *,
    queue: Queue,
    ways: Ways,
    pen: Pen,
    notices: Notices,
    memory: Memory,
    clock: Callable[[], datetime],
    chance: Callable[[], float],
) -> None:
    """Do one pass; a crash between sending and remembering may repeat a digest, never lose one.

    Raises:
        Outage: the store does not answer; the next pass does what this one could not.
    """
    if not second_way.is_restored:
        second_way.restore(await memory.get(STATE_NAME))
    # First what hurries: a store that cannot be written must not keep what it still can read.
    if second_way.is_away(clock()):
        # Each time: another bridge that shares the store may have sent what we have not.
        second_way.merge(await memory.get(STATE_NAME))
        waiting = await queue.waiting_cards(now=clock())
        second_way.forget_all_but(waiting)
        if second_way.is_away(clock()):  # it may be back by now
            chosen = _choose(second_way, ways, waiting, clock())
            if chosen:
                with suppress(Outage):  # what it is for is told all the same
                    await _remember(second_way, memory, clock())
            sent = (
                _send(second_way, ways, name, cards, pen=pen, clock=clock, chance=chance)
                for name, cards in chosen.items()
            )
            await asyncio.gather(*sent)
    for notice in second_way.over:
        await notices.put_notice(notice, now=clock())
        second_way.note_told(notice)
    if second_way.is_unwritten:
        await _remember(second_way, memory, clock())


def _choose(
    second_way: SecondWay, ways: Ways, waiting: Sequence[WaitingCard], now: datetime
) -> dict[str, list[WaitingCard]]:
    """Choose what goes which way now, and note that it does."""
    chosen = {name: second_way.choose(name, waiting, now) for name in ways.names}
    begun = {name: cards for name, cards in chosen.items() if cards}
    for name in begun:
        second_way.note_begun(name, now)
    return begun


async def _remember(second_way: SecondWay, memory: Memory, now: datetime) -> None:
    written = second_way.write()
    await memory.put(STATE_NAME, written, now=now)
    second_way.note_written(written)


async def _confirm(
    waiting: Sequence[WaitingCard], confirm: Confirm, now: datetime
) -> list[WaitingCard]:
    """Ask whether what is over has recovered, before anything says so."""
    members = [each for _, _, facts in waiting for each in facts.members]
    try:
        confirmed = iter((await confirm(members, now))[0])
    except Exception as fault:  # noqa: BLE001 - what waits is told all the same
        _log.error("the ends of alerts could not be confirmed", action="confirm", exc_info=fault)
        return list(waiting)
    return [
        (card_id, revision, replace(facts, members=tuple(islice(confirmed, len(facts.members)))))
        for card_id, revision, facts in waiting
    ]


async def _send(
    second_way: SecondWay,
    ways: Ways,
    name: str,
    cards: Sequence[WaitingCard],
    *,
    pen: Pen,
    clock: Callable[[], datetime],
    chance: Callable[[], float],
) -> None:
    cards = await _confirm(cards, pen.confirm, clock())
    # A storm takes a while to read; nothing else waits for it.
    digest, told = await asyncio.to_thread(_write, pen.render, cards, clock())
    try:
        await ways.send(
            name,
            digest.title,
            digest.body,
            taken_late=lambda: second_way.note_taken(name, told, clock()) if told else None,
        )
    except Outage as fault:
        _note_refused(second_way, name, fault.sentence, now=clock(), jitter=chance())
        return
    if not told:  # else it would be told once a minute that there is something to tell
        said = "cards that cannot be written wait for the second way out"
        _note_refused(second_way, name, said, now=clock(), jitter=chance())
        return
    second_way.note_taken(name, told, clock())
    _log.info(
        "went the second way out",
        action="second_way",
        way=name,
        cards=len(told),
        left=len(cards) - len(told),
    )


def _write(
    render: Render, cards: Sequence[WaitingCard], now: datetime
) -> tuple[Digest, list[WaitingCard]]:
    """Write what several chats show alike once; say also whose cards it tells of."""
    alike = gather_alike(cards)
    digest = render([same[0][2] for same in alike], now)
    return digest, [card for place in digest.written for card in alike[place]]


def _note_refused(
    second_way: SecondWay, name: str, sentence: str, *, now: datetime, jitter: float
) -> None:
    again_at = second_way.note_refused(name, now, jitter)
    _log.warning(
        sentence,
        action="second_way_failed",
        way=name,
        again_at=again_at.isoformat(timespec="seconds"),
    )
