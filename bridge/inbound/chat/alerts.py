"""What fires now, and what stands behind a card's buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from bridge.core.access import Role, Scope
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, ListFacts
from bridge.core.firing import FiringFacts
from bridge.core.formatted import Content
from bridge.core.hosts import find_host
from bridge.core.inventory import Inventory
from bridge.core.keyboards import Button, Keyboard, name_host
from bridge.core.kinds import choose_chart
from bridge.core.windows import write_around
from bridge.errors import Missing, Mistake
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.views.voice import Voice, marked

_CHARTS = {
    "cpu": "mon_cpu_picture",
    "mem": "mon_mem_picture",
    "disk": "mon_disk_picture",
    "load": "mon_load_picture",
}
_OFFERED = 4  # chosen: hosts offered below a list
RenderList = Callable[[ListFacts, Voice], Content]
Ask = Callable[[Asked, str, tuple[str, ...]], Awaitable[Content]]
"""Runs another command with these words, for the same person."""


class Firing(Protocol):
    """Everything that fires."""

    async def find(self, *, scope: Scope, host: str = "") -> FiringFacts:
        """Tell what fires of the hosts that exist for a scope, or of one of them."""
        ...


class Cards(Protocol):
    """The cards."""

    async def find(
        self, card_id: int, *, here: Destination, scope: Scope, below: int | None = None
    ) -> CardFacts:
        """Tell the truth of a card as far as it exists for whoever asks."""
        ...


class AlertsCommands:
    """`/alerts`, and the buttons of cards."""

    def __init__(
        self,
        firing: Firing,
        cards: Cards,
        inventory: Callable[[], Inventory],
        *,
        render_list: RenderList,
        ask: Ask,
        retention: timedelta,
    ) -> None:
        self._firing = firing
        self._cards = cards
        self._inventory = inventory
        self._render_list = render_list
        self._ask = ask
        self._retention = retention

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (
            Command(
                name="alerts",
                needs=Role.VIEWER,
                family=Family.ALERTS,
                help=marked("What fires now"),
                usage="[host]",
                example="{host}",
                run=self._tell,
            ),
            Command(
                name="list",
                needs=Role.VIEWER,
                family=Family.ALERTS,
                help=marked("Everything a card tells of"),
                usage="<card>",
                replaces=False,
                is_listed=False,
                run=self._list,
            ),
            Command(
                name="chart",
                needs=Role.VIEWER,
                family=Family.ALERTS,
                help=marked("The chart behind a card"),
                usage="<card>",
                replaces=False,
                is_listed=False,
                run=self._chart,
            ),
        )

    async def _tell(self, asked: Asked) -> Content:
        require_words(asked, 0, 1)
        host = ""
        if asked.words:
            host = find_host(self._inventory(), asked.actor.scope, asked.words[0]).name
        facts = await self._firing.find(scope=asked.actor.scope, host=host)
        text = asked.voice.write_list("alerts", "alerts", facts.alerts, facts=facts, host=host)
        return Content(text=text, keyboard=_offer(asked, facts, host, self._inventory()))

    async def _list(self, asked: Asked) -> Content:
        return self._render_list(ListFacts(card=await self._find(asked)), asked.voice)

    async def _chart(self, asked: Asked) -> Content:
        subject = choose_chart(await self._find(asked))
        if subject is None:
            raise Missing("There is no chart for what this card tells of.")
        times = write_around(
            subject.started_at,
            subject.ended_at,
            now=asked.voice.now,
            zone=asked.voice.zone,
            retention=self._retention,
        )
        return await self._ask(asked, _CHARTS[subject.kind.value], (subject.host, *times))

    async def _find(self, asked: Asked) -> CardFacts:
        require_words(asked, 1, 1)
        word = asked.words[0]
        if not (word.isascii() and word.isdigit()):
            raise Mistake("%(word)s is no card.", word=word)
        return await self._cards.find(
            int(word[:18]),
            here=asked.actor.chat,
            scope=asked.actor.scope,
            below=asked.message_id if asked.is_pressed else None,
        )


def _offer(asked: Asked, facts: FiringFacts, host: str, inventory: Inventory) -> Keyboard:
    """Offer to look again, and the hosts that are worst off: an alert may be about another name."""
    named = name_host(host) if host else ""
    refresh = Button(label=asked.voice.say("🔄 Refresh"), press=f"alerts {named}".strip())
    found = (inventory.find(each.member.labels.get("host", "")) for each in facts.alerts)
    there = dict.fromkeys(each.name for each in found if each and asked.actor.scope.covers(each))
    buttons = tuple(
        Button(label=name, press=f"status {name_host(name)}") for name in [*there][:_OFFERED]
    )
    return Keyboard(((refresh,), buttons) if buttons else ((refresh,),))
