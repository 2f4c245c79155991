"""What a card knows: the facts of one group's alerts in one chat, ready to be shown."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.core.alerts import Severity

UNKNOWN_ALERT = "Unknown alert"


class Ending(enum.Enum):
    """What the end of an episode really was, once Prometheus has been asked."""

    RECOVERED = "recovered"
    """The host answers: the trouble is over."""
    UNREACHABLE = "unreachable"
    """The host does not answer: nobody knows how it is."""
    UNMONITORED = "unmonitored"
    """The host is no longer watched."""
    UNCONFIRMED = "unconfirmed"
    """Prometheus did not say."""


class Muting(enum.Enum):
    """Why Alertmanager keeps quiet about an alert that fires."""

    SILENCED = "silenced"
    INHIBITED = "inhibited"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One episode of an alert as a card shows it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None
    """When it was over; None while it fires."""
    generator_url: str = ""
    ending: Ending | None = None
    """What its end was; None while it fires, and where there is no host to ask about."""
    muting: Muting | None = None
    """What mutes it in Alertmanager; None where nothing does."""
    episode_id: int = 0
    """The store's number of the episode; 0 where it has none."""

    @property
    def is_firing(self) -> bool:
        """Say whether the episode is still open."""
        return self.ended_at is None

    @property
    def name(self) -> str:
        """The alert's name, or that it has none."""
        return self.labels.get("alertname") or UNKNOWN_ALERT

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity.of(self.labels)

    @property
    def severity_word(self) -> str:
        """The severity exactly as the rule wrote it; may be empty."""
        return self.labels.get("severity", "")

    @property
    def host(self) -> str:
        """The inventory's name of the machine, else the scraped address, else nothing."""
        return self.labels.get("host") or self.instance

    @property
    def instance(self) -> str:
        """The scraped address; may be empty."""
        return self.labels.get("instance", "")

    @property
    def summary(self) -> str:
        """What the rule's author says in one line; may be empty."""
        return self.annotations.get("summary", "")

    @property
    def description(self) -> str:
        """What the rule's author says at length; may be empty."""
        return self.annotations.get("description", "")

    @property
    def value(self) -> str:
        """The measured value as the rule formatted it; may be empty."""
        return self.annotations.get("value", "")

    @property
    def runbook(self) -> str:
        """Where the runbook is: a URL or a path; may be empty."""
        return self.annotations.get("runbook_url") or self.annotations.get("runbook", "")

    @property
    def lasted(self) -> timedelta | None:
        """How long it lasted; None while it fires."""
        return None if self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True, kw_only=True)
class Change:
    """What the last webhook that changed a card did to it, in numbers of alerts."""

    at: datetime
    begun: int = 0
    ended: int = 0
    worse: int = 0
    """Of those begun, how many came back with a worse severity."""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """A card's whole truth; `members` come worst first, the firing before the resolved."""

    members: tuple[Member, ...]
    group_labels: Mapping[str, str]
    receiver: str = ""
    source: str = ""
    """Alertmanager's external URL."""
    truncated: int = 0
    """How many alerts Alertmanager left out of its last webhook."""
    change: Change | None = None
    """What changed last; None where nothing has since the card began."""
    repeated_at: datetime | None = None
    """When Alertmanager last said again that all this still fires."""
    instead_of: str = ""
    """The destination, as `chat` or `chat/topic`, that should hear this and cannot."""
    instead_because: str = ""
    """Why not: the value of a `Reason`."""
    addressed: str = ""
    """The one destination that Alertmanager sends this to; empty where it is for all."""
    card_id: int = field(default=0, compare=False)
    """The store's number of the card; 0 where it has none."""

    @property
    def firing(self) -> tuple[Member, ...]:
        """The members that still fire."""
        return tuple(member for member in self.members if member.is_firing)

    @property
    def resolved(self) -> tuple[Member, ...]:
        """The members that are over."""
        return tuple(member for member in self.members if not member.is_firing)


@dataclass(frozen=True, kw_only=True)
class ListFacts:
    """The whole text of a card that had to leave something out: a file under the card."""

    card: CardFacts


@dataclass(frozen=True, kw_only=True)
class UnreadableFacts:
    """Something Alertmanager sent that is not an alert as we know them."""

    raw: str
    fault: str
    source: str = ""


def in_order(members: Sequence[Member]) -> tuple[Member, ...]:
    """Sort members as a card shows them: firing first, the worst first, then the newest."""
    return tuple(
        sorted(
            members,
            key=lambda member: (
                not member.is_firing,
                member.severity.rank,
                -(member.ended_at or member.started_at).timestamp(),
                member.name,
            ),
        )
    )
