"""Digests: many cards as a title and plain text, for the ways out that are not Telegram."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import partial

from bridge.core.cards import CardFacts, Member, in_order
from bridge.core.formatted import Formatted, fit
from bridge.core.second_way import Digest
from bridge.limits import TITLE_CHARACTERS
from bridge.views.locale import Translator
from bridge.views.plain_cards import count_plain, plain_named, plain_text, plain_time
from bridge.views.words import MUTED, Words, mark_of, worst_mark

_WORD = 60  # characters: a name or a host
_PROSE = 200  # characters: a summary
_SEPARATOR = 2  # characters: what a way out without titles puts between title and text


@dataclass(frozen=True, kw_only=True)
class Block:
    """What is said of one card: as many lines as there is room for."""

    lines: tuple[tuple[Member, str], ...] = ()
    left_out: int = 0

    @property
    def length(self) -> int:
        """Count its characters, each line with its end."""
        return sum(len(line) + 1 for _, line in self.lines)

    def shortened(self) -> Block:
        """Leave one more line out."""
        return Block(lines=self.lines[:-1], left_out=self.left_out + 1)


WriteBlock = Callable[[CardFacts, int], Block | None]
"""A card and the room for it; None where it cannot be written."""
WriteTail = Callable[[int, int, int], list[str]]
"""How many alerts are left out here, were left out by Alertmanager, and how many cards follow."""


@dataclass(kw_only=True)
class _Page:
    """What is written so far."""

    blocks: tuple[Block, ...] = ()
    written: tuple[int, ...] = ()
    truncated: int = 0
    tail: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        return sum(block.length for block in self.blocks) + sum(len(each) + 1 for each in self.tail)

    def render(self) -> str:
        lines = {id(member): line for block in self.blocks for member, line in block.lines}
        members = in_order([member for block in self.blocks for member, _ in block.lines])
        return "\n".join((*(lines[id(member)] for member in members), *self.tail))


def write_digest(
    facts: Sequence[CardFacts],
    *,
    limit: int,
    zone: tzinfo,
    now: datetime,
    translator: Translator,
) -> Digest:
    """Write a title and a text that together keep within `limit` characters, the worst first.

    As many cards as fit are written, in the order given; the others are counted. The first one is
    always written: what has no room of it is counted.
    """
    words = Words(translator=translator, zone=zone, now=now)
    members = [member for card in facts for member in card.members]
    title = _title(words, members, min(TITLE_CHARACTERS, limit // 2))
    room = max(0, limit - len(title) - _SEPARATOR)
    page = _fill(
        facts,
        room,
        write_block=lambda card, left: _write_block(card, left, partial(_line, words)),
        write_tail=partial(_tail, words),
    )
    if len(page.written) < len(facts):
        told = [member for place in page.written for member in facts[place].members]
        title = _title(words, told, len(title))
    return Digest(title, _cut(page.render(), room), page.written)


def write_plain_digest(
    facts: Sequence[CardFacts],
    *,
    limit: int,
    attempt: Callable[[Callable[[], Block]], Block | None],
) -> Digest:
    """Write what can be written with no catalogue and no time zone, in English, card by card."""
    room = max(0, limit - min(TITLE_CHARACTERS, limit // 2) - _SEPARATOR)
    page = _fill(
        facts,
        room,
        write_block=lambda card, left: attempt(lambda: _write_block(card, left, _plain_line)),
        write_tail=_plain_tail,
    )
    members = tuple(member for place in page.written for member in facts[place].members)
    title = _cut(f"{worst_mark(members)} {count_plain(members)}", limit // 2) if members else ""
    return Digest(title, _cut(page.render(), room), page.written)


def _fill(
    facts: Sequence[CardFacts], room: int, *, write_block: WriteBlock, write_tail: WriteTail
) -> _Page:
    """Write cards until there is no room; none is begun that does not fit, but for the first."""
    page = _Page()
    for place, card in enumerate(facts):
        block = write_block(card, room - sum(each.length for each in page.blocks))
        if block is None:
            continue
        after = _add(page, place, card, block, write_tail=write_tail, waiting=len(facts))
        if page.written and (block.left_out or after.length > room + 1):
            break
        while block.lines and after.length > room + 1:  # the last line needs no end
            block = block.shortened()
            after = _add(page, place, card, block, write_tail=write_tail, waiting=len(facts))
        page = after
        if block.left_out:
            break
    return page


def _add(
    page: _Page,
    place: int,
    card: CardFacts,
    block: Block,
    *,
    write_tail: WriteTail,
    waiting: int,
) -> _Page:
    truncated = page.truncated + card.truncated
    return replace(
        page,
        blocks=(*page.blocks, block),
        written=(*page.written, place),
        truncated=truncated,
        tail=tuple(write_tail(block.left_out, truncated, waiting - place - 1)),
    )


def _write_block(card: CardFacts, room: int, write_line: Callable[[Member], str]) -> Block:
    lines: list[tuple[Member, str]] = []
    for member in in_order(card.members):
        line = write_line(member)
        room -= len(line) + 1
        if room < -1:  # the last line needs no end
            break
        lines.append((member, line))
    return Block(lines=tuple(lines), left_out=len(card.members) - len(lines))


def _title(words: Words, members: Sequence[Member], limit: int) -> str:
    head = f"{worst_mark(members)} {words.counts(members)}"
    named = f"{head}: {words.named(in_order(members)[0], _WORD)}" if members else head
    return _cut(named if len(named) <= limit else head, limit)


def _tail(words: Words, left_out: int, truncated: int, waiting: int) -> list[str]:
    said = (words.more(left_out), words.truncated(truncated), _following(words, waiting))
    return [each for each in said if each]


def _following(words: Words, count: int) -> str:
    if not count:
        return ""
    said = words.translator.ngettext(
        "%(count)s more group of alerts follows in the next message",
        "%(count)s more groups of alerts follow in the next message",
        count,
    )
    return said % {"count": words.translator.render_count(count)}


def _line(words: Words, member: Member) -> str:
    muting = words.muting(member)
    when = words.lasted(member) if member.ended_at else words.since(member.started_at)
    parts = (
        f"{mark_of(member)} {words.named(member, _WORD)}",
        f"{MUTED} {muting}" if muting else "",
        words.ending(member),
        when,
        words.text(member.summary, _PROSE),
    )
    return " · ".join(part for part in parts if part)


def _plain_line(member: Member) -> str:
    when = f"since {plain_time(member.started_at, UTC)}"
    if member.ended_at is not None:
        when = f"over at {plain_time(member.ended_at, UTC)}"
    named = f"{mark_of(member)} {plain_named(member, _WORD)}"
    parts = (named, when, plain_text(member.summary, _PROSE))
    return " · ".join(part for part in parts if part)


def _plain_tail(left_out: int, truncated: int, waiting: int) -> list[str]:
    said = (
        (left_out, f"and {left_out} more"),
        (truncated, f"Alertmanager left out {truncated} more"),
        (waiting, f"groups of alerts that follow in the next message: {waiting}"),
    )
    return [words for count, words in said if count > 0]


def _cut(text: str, limit: int) -> str:
    return fit(Formatted(text), limit).text
