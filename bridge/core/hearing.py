"""Who hears what, and how loudly: what the settings say, and what each chat has chosen.

What a chat does not want, or may not know of, is not shown there. A hearer that stands in for a
broken chat is shown what that one wants, of the hosts that exist for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo

from bridge.core.access import EVERYWHERE, Scope
from bridge.core.alerts import Severity
from bridge.core.audience import Destination, Hearer
from bridge.core.inventory import Host
from bridge.core.logins import Logouts
from bridge.core.preferences import NO_PREFERENCES, Preferences, find_zone
from bridge.core.rings import Loudness

FindHost = Callable[[str], Host | None]
"""Looks a host up by its name."""


def find_no_host(name: str) -> Host | None:
    """Know of no host at all."""
    del name
    return None


def covers_alert(scope: Scope, labels: Mapping[str, str], find_host: FindHost) -> bool:
    """Say whether an alert exists for a scope; a limited one knows hosts of the inventory only."""
    if not scope.is_limited:
        return True
    host = find_host(labels.get("host", ""))
    return host is not None and scope.covers(host)


@dataclass(frozen=True, kw_only=True)
class Ear:
    """How one chat listens."""

    preferences: Preferences = NO_PREFERENCES
    scope: Scope = EVERYWHERE
    """The hosts that exist for it."""


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What the owner has settled, and the chats for themselves."""

    subscribed: Sequence[Destination] = ()
    """Who hears every alert: those of the settings; once looked up, those of the store too."""
    fallback: Destination | None = None
    """Hears what a broken destination cannot."""
    admins: Sequence[Destination] = ()
    """The private chats of those who are told when something is wrong with the bridge's ways."""
    loudness: Loudness = field(default_factory=Loudness)
    repeat_after: timedelta = timedelta(minutes=30)
    """How long a chat must have heard nothing of a card before a webhook without news is a repeat.

    Members of a cluster deliver the same within seconds or minutes; Alertmanager repeats by the
    hour.
    """
    zone: tzinfo = UTC
    """Whose clocks tell the quiet hours of a chat that chose no zone."""
    find_host: FindHost = find_no_host
    logouts: Logouts = Logouts.SILENT
    """What chats are told of the end of a login."""
    ears: Mapping[Destination, Ear] = field(default_factory=dict)
    """The chats that have chosen something, or are limited."""

    def sounds_at_first(self, severity: Severity) -> bool:
        """Say whether a phone sounds for a new alert of this severity."""
        return severity in self.loudness.new

    def ear(self, here: Destination) -> Ear:
        """Say how a destination listens: a topic like its chat, but for what is its own."""
        own = self.ears.get(here, Ear())
        if not here.thread_id:
            return own
        around = self.ears.get(Destination(here.chat_id), Ear())
        return Ear(
            preferences=own.preferences.over(around.preferences),
            scope=own.scope.both(around.scope),
        )

    def hears(self, here: Destination, labels: Mapping[str, str]) -> bool:
        """Say whether a destination is shown an alert for its own sake."""
        return self.ear(here).preferences.wants(labels) and self.covers(here, labels)

    def covers(self, here: Destination, labels: Mapping[str, str]) -> bool:
        """Say whether a destination may know of an alert."""
        return covers_alert(self.ear(here).scope, labels, self.find_host)

    def hears_unreadable(self, here: Destination) -> bool:
        """Say whether a destination is shown what cannot be read: it may be about any host."""
        ear = self.ear(here)
        return not ear.preferences.is_off and not ear.scope.is_limited

    def attune(self, hearer: Hearer) -> Hearer:
        """Let a hearer hear what those want for whom it does, as far as it may know of it."""
        own = self.ear(hearer.destination).scope
        ears = [self.ear(each) for each in hearer.whose]
        if Ear() in ears and not own.is_limited:
            return hearer  # hears everything

        def hears(labels: Mapping[str, str]) -> bool:
            return covers_alert(own, labels, self.find_host) and any(
                each.preferences.wants(labels) and covers_alert(each.scope, labels, self.find_host)
                for each in ears
            )

        is_told = not own.is_limited and any(map(self.hears_unreadable, hearer.whose))
        return replace(hearer, hears=hears, hears_unreadable=is_told)

    def is_quiet(self, here: Destination, now: datetime) -> bool:
        """Say whether phones stay quiet in a destination now."""
        preferences = self.ear(here).preferences
        zone = find_zone(preferences.zone) or self.zone
        return preferences.quiet is not None and preferences.quiet.cover(now, zone)
