"""The last resort: cards without templates, formatting or catalogues, in English."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final

from bridge.core.cards import CardFacts, Member, UnreadableFacts
from bridge.core.formatted import Formatted, fit
from bridge.core.spans import render_span
from bridge.limits import MESSAGE_CHARACTERS, UNREADABLE_CHARACTERS
from bridge.views.markup import shorten
from bridge.views.shown import MARKS, OVER, worst_mark

_WORD: Final = 200  # characters: names, hosts, values
_PROSE: Final = 1000  # characters: a summary
_RESERVED: Final = 100  # characters: what is said of members left out


def render_plain_card(facts: CardFacts, *, zone: tzinfo = UTC) -> Formatted:
    """Write a card with nothing in it that could fail or be refused."""
    head = f"{worst_mark(facts)} {_state(facts)}  {_subject(facts)}"
    room = MESSAGE_CHARACTERS - _RESERVED - len(head)
    blocks: list[str] = []
    for member in facts.members:
        block = "\n" + "\n".join(_lines(member, facts, zone))
        room -= len(block)
        if room < 0:
            break
        blocks.append(block)
    left_out = len(facts.members) - len(blocks)
    tail = [f"\nand {left_out} more"] if left_out else []
    if facts.truncated:
        tail.append(f"\nAlertmanager left out {facts.truncated} more")
    return fit(Formatted("".join((head, *blocks, *tail))), MESSAGE_CHARACTERS)


def render_plain_unreadable(facts: UnreadableFacts) -> Formatted:
    """Write what could not be read as it came."""
    raw = _short(facts.raw, UNREADABLE_CHARACTERS, lines=True)
    text = f"⚠️ UNREADABLE  {_short(facts.fault, _WORD)}\n{raw}"
    return fit(Formatted(text.rstrip()), MESSAGE_CHARACTERS)


def _state(facts: CardFacts) -> str:
    return "FIRING" if facts.firing or not facts.members else "RESOLVED"


def _subject(facts: CardFacts) -> str:
    if len(facts.members) == 1:
        return _named(facts.members[0])
    hosts = {member.host for member in facts.members}
    where = [_short(host, _WORD) for host in hosts if host and len(hosts) == 1]
    counts = [(len(facts.firing), "firing"), (len(facts.resolved), "over")]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return " · ".join((*where, said or "no alerts"))


def _lines(member: Member, facts: CardFacts, zone: tzinfo) -> Iterator[str]:
    if len(facts.members) > 1:
        yield f"{MARKS[member.severity] if member.is_firing else OVER} {_named(member)}"
    if member.summary:
        yield _short(member.summary, _PROSE)
    when = f"since {_time(member.started_at, zone)}"
    if member.lasted is not None and member.ended_at is not None:
        when = f"lasted {render_span(member.lasted)}, until {_time(member.ended_at, zone)}"
    yield " · ".join(each for each in (_short(member.severity_word, _WORD), when) if each)
    if member.value:
        yield f"value: {_short(member.value, _WORD)}"
    if member.instance and member.instance != member.host:
        yield f"instance: {_short(member.instance, _WORD)}"


def _named(member: Member) -> str:
    parts = (_short(member.host, _WORD), _short(member.name, _WORD))
    return " · ".join(part for part in parts if part)


def _short(value: str, limit: int, *, lines: bool = False) -> str:
    shown, left_out = shorten(value, limit, lines=lines)
    return f"{shown.strip()}… (+{left_out} characters)" if left_out else shown.strip()


def _time(at: datetime, zone: tzinfo) -> str:
    try:
        there = at.astimezone(zone)
    except OverflowError:
        there = at.astimezone(UTC)
    return f"{there:%Y-%m-%d %H:%M:%S %Z}"
