"""The last resort for all but cards: no templates, no formatting, no catalogues, in English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import ListFacts, Member
from bridge.core.formatted import Content, Formatted, fit
from bridge.core.logins import LoginFacts, LoginKind
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.rings import RingFacts, RingKind
from bridge.core.spans import render_span
from bridge.core.watchdog import FORGOTTEN
from bridge.limits import CAPTION_CHARACTERS, MESSAGE_CHARACTERS, RING_CHARACTERS
from bridge.views.plain_cards import count_plain, plain_named, plain_text, plain_time
from bridge.views.rings import SIGNS
from bridge.views.words import OVER, mark_of, worst_mark

_SHORT: Final = 32  # characters: a name or a host in one line
_PROSE: Final = 500  # characters: Telegram's own words
_WORD: Final = 100  # characters: a name that somebody tried
_NAMED: Final = 2  # alerts that a ring names
_CAUSES: Final = 3  # names and hosts that a board names
_STATES: Final = {
    BoardState.STORM: "STORM",
    BoardState.AFTER: "AFTER THE STORM",
    BoardState.CLOSED: "STORM OVER",
}
_RINGS: Final = {
    RingKind.NEW: "new",
    RingKind.WORSE: "worse",
    RingKind.REPEAT: "still firing",
    RingKind.STORM: "new in the last minute",
    RingKind.RESOLVED: "over",
}
_NOTICES: Final = {
    NoticeKind.PIPELINE_SILENT: (
        "🔴 ALERTS MAY NOT ARRIVE: the Watchdog alert has stopped arriving",
        "✅ ALERTS ARRIVE AGAIN: the Watchdog alert is back",
    ),
    NoticeKind.CHAT_BROKEN: ("🔴 CHAT CANNOT BE REACHED", "✅ CHAT CAN BE REACHED AGAIN"),
    NoticeKind.CHAT_MOVED: (
        "🔵 CHAT HAS A NEW ID: the group became a supergroup",
        "✅ CHAT HAS A NEW ID: the group became a supergroup",
    ),
    NoticeKind.TELEGRAM_WAS_AWAY: ("🔴 TELEGRAM IS AWAY", "⚠️ TELEGRAM WAS AWAY"),
}
_LOGINS: Final = {
    LoginKind.LOGIN: "🔑 LOGIN",
    LoginKind.LOGOUT: "🚪 LOGOUT",
    LoginKind.FAILURE: "🚫 FAILED LOGINS",
    LoginKind.SUDO: "⬆️ ACTS AS ANOTHER",
}
_FORGOTTEN: Final = "⚪ PIPELINE NO LONGER EXPECTED: others have been heard in its place"

_WAYS_OUT: Final = {
    NoticeKind.PIPELINE_SILENT: (
        "check that Prometheus, Alertmanager and the way to here work, and that your own"
        " Alertmanager repeats its Watchdog more often than WATCHDOG_PATIENCE;"
        " more: docs/runbooks/Watchdog.md"
    ),
    NoticeKind.CHAT_BROKEN: "let the bot into the chat or topic, or mend ALERT_CHAT_ID",
    NoticeKind.CHAT_MOVED: "put the new id into ALERT_CHAT_ID in place of the old one",
    NoticeKind.TELEGRAM_WAS_AWAY: "check whether api.telegram.org can be reached",
}


def render_plain_ring(facts: RingFacts) -> Content:
    """Write a ring with nothing in it that could fail or be refused."""
    if not facts.members:
        is_resolve = facts.kind is RingKind.RESOLVED
        words = "RESOLVED" if is_resolve else "over again before this could be said"
        return _content(f"{OVER} {words}", RING_CHARACTERS)
    chosen = facts.members[:_NAMED]
    names = ", ".join(plain_named(each, _SHORT) for each in chosen)
    left_out = len(facts.members) - len(chosen)
    head = f"{worst_mark(facts.members)}{SIGNS[facts.kind]} {len(facts.members)}"
    more = f" and {left_out} more" if left_out else ""
    text = f"{head} {_RINGS[facts.kind]}: {names}{more}"
    if facts.firing > len(facts.members):
        text += f"\n{facts.firing} firing in all"
    return _content(text, RING_CHARACTERS)


def render_plain_list(facts: ListFacts) -> Content:
    """Write the caption of a card's whole text."""
    counts = count_plain(facts.card.members)
    text = f"{worst_mark(facts.card.members)} The whole card: {counts}"
    return _content(text, CAPTION_CHARACTERS)


