"""The file of a board: every alert of a storm, a line each, written within a blink.

A storm's file is written anew every few seconds with thousands of lines, so what repeats between
them, times above all, is put into words once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import Member
from bridge.core.formatted import Attachment
from bridge.limits import LISTED_CHARACTERS
from bridge.views.lists import encode, name_file
from bridge.views.markup import legible
from bridge.views.shown import Presenter
from bridge.views.words import MARKS, MUTED, is_lost, mark_of, read_severity

_SECOND = timedelta(seconds=1)


def write_board(presenter: Presenter, facts: BoardFacts) -> Attachment:
    """Write the whole list: what fires first, the worst first, then what is over."""
    lines = list(_head(presenter, facts))
    writer = _Writer(presenter)
    gettext = presenter.translator.gettext
    for title, members in ((gettext("FIRING"), facts.firing), (gettext("OVER"), facts.resolved)):
        if members:
            lines.append(f"\n{title}: {presenter.translator.render_count(len(members))}")
            lines.extend(writer.line(member) for member in members)
    return Attachment(name=name_file(""), content=encode("\n".join(lines) + "\n"))


def _head(presenter: Presenter, facts: BoardFacts) -> Iterator[str]:
    gettext = presenter.translator.gettext
    now = gettext("as of %(time)s") % {"time": presenter.time(presenter.now)}
    yield f"{presenter.counts(facts.members)} · {now}"
    if facts.members:
        yield presenter.marks(facts.members)
    when = presenter.since(facts.opened_at)
    if facts.over_at is not None and facts.state is not BoardState.STORM:
        when = presenter.period(facts.opened_at, facts.over_at)
    yield f"{when} · {presenter.alerts(facts.arrived)}"


class _Writer:
    """Writes lines, each time and each word only once."""

    def __init__(self, presenter: Presenter) -> None:
        self._presenter = presenter
        self._since: dict[datetime, str] = {}
        self._spans: dict[tuple[timedelta, bool], str] = {}
        self._endings: dict[object, str] = {}
        self._words: dict[str, str] = {}

    def line(self, member: Member) -> str:
        """Write one alert."""
        mark = mark_of(member)
        if not member.is_firing:
            mark += MARKS[read_severity(member.severity_word)]
        parts = (self._name(member), self._word(member.host), self._muting(member))
        told = " · ".join(part for part in parts if part)
        summary = member.summary
        text = f"{mark} {told} · {self._when(member)}"
        return f"{text} · {self._short(summary)}" if summary else text

    def _when(self, member: Member) -> str:
        if member.ended_at is None:
            start = member.started_at.replace(microsecond=0)
            words = self._since.get(start)
            if words is None:
                words = self._since[start] = self._presenter.since(start)
            return words
        lasted = (member.ended_at - member.started_at) // _SECOND * _SECOND
        key = (lasted, is_lost(member))
        words = self._spans.get(key)
        if words is None:
            words = self._spans[key] = self._presenter.lasted(member)
        ending = self._ending(member)
        return f"{ending} · {words}" if ending else words

    def _ending(self, member: Member) -> str:
        if member.ending is None:
            return ""
        if member.ending not in self._endings:
            self._endings[member.ending] = self._presenter.ending(member)
        return self._endings[member.ending]

    def _muting(self, member: Member) -> str:
        muting = self._presenter.muting(member) if member.muting else ""
        return f"{MUTED} {muting}" if muting else ""

    def _name(self, member: Member) -> str:
        if not member.labels.get("alertname"):
            return self._presenter.name(member, LISTED_CHARACTERS)
        return self._word(member.name)

    def _word(self, value: str) -> str:
        words = self._words.get(value)
        if words is None:
            words = self._words[value] = self._short(value)
        return words

    def _short(self, value: str) -> str:
        """Put a text on one line; what is too long for a line is counted."""
        if len(value) > LISTED_CHARACTERS:
            value = self._presenter.text(value, LISTED_CHARACTERS)
        shown = legible(value)
        return shown.replace("\n", "⏎").strip() if "\n" in shown else shown.strip()
