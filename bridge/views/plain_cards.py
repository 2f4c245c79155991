"""The last resort: cards without templates, formatting or catalogues, in English."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final

from bridge.core.cards import CardFacts, Ending, Member, UnreadableFacts
from bridge.core.formatted import Content, Formatted, fit
from bridge.core.spans import render_span
from bridge.limits import MESSAGE_CHARACTERS, UNREADABLE_CHARACTERS
from bridge.views.markup import shorten
from bridge.views.shown import OWN_PLACE, PLUMBING, other_annotations
from bridge.views.words import MUTED, is_lost, mark_of, worst_mark

WORD: Final = 200  # characters: names, hosts, values
_PROSE: Final = 1000  # characters: a summary
_RESERVED: Final = 500  # characters: what is said beside the members

ENDINGS: Final = {
    Ending.UNREACHABLE: "no data: the host does not answer",
    Ending.UNMONITORED: "no longer monitored",
    Ending.UNCONFIRMED: "over (Prometheus could not confirm it)",
}


def render_plain_card(facts: CardFacts, *, zone: tzinfo = UTC) -> Content:
    """Write a card with nothing in it that could fail or be refused."""
    head = f"{worst_mark(facts.members)} {plain_state(facts)}  {_subject(facts)}"
    room = MESSAGE_CHARACTERS - _RESERVED - len(head)
    blocks: list[str] = []
    for member in facts.members:
        block = "\n" + "\n".join(_lines(member, facts, zone))
        room -= len(block)
        if room < 0:
            break
        blocks.append(block)
    left_out = len(facts.members) - len(blocks)
    is_whole = not left_out and all(_is_told(member) for member in facts.members)
    tail = [f"\n{line}" for line in _tail(facts, left_out, zone)]
    if not is_whole:
        tail.append("\n📎 everything is in the file below")
    text = fit(Formatted("".join((head, *blocks, *tail))), MESSAGE_CHARACTERS)
    return Content(text=text, is_whole=is_whole)


def render_plain_unreadable(facts: UnreadableFacts) -> Content:
    """Write what could not be read as it came."""
    raw = plain_text(facts.raw, UNREADABLE_CHARACTERS, lines=True)
    text = f"⚠️ UNREADABLE  {plain_text(facts.fault, WORD)}\n{raw}"
    return Content(
        text=fit(Formatted(text.rstrip()), MESSAGE_CHARACTERS),
        is_whole=len(facts.raw) <= UNREADABLE_CHARACTERS,
    )


def plain_state(facts: CardFacts) -> str:
    """Say in a word how a card stands."""
    if facts.firing or not facts.members:
        return "FIRING"
    endings = {each.ending for each in facts.members}
    if Ending.UNREACHABLE in endings:
        return "NO DATA"
    if Ending.UNMONITORED in endings:
        return "NO LONGER MONITORED"
    return "OVER, NOT CONFIRMED" if Ending.UNCONFIRMED in endings else "RESOLVED"


def plain_counts(firing: int, over: int, lost: int) -> str:
    """Say how many fire, are over, and are over without anybody knowing."""
    counts = ((firing, "firing"), (over, "over"), (lost, "without data"))
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "no alerts"


def count_plain(members: tuple[Member, ...]) -> str:
    """Count alerts in words."""
    firing = sum(each.is_firing for each in members)
    lost = sum(is_lost(each) for each in members)
    return plain_counts(firing, len(members) - firing - lost, lost)


def plain_named(member: Member, limit: int = WORD) -> str:
    """Say where and what an alert is."""
    parts = (plain_text(member.host, limit), plain_text(member.name, limit))
    return " · ".join(part for part in parts if part)


def plain_text(value: str, limit: int, *, lines: bool = False) -> str:
    """Make foreign text harmless; say how much of it is left out."""
    shown, left_out = shorten(value, limit, lines=lines)
    return f"{shown.strip()}… (+{left_out} characters)" if left_out else shown.strip()


def plain_time(at: datetime, zone: tzinfo) -> str:
    """Say when it was."""
    try:
        there = at.astimezone(zone)
    except OverflowError:
        there = at.astimezone(UTC)
    return f"{there:%Y-%m-%d %H:%M:%S %Z}"


def _subject(facts: CardFacts) -> str:
    if len(facts.members) == 1:
        return plain_named(facts.members[0])
    hosts = {member.host for member in facts.members}
    where = [plain_text(host, WORD) for host in hosts if host and len(hosts) == 1]
    return " · ".join((*where, count_plain(facts.members)))


def _lines(member: Member, facts: CardFacts, zone: tzinfo) -> Iterator[str]:
    if len(facts.members) > 1:
        yield f"{mark_of(member)} {plain_named(member)}"
    if member.summary:
        yield plain_text(member.summary, _PROSE)
    when = f"since {plain_time(member.started_at, zone)}"
    if member.lasted is not None and member.ended_at is not None:
        word = "fired for" if is_lost(member) else "lasted"
        when = f"{word} {render_span(member.lasted)}, until {plain_time(member.ended_at, zone)}"
    muting = f"{MUTED} {member.muting.value}" if member.muting and member.is_firing else ""
    ending = ENDINGS.get(member.ending or Ending.RECOVERED, "") if member.ended_at else ""
    parts = (plain_text(member.severity_word, WORD), muting, ending, when)
    yield " · ".join(each for each in parts if each)
    if member.value:
        yield f"value: {plain_text(member.value, WORD)}"
    if member.instance and member.instance != member.host:
        yield f"instance: {plain_text(member.instance, WORD)}"


def _tail(facts: CardFacts, left_out: int, zone: tzinfo) -> Iterator[str]:
    if left_out:
        yield f"and {left_out} more"
    if facts.truncated:
        yield f"Alertmanager left out {facts.truncated} more"
    if facts.firing and facts.repeated_at is not None:
        yield f"🔁 still firing, repeated {plain_time(facts.repeated_at, zone)}"
    change = facts.change
    if facts.firing and change is not None:
        begun = max(0, change.begun - change.worse)
        counts = ((begun, "new"), (change.ended, "over"), (change.worse, "worse"))
        said = ", ".join(f"{count} {word}" for count, word in counts if count > 0)
        if said:
            yield f"↻ {plain_time(change.at, zone)} · {said}"
    if facts.instead_of:
        because = plain_text(facts.instead_because.replace("_", " "), 60)
        chat = plain_text(facts.instead_of, 60)
        yield f"↪️ for chat {chat}, which cannot be reached: {because}".rstrip(": ")


def _is_told(member: Member) -> bool:
    """Say whether a plain card tells all there is of an alert."""
    words = (member.name, member.host, member.instance, member.value, member.severity_word)
    is_short = all(len(each) <= WORD for each in words) and len(member.summary) <= _PROSE
    if not member.labels.keys() <= OWN_PLACE | PLUMBING or not is_short:
        return False
    is_said = member.description in {"", member.summary} and not member.runbook
    return not member.is_firing or (is_said and not other_annotations(member))
