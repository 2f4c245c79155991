"""The bot's voice in a chat: every answer goes out here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from bridge.core.audience import Destination
from bridge.core.formatted import Content
from bridge.core.outbox import Outcome
from bridge.errors import Outage
from bridge.flows.show_answer import Messenger, Pace, Spot, show_answer
from bridge.logs import create_log

_log = create_log(__name__)


class Acknowledger(Protocol):
    """Ends the waiting sign on a pressed button."""

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End it, with a sentence over the button if need be."""
        ...


class ChatSpeaker:
    """Says what the gate has to say."""

    def __init__(
        self,
        messenger: Messenger,
        acknowledger: Acknowledger,
        pace: Pace,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._messenger = messenger
        self._acknowledger = acknowledger
        self._pace = pace
        self._clock = clock
        self._sleep = sleep

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Outcome:
        """Send a message."""
        return await self._show(
            content, Spot(destination=where, reply_to=reply_to, is_loud=is_loud)
        )

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Outcome:
        """Put it in the place of a message."""
        return await self._show(content, Spot(destination=where, telegram_id=telegram_id))

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting sign on a pressed button; where that fails it ends by itself."""
        try:
            await self._acknowledger.acknowledge(press_id, text, is_alert=is_alert)
        except Outage as fault:
            _log.warning(fault.sentence, action="acknowledge")

    async def _show(self, content: Content, spot: Spot) -> Outcome:
        return await show_answer(
            content,
            spot,
            messenger=self._messenger,
            pace=self._pace,
            clock=self._clock,
            sleep=self._sleep,
        )
