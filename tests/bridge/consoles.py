"""A person at the console of a bridge, in a folder of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge.console import perform as room
from bridge.console.desk import Desk
from bridge.console.words import parse_words
from bridge.core.access import Scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.enrolment import Enrolment
from bridge.errors import Refused
from bridge.settings import Settings
from bridge.store.agents import Agents
from bridge.store.database import Database
from bridge.store.people import People
from tests.fakes.clock import NOON

TOKEN = "123456789:" + "A" * 35
LINE = re.compile(r"/start [A-Za-z0-9_-]{22}")
LINK = re.compile(r"https://t\.me/opswire_bot\?start=[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Subscribed:
    """A chat that hears alerts."""

    destination: Destination
    scope: Scope


@dataclass
class FakeChats:
    """Remembers chats and who did it, and refuses one."""

    kept: dict[Destination, Scope] = field(default_factory=dict)
    desk: Desk | None = None

    async def subscriptions(self) -> Iterable[Subscribed]:
        return [Subscribed(*each) for each in self.kept.items()]

    async def subscribe(
        self, destination: Destination, scope: Scope, *, entry: Entry, now: datetime
    ) -> None:
        assert now.tzinfo is not None
        if destination == Destination(-666):
            raise Refused("not there")
        self.kept[destination] = scope
        assert self.desk
        await self.desk.audit.put(entry)

    async def unsubscribe(self, destination: Destination, *, entry: Entry, now: datetime) -> None:
        assert now.tzinfo is not None
        del self.kept[destination]
        assert self.desk
        await self.desk.audit.put(entry)


@dataclass
class Console:
    """A person at the console."""

    folder: Path
    read: Callable[[], Any]
    chats: FakeChats = field(default_factory=FakeChats)
    settings: dict[str, str] = field(default_factory=dict)

    def load(self) -> Settings:
        return Settings.load({"STATE_DIR": str(self.folder), "TIMEZONE": "UTC", **self.settings})

    def call(self, *words: str) -> tuple[int, str, str]:
        """The exit code, what was said and what was complained of."""
        code = room.perform(parse_words(words), self.load())
        said = self.read()
        return code, said.out, said.err

    def say(self, *words: str) -> str:
        """What is said by what must succeed."""
        code, out, complaints = self.call(*words)
        assert (code, complaints) == (0, "")
        return out

    def complain(self, *words: str) -> str:
        """What is complained of by what must fail."""
        code, out, complaints = self.call(*words)
        assert (code, out) == (1, "")
        return complaints

    def use(self, code: str, user_id: int) -> Enrolment:
        """Use a code as the bot would."""

        async def work() -> Enrolment:
            database = Database(self.load().database_url.reveal())
            await database.open()
            try:
                entry = Entry(at=now(), who=user_id, what="/start")
                return await People(database, self.load().allowed_users).use_code(
                    code, user_id=user_id, name="Ada \x1b[31m", entry=entry, now=now()
                )
            finally:
                await database.close()

        return asyncio.run(work())

    def invite(self, host: str, *, by: int) -> None:
        """Make a code for a host, as somebody does in the chat."""

        async def work() -> None:
            database = Database(self.load().database_url.reveal())
            await database.open()
            entry = Entry(at=now(), who=by, what="/add", on=host)
            await Agents(database).put_code(
                "s" * 22, host=host, address="", by=by, entry=entry, now=now()
            )
            await database.close()

        asyncio.run(work())

    def tamper(self, *statements: Any) -> None:
        async def work() -> None:
            database = Database(self.load().database_url.reveal())
            await database.open()
            for each in statements:
                await database.write(lambda c, each=each: c.execute(each).close())  # type: ignore[misc]
            await database.close()

        asyncio.run(work())


def now() -> datetime:
    return datetime.now(NOON.tzinfo)  # noqa: TID251 - the console works by the machine's clock
