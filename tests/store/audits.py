"""An audit, and somebody who can write its database but not its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bridge.core.audience import Destination
from bridge.core.audit import Entry, read_head
from bridge.core.audit_check import Verdict
from bridge.store.audit import Audit
from bridge.store.audit_seal import HEAD_FILE
from bridge.store.database import Database
from tests.fakes.clock import NOON

DAY = timedelta(days=1)


@dataclass
class Desk:
    """A bridge's audit, and somebody who can write its database but not its folder."""

    database: Database
    folder: Path
    audit: Audit = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not kept."""
        self.audit = Audit(self.database, self.folder)

    async def write(self, *commands: str, at: datetime = NOON) -> None:
        for each in commands:
            await self.audit.put(entry(each, at=at))

    async def seal(self) -> Verdict:
        return await self.audit.seal(now=NOON)

    async def purge(self, before: datetime) -> int:
        return await self.audit.purge(before=before, now=NOON)

    async def told(self) -> list[tuple[int, str]]:
        return [(number, each.what) for number, each in reversed(await self.audit.newest(1000))]

    async def tamper(self, act: Callable[[Connection], object]) -> None:
        await self.database.write(act)

    @property
    def count(self) -> int:
        """How many entries the signed head knows."""
        return read_head((self.folder / HEAD_FILE).read_text()).place.number


def entry(what: str, *, at: datetime = NOON) -> Entry:
    return Entry(at=at, who=1001, name="Ada", chat=Destination(-2001, 7), what=what, on="web-1")
