"""Who hears what, and how loudly: the settings that decide over every webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.rings import Loudness


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What the owner has settled."""

    subscribed: Sequence[Destination] = ()
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

    def sounds_at_first(self, severity: Severity) -> bool:
        """Say whether a phone sounds for a new alert of this severity."""
        return severity in self.loudness.new
