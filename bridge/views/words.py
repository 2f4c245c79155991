"""What is said the same way in every message: times, counts, names and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from bridge.core.alerts import Severity
from bridge.core.cards import UNKNOWN_ALERT, Ending, Member, Muting
from bridge.core.outbox import Reason
from bridge.views.dashboards import NO_DASHBOARDS, Dashboards
from bridge.views.locale import Translator, render_period, render_time
from bridge.views.markup import shorten

MARKS: Final = {
    Severity.CRITICAL: "🔴",
    Severity.WARNING: "🟡",
    Severity.INFO: "🔵",
    Severity.OTHER: "⚠️",
}
OVER: Final = "✅"
UNSURE: Final = "⚪"
"""For what is over without anybody knowing that it is well."""
MUTED: Final = "🔕"

LOST: Final = frozenset({Ending.UNREACHABLE, Ending.UNMONITORED})
"""Endings that are no recovery."""
_MINUTE: Final = timedelta(minutes=1)


@dataclass(kw_only=True)
class Words:
    """Puts facts into one language and time zone, and counts what it has to shorten."""

    translator: Translator
    zone: tzinfo
    now: datetime
    dashboards: Dashboards = NO_DASHBOARDS
    """Where the person's Grafana shows more."""
    shortened: int = field(default=0, init=False)
    """How many texts have been shortened so far."""

    def text(self, value: str, limit: int, *, lines: bool = False) -> str:
        """Make foreign text harmless; say how much of it is left out."""
        shown, left_out = shorten(value, limit, lines=lines)
        if not left_out:
            return shown.strip()
        self.shortened += 1
        words = self.translator.ngettext(
            "(+%(count)s character)", "(+%(count)s characters)", left_out
        )
        return f"{shown.strip()}… {self._filled(words, left_out)}"

    def time(self, at: datetime) -> str:
        """Say when it was."""
        return render_time(at, self.zone, self.now)

    def span(self, start: datetime, end: datetime) -> str:
        """Say how long it was."""
        return self.translator.render_span(end - start)

    def age(self, start: datetime) -> str:
        """Say how long ago it was; seconds count in the first minute only."""
        age = self.now - start
        return self.translator.render_span(age if age < _MINUTE else age - age % _MINUTE)

    def period(self, start: datetime, end: datetime) -> str:
        """Say from when to when it was."""
        return render_period(start, end, self.zone, self.now)

    def since(self, start: datetime) -> str:
        """Say since when and for how long."""
        words = self.translator.gettext("since %(time)s (%(age)s)")
        return words % {"time": self.time(start), "age": self.age(start)}

    def name(self, member: Member, limit: int) -> str:
        """Say what an alert is called."""
        if member.name == UNKNOWN_ALERT:
            return self.translator.gettext("Unknown alert")
        return self.text(member.name, limit)

    def named(self, member: Member, limit: int) -> str:
        """Say where and what it is."""
        parts = (self.text(member.host, limit), self.name(member, limit))
        return " · ".join(part for part in parts if part)

    def severity(self, member: Member, limit: int) -> str:
        """Say how bad it is; a word that is not known, as the rule wrote it."""
        words = {
            Severity.CRITICAL: self.translator.gettext("critical"),
            Severity.WARNING: self.translator.gettext("warning"),
            Severity.INFO: self.translator.gettext("info"),
        }
        return words.get(member.severity) or self.text(member.severity_word, limit)

    def ending(self, member: Member) -> str:
        """Say what an end was where it was no plain recovery; else nothing."""
        if member.is_firing:
            return ""
        if member.ending is Ending.UNREACHABLE:
            return self.translator.gettext("no data: the host does not answer")
        if member.ending is Ending.UNMONITORED:
            return self.translator.gettext("no longer monitored")
        if member.ending is Ending.UNCONFIRMED:
            return self.translator.gettext("over (Prometheus could not confirm it)")
        return ""

    def muting(self, member: Member) -> str:
        """Say what mutes an alert that fires; else nothing."""
        if not member.is_firing or member.muting is None:
            return ""
        if member.muting is Muting.SILENCED:
            return self.translator.gettext("silenced")
        return self.translator.gettext("inhibited")

    def lasted(self, member: Member) -> str:
        """Say how long it lasted; of what may go on, only how long it fired."""
        if member.ended_at is None:
            return ""
        span = self.span(member.started_at, member.ended_at)
        if member.ending in LOST:
            return self.translator.gettext("fired for %(span)s") % {"span": span}
        return self.translator.gettext("lasted %(span)s") % {"span": span}

    def state(self, members: Iterable[Member]) -> str:
        """Say in a word how a group of alerts stands."""
        listed = tuple(members)
        endings = {each.ending for each in listed}
        if not listed or any(each.is_firing for each in listed):
            return self.translator.gettext("FIRING")
        if Ending.UNREACHABLE in endings:
            return self.translator.gettext("NO DATA")
        if Ending.UNMONITORED in endings:
            return self.translator.gettext("NO LONGER MONITORED")
        if Ending.UNCONFIRMED in endings:
            return self.translator.gettext("OVER, NOT CONFIRMED")
        return self.translator.gettext("RESOLVED")

    def counts(self, members: Iterable[Member]) -> str:
        """Say how many fire, are over, and are over without anybody knowing."""
        listed = tuple(members)
        firing = sum(each.is_firing for each in listed)
        lost = sum(is_lost(each) for each in listed)
        ngettext = self.translator.ngettext
        said = (
            (firing, self._firing(firing)),
            (len(listed) - firing - lost, self._over(len(listed) - firing - lost)),
            (lost, ngettext("%(count)s without data", "%(count)s without data", lost)),
        )
        counted = [self._filled(words, count) for count, words in said if count]
        return self.listed(counted) or self.translator.gettext("no alerts")

    def marks(self, members: Iterable[Member]) -> str:
        """Count alerts by their marks: `🔴 12 · 🟡 25`."""
        counts = Counter(mark_of(each) for each in members)
        marks = (mark for mark in (*MARKS.values(), UNSURE, OVER) if counts[mark])
        return " · ".join(f"{mark} {self.translator.render_count(counts[mark])}" for mark in marks)

    def change(self, begun: int, ended: int, worse: int) -> str:
        """Say how many alerts began, ended and got worse; nothing where none did."""
        ngettext = self.translator.ngettext
        said = (
            (begun, ngettext("%(count)s new", "%(count)s new", begun)),
            (ended, self._over(ended)),
            (worse, ngettext("%(count)s worse", "%(count)s worse", worse)),
        )
        return self.listed(self._filled(words, count) for count, words in said if count > 0)

    def more(self, count: int) -> str:
        """Say how many more there are; nothing where there are none."""
        if count <= 0:
            return ""
        words = self.translator.ngettext("and %(count)s more", "and %(count)s more", count)
        return self._filled(words, count)

    def truncated(self, count: int) -> str:
        """Say how many alerts Alertmanager left out; nothing where it left out none."""
        if count <= 0:
            return ""
        words = self.translator.ngettext(
            "Alertmanager left out %(count)s more", "Alertmanager left out %(count)s more", count
        )
        return self._filled(words, count)

    def alerts(self, count: int) -> str:
        """Say how many alerts."""
        return self._filled(
            self.translator.ngettext("%(count)s alert", "%(count)s alerts", count), count
        )

    def arrived_lately(self, count: int) -> str:
        """Say how many alerts are new."""
        words = self.translator.ngettext(
            "%(count)s new in the last minute", "%(count)s new in the last minute", count
        )
        return self._filled(words, count)

    def critical(self, count: int) -> str:
        """Say how many of them are critical."""
        words = self.translator.ngettext("%(count)s critical", "%(count)s critical", count)
        return self._filled(words, count)

    def listed(self, parts: Iterable[str]) -> str:
        """Put parts one behind the other."""
        return self.translator.gettext(", ").join(parts)

    def reason(self, value: str) -> str:
        """Say why a destination cannot be reached."""
        gettext = self.translator.gettext
        said = {
            Reason.CHAT_REFUSES.value: gettext(
                "the bot is blocked or was removed, or there is no such chat"
            ),
            Reason.TOPIC_GONE.value: gettext("the topic was deleted or closed"),
            Reason.MIGRATED.value: gettext("the group became a supergroup with another id"),
            Reason.NOT_AUTHORISED.value: gettext("Telegram does not accept the bot's token"),
            Reason.OUTAGE.value: gettext("Telegram does not answer"),
            Reason.RATE_LIMIT.value: gettext("Telegram asks to wait"),
            Reason.BAD_MESSAGE.value: gettext("Telegram refuses the message"),
            Reason.UNFORESEEN.value: gettext("the bridge itself has a fault"),
        }
        return said.get(value) or self.text(value, 100)

    def counted_firing(self, count: int) -> str:
        """Say how many fire."""
        return self._filled(self._firing(count), count)

    def counted_over(self, count: int) -> str:
        """Say how many are over."""
        return self._filled(self._over(count), count)

    def _firing(self, count: int) -> str:
        return self.translator.ngettext("%(count)s firing", "%(count)s firing", count)

    def _over(self, count: int) -> str:
        return self.translator.ngettext("%(count)s over", "%(count)s over", count)

    def _filled(self, words: str, count: int) -> str:
        return words % {"count": self.translator.render_count(count)}


def is_lost(member: Member) -> bool:
    """Say whether an alert is over only because nobody can tell any more."""
    return not member.is_firing and member.ending in LOST


@lru_cache(maxsize=64)
def read_severity(word: str) -> Severity:
    """Read a severity; a storm's thousands of alerts share a few words."""
    return Severity.of({"severity": word})


def mark_of(member: Member) -> str:
    """Choose an alert's mark."""
    if member.is_firing:
        return MARKS[read_severity(member.severity_word)]
    return OVER if member.ending in {None, Ending.RECOVERED} else UNSURE


def worst_mark(members: Iterable[Member]) -> str:
    """Choose the mark of many alerts: the worst that fires, else whether all are well."""
    listed = tuple(members)
    if not listed:
        return MARKS[Severity.OTHER]
    marks = {mark_of(each) for each in listed}
    return next(mark for mark in (*MARKS.values(), UNSURE, OVER) if mark in marks)
