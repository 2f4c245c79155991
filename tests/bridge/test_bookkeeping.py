"""The books about people, kept while the bridge runs."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import delete, update

from bridge import limits
from bridge.bookkeeping import Bookkeeping
from bridge.core.access import Role
from bridge.core.audit import Entry
from bridge.core.enrolment import Grant
from bridge.core.updates import Incoming
from bridge.logs import set_up_logs
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.tables import audit
from tests.fakes.clock import NOON, FakeClock

DAY = timedelta(days=1)


@dataclass
class Office:
    """The books of one bridge."""

    folder: Path
    database: Database
    heard: io.StringIO
    clock: FakeClock = field(default_factory=FakeClock)

    def open(self, **given: str) -> Bookkeeping:
        settings = Settings.load({"STATE_DIR": str(self.folder), **given})
        return Bookkeeping(settings, self.database, clock=self.clock)

    def told(self) -> list[str]:
        """What was logged since the last time, by its action."""
        lines = self.heard.getvalue().splitlines()
        self.heard.seek(0)
        self.heard.truncate()
        return [json.loads(line)["action"] for line in lines]


async def do(books: Bookkeeping, name: str) -> None:
    [work] = [work for step, _, work in books.steps if step == name]
    await work()


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook
    stream = io.StringIO()
    set_up_logs("INFO", "json", stream=stream)
    yield stream
    root.handlers[:], sys.excepthook = before[0], before[2]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
async def office(tmp_path: Path, heard: io.StringIO) -> AsyncIterator[Office]:
    database = Database(f"sqlite:///{tmp_path}/bridge.db")
    await database.open()
    yield Office(tmp_path, database, heard)
    await database.close()


async def test_while_nobody_may_use_the_bot_the_log_says_how_and_shows_no_link(
    office: Office,
) -> None:
    books = office.open()
    await do(books, "first_admin")
    line = office.heard.getvalue()
    assert "people link --first" in line
    assert "/start" not in line
    assert "t.me" not in line
    assert office.told() == ["no_admin"]
    entry = Entry(at=NOON, who=None, what="people add")
    await books.people.put(1001, Grant(role=Role.ADMIN), by=None, entry=entry, now=NOON)
    await do(books, "first_admin")
    await do(office.open(ALLOWED_USERS="7"), "first_admin")
    assert office.told() == []


async def test_tampering_is_said_once_and_so_is_its_end(office: Office) -> None:
    books = office.open()
    for what in ("a", "b"):
        await books.audit.put(Entry(at=NOON, who=1, what=what))
    await do(books, "audit")
    assert office.told() == []
    await office.database.write(lambda c: c.execute(delete(audit).where(audit.c.id == 2)).close())
    for what in ("c", "d"):
        await do(books, "audit")
        await books.audit.put(Entry(at=NOON, who=1, what=what))
    await do(books, "audit")
    assert office.told() == ["audit_tampered", "audit_tampered"]  # cut off; then another in place
    await do(books, "audit")
    assert office.told() == []
    await books.audit.mark_restored(name="ada", now=NOON)
    await do(books, "audit")
    assert office.told() == ["audit_sound"]


async def test_what_was_written_last_is_signed_at_the_end(office: Office) -> None:
    books = office.open()
    await do(books, "audit")
    await books.audit.put(Entry(at=NOON, who=1, what="a"))
    await books.finish()
    assert json.loads((office.folder / "audit.head").read_text())["count"] == 1
    await office.database.let_go()
    await books.finish()  # nothing can be signed, and nothing keeps the bridge from ending


async def test_old_books_are_let_go_of_once_a_day(office: Office) -> None:
    books = office.open(RETENTION="30d")
    await do(books, "audit")
    for hours in range(4):
        await books.audit.put(Entry(at=office.clock.now(), who=1, what=f"{hours}"))
        office.clock.advance(timedelta(hours=6))
    await books.updates.put([Incoming(7, {})], now=NOON)
    for _ in range(24):
        await do(books, "old_books")
        await do(books, "audit")
        office.clock.advance(timedelta(hours=1))
    assert len(await books.audit.newest(100)) == 4
    office.clock.advance(29 * DAY)
    for _ in range(24):
        await do(books, "old_books")
        await do(books, "audit")
        office.clock.advance(timedelta(hours=1))
    newest = [(entry.what, entry.detail) for _, entry in await books.audit.newest(100)]
    assert [what for what, _ in newest].count("audit purge") <= 2
    assert [what for what, _ in newest if what != "audit purge"] == []
    assert await books.updates.unfinished(now=NOON) == ()
    assert office.told() == []


async def test_a_trouble_that_only_cannot_be_told_is_a_warning(office: Office) -> None:
    books = office.open()
    await books.audit.put(Entry(at=NOON, who=1, what="a"))
    await do(books, "audit")
    (office.folder / "audit.head").unlink()
    await do(office.open(), "audit")
    assert office.told() == ["audit_unknown"]


async def test_the_column_of_moments_decides_nothing(office: Office) -> None:
    books = office.open(RETENTION="30d")
    await books.audit.put(Entry(at=NOON, who=1, what="a"))
    await do(books, "audit")
    await office.database.write(lambda c: c.execute(update(audit).values(at=NOON - 99 * DAY)))
    await do(books, "old_books")
    assert len(await books.audit.newest(9)) == 1


async def test_the_books_are_looked_at_often_enough(office: Office) -> None:
    spans = {name: span for name, span, _ in office.open().steps}
    assert spans["audit"] == limits.AUDIT_SEAL_PASS <= timedelta(seconds=5)
    assert spans["old_books"] <= timedelta(hours=1)