def render_plain_board(facts: BoardFacts, *, zone: tzinfo, now: datetime) -> Content:
    """Write a board's caption with nothing in it that could fail or be refused."""
    lines = [f"{worst_mark(facts.members)} {_STATES[facts.state]}  {count_plain(facts.members)}"]
    wave = f"since {plain_time(facts.opened_at, zone)}"
    if facts.over_at is not None:
        begun, over = plain_time(facts.opened_at, zone), plain_time(facts.over_at, zone)
        wave = f"wave over: {begun} - {over}"
    lines.append(f"{wave}, {facts.arrived} alerts")
    telling = facts.firing or facts.members
    if telling:
        lines.append(_marks(facts.members))
        lines.append(f"Alerts: {_top(Counter(each.name for each in telling))}")
        hosts = Counter(each.host for each in telling if each.host)
        lines.extend([f"Hosts: {_top(hosts)}"] if hosts else [])
    lines.append(f"📎 the whole list as of {plain_time(now, zone)}")
    return _content("\n".join(lines), CAPTION_CHARACTERS)


def render_plain_notice(facts: NoticeFacts, *, zone: tzinfo) -> Content:
    """Write a notice with nothing in it that could fail or be refused."""
    lasting, over = _NOTICES[facts.kind]
    is_pipeline = facts.kind is NoticeKind.PIPELINE_SILENT
    is_forgotten = is_pipeline and facts.detail == FORGOTTEN
    over = _FORGOTTEN if is_forgotten else over
    lines = [lasting if facts.until is None else over]
    when = f"since {plain_time(facts.since, zone)}"
    if facts.until is not None:
        span = render_span(facts.until - facts.since)
        when = f"lasted {span}, until {plain_time(facts.until, zone)}"
    lines.append(when)
    told = (
        ("pipeline" if is_pipeline else "chat", facts.subject),
        ("reason", facts.reason.replace("_", " ")),
        ("detail", "" if is_forgotten else facts.detail),
        ("its alerts go to chat", facts.fallback),
        ("alerts sent the second way out", str(facts.count) if facts.count else ""),
    )
    lines.extend(f"{name}: {plain_text(value, _PROSE)}" for name, value in told if value)
    if facts.until is None:
        lines.append(f"👉 {_WAYS_OUT[facts.kind]}")
    return _content("\n".join(lines), MESSAGE_CHARACTERS)


def render_plain_login(facts: LoginFacts, *, zone: tzinfo) -> Content:
    """Write what happened with nothing in it that could fail or be refused."""
    head = _LOGINS[facts.kind]
    if facts.kind is LoginKind.FAILURE:
        head = f"{head}: {facts.count}"
    when = plain_time(facts.last, zone)
    if facts.last > facts.first:
        when = f"{plain_time(facts.first, zone)} - {when}"
    is_many = facts.kind is LoginKind.FAILURE and (facts.users > 1 or facts.addresses > 1)
    told = (
        ("host", facts.host),
        ("mostly" if is_many else "user", facts.user or "(no name)"),
        ("from", facts.address),
        ("by", facts.method),
        ("names", str(facts.users) if is_many else ""),
        ("addresses", str(facts.addresses) if is_many else ""),
    )
    lines = [head, *(f"{name}: {plain_text(value, _WORD)}" for name, value in told if value), when]
    return _content("\n".join(lines), MESSAGE_CHARACTERS)


def _marks(members: Sequence[Member]) -> str:
    counts = Counter(mark_of(each) for each in members)
    return " · ".join(f"{mark} {counts[mark]}" for mark in counts)


def _top(counted: Counter[str]) -> str:
    top = counted.most_common(_CAUSES)
    left_out = len(counted) - len(top)
    said = [f"{plain_text(name, _SHORT)} × {count}" for name, count in top]  # noqa: RUF001
    return ", ".join(said) + (f" and {left_out} more" if left_out else "")


def _content(text: str, limit: int) -> Content:
    return Content(text=fit(Formatted(text.rstrip()), limit))
