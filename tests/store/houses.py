"""A house to back up: its state, its database, its inventory, and a person at the console."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge import archive
from bridge.clients.authority import FOLDER, open_authority
from bridge.console import perform as room
from bridge.console.words import parse_words
from bridge.core.backups import MANIFEST
from bridge.settings import Settings
from bridge.store.audit import Audit
from bridge.store.database import Database, create
from bridge.store.schema import list_revisions
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.full_state import put_stored, read_rows
from tests.store.stage import Stage

NEWEST = list_revisions()[-1]
TOKEN = "123456789:" + "A" * 35
INVENTORY = "# ours\nweb-1 192.0.2.1:9100 192.0.2.1:8001\ndb-9 192.0.2.9:9100\n"
ALWAYS_OTHER = {"alembic_version", "inboxes", "audit"}
"""Tables that a restoration itself changes, or that belong to a file that is not copied."""
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@dataclass
class House:
    """A state folder, a database, an inventory, and a person at the console."""

    folder: Path
    url: str
    read: Callable[[], Any]
    given: dict[str, str] = field(default_factory=lambda: {"BOT_TOKEN": TOKEN})

    @property
    def inventory(self) -> Path:
        return self.folder.parent / "agents.txt"

    @property
    def file(self) -> Path:
        return self.folder.parent / "backup.zip"

    @property
    def place(self) -> Path:
        """The database, where it is a file."""
        return Path(self.url.removeprefix("sqlite:///"))

    def load(self) -> Settings:
        return Settings.load(
            {
                "STATE_DIR": str(self.folder),
                "DATABASE_URL": self.url,
                "TIMEZONE": "UTC",
                "AGENTS_FILE": str(self.inventory),
                **self.given,
            }
        )

    def call(self, *words: str) -> tuple[int, str, str]:
        code = room.perform(parse_words(words), self.load())
        said = self.read()
        return code, said.out, said.err

    def say(self, *words: str) -> str:
        code, out, complaints = self.call(*words)
        assert (code, complaints) == (0, "")
        return out

    def complain(self, *words: str) -> str:
        code, _, complaints = self.call(*words)
        assert code == 1
        assert len(complaints.splitlines()) == 1
        return complaints

    def back_up(self) -> None:
        self.say("backup", str(self.file), "--force")

    def restore(self) -> str:
        return self.say("restore", str(self.file))

    def wipe(self) -> None:
        """Lose everything."""
        shutil.rmtree(self.folder)
        self.inventory.unlink()
        if self.url.startswith("sqlite"):
            for path in self.place.parent.glob(f"{self.place.stem}*"):
                path.unlink()
        else:
            engine = create(self.url)
            with engine.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE")).close()
                connection.execute(text("CREATE SCHEMA public")).close()
            engine.dispose()

    async def live(self, work: Callable[[Database], Any]) -> Any:
        """Let a bridge's store do something."""
        database = Database(self.url)
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    def kept(self) -> dict[str, Any]:
        """Everything that a backup is about: rows, keys, the inventory."""
        rows = {n: each for n, each in read_rows(self.url).items() if n not in ALWAYS_OTHER}
        files = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and (path.parent.name == FOLDER or path.name in KEPT_FILES)
        }
        return {**rows, **files, "inventory": self.inventory.read_text()}


KEPT_FILES = {"audit.key", "webhook_token"}


def furnish(house: House) -> None:
    house.folder.mkdir(mode=0o700)
    house.inventory.write_text(INVENTORY)
    (house.folder / "webhook_token").write_text("w" * 43)
    open_authority(house.folder / FOLDER, door="127.0.0.1:8003", now=NOON)

    put_stored(NEWEST, house.url)

    async def fill(database: Database) -> None:
        await Stage(database).put(webhook(alert(host="inbox-1"), group="inbox-1"))
        await Audit(database, house.folder).seal(now=NOON)

    asyncio.run(house.live(fill))


def list_names(house: House) -> list[str]:
    return sorted(path.name for path in house.folder.iterdir() if path.suffix != ".lock")


def unchanged(house: House) -> Any:
    return house.kept(), read_rows(house.url), list_names(house)


def forge(
    house: House,
    *,
    manifest: Callable[[dict[str, Any]], None] = lambda _: None,
    members: dict[str, bytes] | None = None,
    mode: int = stat.S_IFREG | 0o600,
    without: str = "",
) -> None:
    """Write a backup as somebody would who knows how, digests and all."""
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        kept = {name: opened.read(name) for name in opened.namelist()}
    told = json.loads(kept.pop(MANIFEST))
    for name, content in (members or {}).items():
        kept[name] = content
        told["members"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": 0}
    manifest(told)
    if without:
        del kept[without], told["members"][without]
    with house.file.open("w+b") as file:
        with zipfile.ZipFile(file, "w") as forged:
            for name, content in {**kept, MANIFEST: json.dumps(told).encode()}.items():
                about = zipfile.ZipInfo(name)
                is_odd = name in (members or {})
                about.external_attr = (mode if is_odd else stat.S_IFREG | 0o600) << 16
                forged.writestr(about, content)
            forged.comment = archive._WORDS + b"0" * archive._DIGITS
        archive._seal(file)


def run(url: str, statement: Any) -> None:
    engine = create(url)
    with engine.begin() as connection:
        connection.execute(statement).close()
    engine.dispose()


def another_database(other: str, folder: Path, request: pytest.FixtureRequest) -> Any:
    if other == "postgresql":
        number = next(request.getfixturevalue("numbers"))
        return request.getfixturevalue("postgres").lend(f"other_{number}")
    return nullcontext(f"sqlite:///{folder}/elsewhere/other.db")
