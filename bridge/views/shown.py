"""A card's facts put into a person's words and bounds: what the card's templates are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.cards import CardFacts, Member
from bridge.views.links import canonical_link
from bridge.views.words import Words, is_lost, mark_of, worst_mark

OWN_PLACE: Final = frozenset({"alertname", "severity", "host", "instance"})
"""Labels that a card shows in a place of their own."""
PLUMBING: Final = frozenset({"feed", "scope", "resource"})
"""Labels by which our rules mute each other; they tell a reader nothing."""
_OWN_LINE: Final = frozenset({"summary", "description", "value", "runbook", "runbook_url"})
"""Annotations that a card shows in a place of their own."""


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
    is_lost: bool
    """Whether it is over only because nobody can tell any more."""
    name: str
    host: str
    instance: str
    """The scraped address where it says more than the host."""
    severity: str
    muting: str
    """What mutes it in Alertmanager."""
    ending: str
    """What its end was where it was no plain recovery."""
    summary: str
    description: str
    """Empty where it says what the summary says."""
    notes: tuple[str, ...]
    """All other annotations, as `name: text`."""
    value: str
    labels: str
    """All other labels, as `name=value` pairs."""
    telling: str
    """Where not all labels are shown, those that tell it from the card's other alerts."""
    since: str
    age: str
    """How long it fires by now; empty once it is over."""
    lasted: str
    period: str
    query: str
    """The address of the rule's expression; empty where Telegram takes no link to it."""
    dashboard: str
    """The address of Grafana's panel; empty where there is none, or no link to it."""
    runbook: str
    """The address of the runbook; empty where Telegram takes no link to it."""
    runbook_path: str
    """The runbook where it is no address."""


@dataclass(frozen=True, kw_only=True)
class ShownCard:
    """A card, ready to be read."""

    kind: str
    mark: str
    state: str
    """How it stands, in a word."""
    is_firing: bool
    is_muted: bool
    """Whether Alertmanager keeps quiet about all that fires."""
    is_lost: bool
    """Whether all is over, but some only because nobody can tell any more."""
    is_whole: bool
    """Whether nothing is left out."""
    host: str
    """The host of all members; empty where they differ."""
    name: str
    """The name of all members; empty where they differ."""
    firing: int
    resolved: int
    total: int
    counts: str
    """How many of what: `3 firing, 1 over`."""
    marks: str
    """How many of each mark: `🔴 12 · 🟡 25`."""
    since: str
    age: str
    lasted: str
    period: str
    change: str
    """What changed last, as `13:07:02 UTC · 2 new, 1 over`."""
    repeated: str
    """When Alertmanager last said again that all this still fires."""
    instead_of: str
    """The destination that should hear this and cannot."""
    instead_because: str
    members: tuple[ShownMember, ...]
    left_out: int
    """How many members are not shown."""
    more: str
    """How many members are not shown, in words; empty where none is left out."""
    truncated: int
    """How many alerts Alertmanager left out."""
    truncated_words: str
    dashboard: str
    """The address of Grafana's dashboard; empty where there is none, or no link to it."""
    alertmanager: str
    """Its address; empty where Telegram takes no link to it."""


