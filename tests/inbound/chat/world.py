"""A chat in which people give commands for hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from bridge.core.audit import Entry
from bridge.core.inventory import parse_inventory
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.confirming import Confirming
from bridge.inbound.chat.control import ControlCommands, ControlDesk
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.resuming import Resuming
from tests.fakes.chat import OPERATOR, FakeChat, Said
from tests.fakes.hands import FakeHands
from tests.fakes.kept import FakeKept

INVENTORY = "\n".join(
    [
        f"web-{number} 192.0.2.{number}:9100 192.0.2.{number}:8001 group=web"
        for number in range(1, 4)
    ]
    + ["db-1 192.0.2.9:9100 192.0.2.9:8001 group=db", "bare 192.0.2.10:9100"]
)


@dataclass
class World:
    """A chat, its hosts, and what is kept of commands."""

    chat: FakeChat
    hands: FakeHands
    kept: FakeKept
    control: ControlCommands
    desk: RunDesk
    errands: list[asyncio.Task[None]] = field(default_factory=list)
    notes: list[Entry] = field(default_factory=list)

    async def say(self, text: str, who: int = OPERATOR, **changes: Any) -> list[Said]:
        """Say something, wait for what it begins, and give everything that is said to it."""
        before = len(self.chat.speaker.said)
        await self.chat.say(text, who, **changes)
        return await self.rest(before)

    async def press(self, pressed: str, who: int = OPERATOR, **changes: Any) -> list[Said]:
        """Press a button, wait for what it begins, and give everything that is said to it."""
        before = len(self.chat.speaker.said)
        await self.chat.press(pressed, who, **changes)
        return await self.rest(before)

    async def rest(self, before: int = 0) -> list[Said]:
        """Wait for what is under way, and give what was said since then."""
        while left := [each for each in self.errands if not each.done()]:
            await asyncio.gather(*left)
        return self.chat.speaker.said[before:]

    async def resume(self) -> None:
        """Bring to its end what nobody follows."""
        await Resuming(self.desk, self.control.live).resume()
        await self.rest()


def create_world() -> World:
    """Build a chat with everything that commands for hosts need."""
    commands, hands, kept = Commands(), FakeHands(), FakeKept()
    chat = FakeChat(commands, inventory=parse_inventory(INVENTORY))
    tokens = iter(f"t{number}" for number in range(1000))
    errands: list[asyncio.Task[None]] = []
    notes: list[Entry] = []

    def start(work: Coroutine[Any, Any, None]) -> None:
        errands.append(asyncio.ensure_future(work))

    async def note(entry: Entry) -> None:
        notes.append(entry)

    async def sleep(_: float) -> None:
        await asyncio.sleep(0.005)

    confirming = Confirming(lambda: next(tokens), lambda: chat.now)
    running = RunDesk(
        hands=hands,
        speaker=chat.speaker,
        kept=kept,
        inventory=lambda: chat.inventory,
        find_voice=chat.find_voice,
        start=start,
        clock=lambda: chat.now,
        sleep=sleep,
    )
    hosts = Hosts(inventory=lambda: chat.inventory)
    desk = ControlDesk(hosts=hosts, running=running, confirming=confirming, note=note)
    control = ControlCommands(desk)
    for each in (*control.commands, *confirming.commands):
        commands.add(each)
    return World(chat, hands, kept, control, running, errands, notes)
