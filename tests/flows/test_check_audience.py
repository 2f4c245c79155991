from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridge.core.audience import Destination
from bridge.core.chats import Chat
from bridge.core.hearing import Ear
from bridge.core.kinds import AlertKind
from bridge.core.preferences import NO_PREFERENCES, Notify, Preferences
from bridge.flows.check_audience import check_audience

ADA, BOB = Destination(1001), Destination(1002)
OFF = Preferences(notify=Notify.OFF)


@dataclass
class Figures:
    """How much waits, and how much nobody wants."""

    unheard: int = 0
    critical: int = 0


@dataclass
class House:
    """Everybody who is asked."""

    subscribed: list[Chat] = field(default_factory=list)
    broken: dict[Destination, str] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)

    async def find_subscribed(self) -> Sequence[Chat]:
        """List them."""
        return self.subscribed

    async def unheard(self) -> Mapping[Destination, str]:
        """Tell which take nothing."""
        return self.broken

    async def depth(self) -> Figures:
        """Measure what waits."""
        return self.figures

    async def unwanted(self) -> Figures:
        """Count what nobody is shown."""
        return self.figures

    async def problem(self) -> str | None:
        """Ask."""
        return await check_audience(chats=self, destinations=self, outbox=self, records=self)


def chat(here: Destination, preferences: Preferences = NO_PREFERENCES) -> Chat:
    return Chat(
        destination=here,
        is_subscribed=True,
        is_settled=False,
        ear=Ear(preferences=preferences),
    )


async def test_with_somebody_who_hears_nothing_is_wrong() -> None:
    assert await House([chat(ADA), chat(BOB, OFF)]).problem() is None


async def test_with_nobody_the_way_out_and_what_waits_are_told() -> None:
    problem = await House(figures=Figures(unheard=3)).problem()
    assert problem is not None
    for word in ("/subscribe", "ALERT_CHAT_ID", "3 messages wait"):
        assert word in problem


async def test_chats_that_take_nothing_are_named() -> None:
    problem = await House([chat(ADA)], broken={ADA: "chat_refuses"}).problem()
    assert problem is not None
    assert "1001 (chat_refuses)" in problem


async def test_an_owner_who_switched_everything_off_is_told_before_anything_fires() -> None:
    deaf = Preferences(muted=frozenset(AlertKind))
    problem = await House([chat(ADA, OFF), chat(BOB, deaf)]).problem()
    assert problem is not None
    assert "/settings notify critical" in problem


async def test_critical_alerts_that_no_chat_is_shown_are_told() -> None:
    house = House([chat(ADA, Preferences(muted=frozenset({AlertKind.DISK})))])
    assert await house.problem() is None
    house.figures.critical = 2
    problem = await house.problem()
    assert problem is not None
    assert problem.startswith("2 critical alerts fire")
