"""The desk that a person at the console works at: the stores, open, and a way to speak."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from bridge.clock import Clock, SystemClock
from bridge.core.audit import Entry
from bridge.core.audit_check import Soundness
from bridge.errors import Outage
from bridge.premises import finish_pending, hold, make_folder, sit_down
from bridge.restoring import is_pending
from bridge.settings import Settings
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.filling import has_entry
from bridge.store.people import People

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that a deed at the console needs."""

    settings: Settings
    database: Database
    people: People
    audit: Audit
    name_bot: Callable[[], Awaitable[str | None]]
    """Says what the bot is called, where a link can lead to it."""
    account: str
    """Who sits here, by the machine's account."""
    clock: Clock = field(default_factory=SystemClock)
    say: Say = print

    def write(self, what: str, *, on: str = "", now: datetime) -> Entry:
        """Begin an entry of the audit about what is done here."""
        name = f"{self.account} at the console"
        return Entry(at=now, who=None, name=name, what=what, on=on)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a deed at the console needs that must find the stores closed."""

    settings: Settings
    account: str
    clock: Clock = field(default_factory=SystemClock)
    say: Say = print

    @property
    def url(self) -> str:
        """Where the database is."""
        return self.settings.database_url.reveal()

    @contextmanager
    def held(self) -> Iterator[Path]:
        """Have the state folder for ourselves, with everything in its place.

        Raises:
            SettingsError: a bridge is running with it, or it cannot be made.
            Refused: somebody is at the console.
        """
        folder = make_folder(self.settings.state_dir)
        with hold(folder), sit_down(folder, is_alone=True):
            finish_pending(folder, partial(has_entry, self.url))
            yield folder

    def write(self, what: str) -> Entry:
        """Begin an entry of the audit about what is done here."""
        name = f"{self.account} at the console"
        return Entry(at=self.clock.now(), who=None, name=name, what=what)

    def settle(self) -> None:
        """Finish what a restoration has begun, where one was.

        Raises:
            SettingsError: it is under way, or cannot be finished.
        """
        if is_pending(self.settings.state_dir):
            with self.held():
                pass


@asynccontextmanager
async def open_desk(
    settings: Settings, *, account: str, name_bot: Callable[[], Awaitable[str | None]]
) -> AsyncIterator[Desk]:
    """Open the stores, also those that were never opened, and sign the audit at the end."""
    make_folder(settings.state_dir)
    await asyncio.to_thread(Bench(settings=settings, account=account).settle)
    with sit_down(settings.state_dir):
        database = Database(settings.database_url.reveal())
        await database.open()
        try:
            yield Desk(
                settings=settings,
                database=database,
                people=People(database, settings.allowed_users),
                audit=Audit(database, settings.state_dir),
                name_bot=name_bot,
                account=account,
            )
        finally:
            await database.close()


@asynccontextmanager
async def sealed(desk: Desk) -> AsyncIterator[datetime]:
    """Change something: the audit is signed before, where it never was, and after it.

    Raises:
        Outage: the audit cannot be kept, so that nothing may be changed.
    """
    now = desk.clock.now()
    await desk.audit.seal(now=now)
    yield now
    try:
        verdict = await desk.audit.seal(now=desk.clock.now())
    except Outage as fault:
        complain(f"it is done, but the audit could not be signed: {fault.sentence}")
        return
    if verdict.soundness is not Soundness.SOUND:
        complain(f"it is done, but the audit is {verdict.soundness.value}: {verdict.sentence}")


def complain(sentence: str) -> None:
    """Say what went wrong, where it does not mix with what was asked for."""
    print(show(sentence), file=sys.stderr)  # noqa: T201 - the console is where it is read


def show(text: str) -> str:
    """Show foreign text: names and words of strangers must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable()
        else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )


def name_account() -> str:
    """Name the account of this machine that sits at the console."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
