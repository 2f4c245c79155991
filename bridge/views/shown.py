"""A card's facts put into a person's words and bounds: what the card's templates are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from bridge.core.alerts import Severity
from bridge.core.cards import UNKNOWN_ALERT, CardFacts, Member
from bridge.views.links import canonical_link
from bridge.views.locale import Translator, render_period, render_time
from bridge.views.markup import shorten

MARKS: Final = {
    Severity.CRITICAL: "🔴",
    Severity.WARNING: "🟡",
    Severity.INFO: "🔵",
    Severity.OTHER: "⚠️",
}
OVER: Final = "✅"

_OWN_PLACE: Final = frozenset({"alertname", "severity", "host", "instance"})
"""Labels that a card shows in a place of their own."""
_PLUMBING: Final = frozenset({"feed", "scope", "resource"})
"""Labels by which our rules mute each other; they tell a reader nothing."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of the ladder from everything to one line."""

    kind: str
    """`full`, `compact`, `counts` or `line`."""
    members: int
    """How many members are shown; `full` and `compact` are for groups of no more."""
    word: int
    """The longest name, host or value, in characters."""
    prose: int
    """The longest summary, description or list of labels, in characters."""


@dataclass(frozen=True, kw_only=True)
class ShownMember:
    """One alert, ready to be read; whatever is not known is empty."""

    mark: str
    is_firing: bool
    name: str
    host: str
    instance: str
    """The scraped address where it says more than the host."""
    severity: str
    summary: str
    description: str
    value: str
    labels: str
    """All other labels, as `name=value` pairs."""
    telling: str
    """Those of the other labels that tell it from the card's other alerts of its name."""
    since: str
    lasted: str
    period: str
    query: str
    """The address of the rule's expression; empty where Telegram takes no link to it."""
    runbook: str
    """The address of the runbook; empty where Telegram takes no link to it."""
    runbook_path: str
    """The runbook where it is no address."""


@dataclass(frozen=True, kw_only=True)
class ShownCard:
    """A card, ready to be read."""

    kind: str
    mark: str
    is_firing: bool
    host: str
    """The host of all members; empty where they differ."""
    name: str
    """The name of all members; empty where they differ."""
    firing: int
    resolved: int
    total: int
    marks: str
    """How many of each mark: `🔴 12 · 🟡 25`."""
    since: str
    lasted: str
    period: str
    members: tuple[ShownMember, ...]
    left_out: int
    """How many members are not shown."""
    truncated: int
    """How many alerts Alertmanager left out."""
    alertmanager: str
    """Its address; empty where Telegram takes no link to it."""


@dataclass(frozen=True, kw_only=True)
class Presenter:
    """Puts facts into one language and time zone."""

    translator: Translator
    zone: tzinfo
    now: datetime

    def show_card(self, facts: CardFacts, rung: Rung) -> ShownCard:
        """Show a card within the bounds of a rung."""
        chosen = facts.members[: rung.members]
        telling = _telling_names(chosen)
        firing = facts.firing
        ends = [each.ended_at for each in facts.members if each.ended_at is not None]
        start = min((each.started_at for each in firing or facts.members), default=self.now)
        is_over = bool(facts.members) and not firing
        return ShownCard(
            kind=rung.kind,
            mark=worst_mark(facts),
            is_firing=bool(firing) or not facts.members,
            host=self.text(_same([each.host for each in facts.members]), rung.word),
            name=self._same_name(facts, rung),
            firing=len(firing),
            resolved=len(facts.members) - len(firing),
            total=len(facts.members),
            marks=_render_marks(facts),
            since=self._time(start) if firing else "",
            lasted=self._span(start, max(ends)) if is_over else "",
            period=self._period(start, max(ends)) if is_over else "",
            members=tuple(self.show_member(each, rung, telling) for each in chosen),
            left_out=len(facts.members) - len(chosen),
            truncated=facts.truncated,
            alertmanager=canonical_link(facts.source) or "",
        )

    def show_member(self, member: Member, rung: Rung, telling: frozenset[str]) -> ShownMember:
        """Show one alert within the bounds of a rung."""
        hidden = _OWN_PLACE | _PLUMBING
        labels = {name: value for name, value in member.labels.items() if name not in hidden}
        path = "" if canonical_link(member.runbook) else member.runbook
        ended_at = member.ended_at
        return ShownMember(
            mark=MARKS[member.severity] if member.is_firing else OVER,
            is_firing=member.is_firing,
            name=self._name(member, rung),
            host=self.text(member.host, rung.word),
            instance=self.text(
                member.instance if member.instance != member.host else "", rung.word
            ),
            severity=self._severity(member, rung),
            summary=self.text(member.summary, rung.prose),
            description=self.text(member.description, rung.prose, lines=True),
            value=self.text(member.value, rung.word),
            labels=self.text(_pairs(labels), rung.prose),
            telling=self.text(
                _pairs({name: value for name, value in labels.items() if name in telling}),
                rung.word,
            ),
            since=self._time(member.started_at),
            lasted="" if ended_at is None else self._span(member.started_at, ended_at),
            period="" if ended_at is None else self._period(member.started_at, ended_at),
            query=canonical_link(member.generator_url) or "",
            runbook=canonical_link(member.runbook) or "",
            runbook_path=self.text(path, rung.word),
        )

    def text(self, value: str, limit: int, *, lines: bool = False) -> str:
        """Make foreign text harmless; say how much of it is left out."""
        shown, left_out = shorten(value, limit, lines=lines)
        if not left_out:
            return shown.strip()
        words = self.translator.ngettext(
            "(+%(count)s character)", "(+%(count)s characters)", left_out
        )
        count = self.translator.render_count(left_out)
        return f"{shown.strip()}… {words % {'count': count}}"

    def _name(self, member: Member, rung: Rung) -> str:
        if member.name == UNKNOWN_ALERT:
            return self.translator.gettext("Unknown alert")
        return self.text(member.name, rung.word)

    def _same_name(self, facts: CardFacts, rung: Rung) -> str:
        is_same = len({each.name for each in facts.members}) == 1
        return self._name(facts.members[0], rung) if is_same else ""

    def _severity(self, member: Member, rung: Rung) -> str:
        words = {
            Severity.CRITICAL: self.translator.gettext("critical"),
            Severity.WARNING: self.translator.gettext("warning"),
            Severity.INFO: self.translator.gettext("info"),
        }
        return words.get(member.severity) or self.text(member.severity_word, rung.word)

    def _time(self, at: datetime) -> str:
        return render_time(at, self.zone, self.now)

    def _span(self, start: datetime, end: datetime) -> str:
        return self.translator.render_span(end - start)

    def _period(self, start: datetime, end: datetime) -> str:
        return render_period(start, end, self.zone, self.now)


def worst_mark(facts: CardFacts) -> str:
    """Choose the mark of a whole card: that of its worst firing alert."""
    if not facts.members:
        return MARKS[Severity.OTHER]
    worst = min((each.severity.rank for each in facts.firing), default=None)
    return OVER if worst is None else MARKS[list(Severity)[worst]]


def _render_marks(facts: CardFacts) -> str:
    counts = Counter(MARKS[each.severity] for each in facts.firing)
    counts[OVER] = len(facts.resolved)
    return " · ".join(f"{mark} {counts[mark]}" for mark in (*MARKS.values(), OVER) if counts[mark])


def _same(values: list[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""


def _pairs(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _telling_names(members: Sequence[Member]) -> frozenset[str]:
    """Find the labels whose values differ between members."""
    names = {name for member in members for name in member.labels}
    return frozenset(
        name for name in names if len({member.labels.get(name) for member in members}) > 1
    )
