"""Everybody the bridge calls, as it needs them, and what the settings make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bridge.core.answers import Answer
from bridge.core.audience import Destination
from bridge.core.charts import Facts
from bridge.core.endings import Sample
from bridge.core.hearing import FindHost, Hearing
from bridge.core.outbox import Outcome
from bridge.core.rings import Loudness
from bridge.core.updates import Incoming
from bridge.flows.ping_heartbeat import Heartbeat
from bridge.flows.reconcile_alerts import Alertmanager
from bridge.flows.send_elsewhere import Ways
from bridge.flows.show_message import Messenger
from bridge.hands import WayToHosts
from bridge.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The parties of the watch; each may be missing."""

    alertmanagers: Sequence[Alertmanager] = ()
    """Whose lists are compared with what we show."""
    second_ways: Ways | None = None
    heartbeat: Heartbeat | None = None


class TelegramParty(Messenger, Protocol):
    """Telegram as the bridge needs it."""

    async def probe(self) -> str | None:
        """Say what is wrong with the bot, or None."""
        ...

    async def check(self, destination: Destination) -> Outcome:
        """Say whether a destination takes messages."""
        ...


class EarParty(Protocol):
    """Telegram as far as people speak to us there."""

    async def fetch_name(self) -> str:
        """Ask what the bot is called."""
        ...

    async def open(self) -> None:
        """Take back a webhook that was left."""
        ...

    async def open_door(self, url: str, secret: str) -> None:
        """Ask Telegram to call this address."""
        ...

    async def fetch(self, offset: int | None) -> Sequence[Incoming]:
        """Wait for updates from this number on."""
        ...

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting sign on a pressed button."""
        ...

    async def set_menu(
        self, commands: Sequence[tuple[str, str]], *, language: str, chat_id: int | None
    ) -> None:
        """Say which commands Telegram offers."""
        ...


class MonitorParty(Protocol):
    """Prometheus or an Alertmanager as the bridge needs it."""

    async def probe(self) -> None:
        """Raise Outage unless it is there."""
        ...


class PrometheusParty(Protocol):
    """Prometheus as far as it is asked questions."""

    async def fetch(self, promql: str) -> list[Sample]:
        """Ask for the values of this moment, or raise Outage."""
        ...

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of all hosts."""
        ...

    async def fetch_values(self, promql: str, at: datetime | None = None) -> Answer:
        """Ask a person's own question."""
        ...

    async def fetch_range(self, promql: str, start: int, end: int, step: timedelta) -> Answer:
        """Ask for the values of a span."""
        ...


class ArtistParty(Protocol):
    """Draws pictures."""

    async def draw(self, facts: Facts) -> bytes:
        """Draw one as a PNG."""
        ...

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose a language that its fonts can write."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everybody the bridge calls; tests pass their own."""

    telegram: TelegramParty
    monitors: Mapping[str, Sequence[MonitorParty]]
    """`prometheus`, `alertmanager` → all of that kind."""
    ear: EarParty | None = None
    """Who tells what people write; None hears nobody."""
    prometheus: PrometheusParty | None = None
    """Who is asked whether a host answers; None asks nobody."""
    artist: ArtistParty | None = None
    """Who draws; None draws nothing."""
    way: WayToHosts | None = None
    """What reaches the hosts; None reaches none."""
    watched: Watched = field(default_factory=Watched)
    """Whom the watch beside the delivery calls."""


def create_hearing(settings: Settings, find_host: FindHost) -> Hearing:
    """Say who hears what, as the settings have it; the store adds what the chats have chosen."""
    return Hearing(
        subscribed=settings.alert_chat_id,
        fallback=settings.fallback_chat_id,
        admins=[Destination(user) for user in sorted(settings.allowed_users)],
        loudness=Loudness(
            new=settings.ring_new,
            worse=settings.ring_worse,
            repeat=settings.ring_repeat,
            resolved=settings.ring_resolved,
        ),
        repeat_after=settings.repeat_interval / 2,
        zone=settings.timezone,
        find_host=find_host,
        logouts=settings.logouts,
    )


async def probe_all(monitors: Sequence[MonitorParty]) -> str | None:
    """Ask all of a kind whether they are there; raise Outage for the first that is not."""
    for monitor in monitors:
        await monitor.probe()
    return None


def reveal_token(settings: Settings) -> str:
    """Give the bot token; empty in tests that have none."""
    return settings.bot_token.reveal() if settings.bot_token else ""