class Presenter(Words):
    """Puts a card's facts into one language and time zone."""

    def show_card(self, facts: CardFacts, rung: Rung) -> ShownCard:
        """Show a card within the bounds of a rung."""
        self.shortened = 0
        chosen = facts.members[: rung.members]
        telling = _telling_names(chosen)
        members = tuple(self.show_member(each, rung, telling) for each in chosen)
        host = self.text(_same([each.host for each in facts.members]), rung.word)
        name = self._same_name(facts, rung)
        firing = facts.firing
        ends = [each.ended_at for each in facts.members if each.ended_at is not None]
        start = min((each.started_at for each in firing or facts.members), default=self.now)
        is_over = bool(facts.members) and not firing
        left_out = len(facts.members) - len(chosen)
        return ShownCard(
            kind=rung.kind,
            mark=worst_mark(facts.members),
            state=self.state(facts.members),
            is_firing=not is_over,
            is_muted=bool(firing) and all(each.muting for each in firing),
            is_lost=is_over and any(is_lost(each) for each in facts.members),
            is_whole=rung.kind == "full" and not left_out and not self.shortened,
            host=host,
            name=name,
            firing=len(firing),
            resolved=len(facts.members) - len(firing),
            total=len(facts.members),
            counts=self.counts(facts.members),
            marks=self.marks(facts.members),
            since=self.time(start) if firing else "",
            age=self.age(start) if firing else "",
            lasted=self.span(start, max(ends)) if is_over else "",
            period=self.period(start, max(ends)) if is_over else "",
            change="" if is_over else self.changed(facts),
            repeated="" if is_over or facts.repeated_at is None else self.time(facts.repeated_at),
            instead_of=self.text(facts.instead_of, rung.word),
            instead_because=self.reason(facts.instead_because),
            members=members,
            left_out=left_out,
            more=self.more(left_out),
            truncated=facts.truncated,
            truncated_words=self.truncated(facts.truncated),
            dashboard=self.dashboards.find_members(facts.members),
            alertmanager=canonical_link(facts.source) or "",
        )

    def show_member(self, member: Member, rung: Rung, telling: frozenset[str]) -> ShownMember:
        """Show one alert within the bounds of a rung."""
        hidden = OWN_PLACE | PLUMBING
        labels = {name: value for name, value in member.labels.items() if name not in hidden}
        path = "" if canonical_link(member.runbook) else member.runbook
        description = member.description if member.description != member.summary else ""
        ended_at = member.ended_at
        is_full = rung.kind == "full"
        told = {} if is_full else {name: labels[name] for name in labels if name in telling}
        return ShownMember(
            mark=mark_of(member),
            is_firing=member.is_firing,
            is_lost=is_lost(member),
            name=self.name(member, rung.word),
            host=self.text(member.host, rung.word),
            instance=self.text(
                member.instance if member.instance != member.host else "", rung.word
            ),
            severity=self.severity(member, rung.word),
            muting=self.muting(member),
            ending=self.ending(member),
            summary=self.text(member.summary, rung.prose),
            description=self.text(description, rung.prose, lines=True),
            notes=tuple(self._notes(member, rung)) if is_full else (),
            value=self.text(member.value, rung.word),
            labels=self.text(_pairs(labels), rung.prose),
            telling=self.text(_pairs(told), rung.word),
            since=self.time(member.started_at),
            age=self.age(member.started_at) if member.is_firing else "",
            lasted="" if ended_at is None else self.span(member.started_at, ended_at),
            period="" if ended_at is None else self.period(member.started_at, ended_at),
            query=canonical_link(member.generator_url) or "",
            dashboard=self.dashboards.find_member(member),
            runbook=canonical_link(member.runbook) or "",
            runbook_path=self.text(path, rung.word),
        )

    def changed(self, facts: CardFacts) -> str:
        """Say what changed last and when; nothing where nothing has."""
        change = facts.change
        if change is None:
            return ""
        # What got worse began as well: it is said once.
        said = self.change(max(0, change.begun - change.worse), change.ended, change.worse)
        return f"{self.time(change.at)} · {said}" if said else ""

    def _notes(self, member: Member, rung: Rung) -> list[str]:
        return [
            f"{self.text(name, rung.word)}: {self.text(value, rung.prose)}"
            for name, value in sorted(other_annotations(member).items())
        ]

    def _same_name(self, facts: CardFacts, rung: Rung) -> str:
        is_same = len({each.name for each in facts.members}) == 1
        return self.name(facts.members[0], rung.word) if is_same else ""


def other_annotations(member: Member) -> dict[str, str]:
    """Give the annotations that have no place of their own; `__x__` are a program's, not a text."""
    return {
        name: value
        for name, value in member.annotations.items()
        if name not in _OWN_LINE and value.strip() and not name.startswith("__")
    }


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
