"""Backup, wipe, restore: what was kept comes back, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import OperationalError

from bridge import __version__, archive, restoring
from bridge.clients.authority import FOLDER, open_authority
from bridge.console import perform as room
from bridge.console.words import parse_words
from bridge.core.backups import MANIFEST
from bridge.premises import hold, sit_down
from bridge.restoring import is_mounted
from bridge.settings import Settings, SettingsError
from bridge.store import filling, snapshot
from bridge.store.audit import Audit
from bridge.store.changing import raise_schema, read_revision
from bridge.store.database import Database, create
from bridge.store.schema import list_revisions
from bridge.store.tables import episodes, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.full_state import PENDING, count_rows, put_stored, read_rows
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


@pytest.fixture
def house(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    monkeypatch.setattr(room, "set_up_logs", lambda *_: None)  # logs are the process's own
    made = House(tmp_path / "state", url, capsys.readouterr)
    furnish(made)
    return made


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


# ---- whole -----------------------------------------------------------------------------------


def test_after_a_wipe_everything_is_back(house: House) -> None:
    before = house.kept()
    said = house.say("backup", str(house.file))
    assert "2 people" in said
    assert "1 agent that is let in" in said
    assert "bot's token" in said
    assert "and the keys that every host obeys." in said
    house.wipe()
    said = house.restore()
    assert "2 hosts in the inventory" in said
    after = house.kept()
    # What the inbox held comes back in the database's own journal.
    kept, lost = after.pop("journal"), before.pop("journal")
    assert len(kept) == len(lost) + (1 if house.url.startswith("sqlite") else 0)
    assert after == before
    assert "sound" in house.say("audit", "verify")
    assert "restore" in house.say("audit", "list", "1")


def test_what_waited_is_delivered_once_it_is_back(house: House) -> None:
    house.back_up()
    house.wipe()
    house.restore()

    async def deliver(database: Database) -> None:
        stage = Stage(database)
        stage.wait(Stage(database).now - NOON)
        await stage.fold()
        assert (await stage.records.balance()).total == 0
        hosts = select(func.count()).select_from(episodes)
        assert await stage.scalar(hosts) >= 27
        await stage.drain()
        assert PENDING in str(stage.shown)
        assert "inbox-1" in str(stage.shown)
        assert (await stage.outbox.depth()).waiting == 0

    asyncio.run(house.live(deliver))


def test_numbers_that_were_given_never_come_again(house: House) -> None:
    """A button, or a message under way, names its row by its number."""

    async def cut(database: Database) -> int:
        newest = select(func.max(messages.c.id))
        number = await database.read(lambda c: c.execute(newest).scalar_one())
        gone = messages.delete().where(messages.c.id == number)
        await database.write(lambda c: c.execute(gone).close())
        return int(number)

    async def add(database: Database) -> int:
        stage = Stage(database)
        await stage.post(alert(host="later"), group="later")
        newest = select(func.max(messages.c.id))
        return int(await stage.scalar(newest))

    gone = asyncio.run(house.live(cut))
    house.back_up()
    house.wipe()
    house.restore()
    assert asyncio.run(house.live(add)) > gone


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing_unasked(house: House) -> None:
    house.say("backup", str(house.file))
    assert stat.S_IMODE(house.file.stat().st_mode) == 0o600
    before = house.file.read_bytes()
    assert "--force" in house.complain("backup", str(house.file))
    assert house.file.read_bytes() == before
    assert "is a folder" in house.complain("backup", str(house.folder))
    house.say("backup", str(house.file), "--force")
    assert house.file.read_bytes() != before
    assert [path.name for path in house.folder.parent.glob("*.part")] == []


def test_the_bots_token_is_not_in_it(house: House) -> None:
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        for name in opened.namelist():
            assert TOKEN.encode() not in opened.read(name)


def test_where_nothing_was_ever_kept_there_is_nothing_to_back_up(house: House) -> None:
    house.wipe()
    assert "no" in house.complain("backup", str(house.file))
    assert not house.file.exists()


def test_a_dry_run_says_what_would_come_back_and_changes_nothing(house: House) -> None:
    house.back_up()
    before = house.kept(), read_rows(house.url)
    names = list_names(house)
    with hold(house.folder):  # also beside a running bridge
        said = house.say("restore", "--dry-run", str(house.file))
    for words in ("2 people", "1 subscribed chat", "episodes of alerts", "entries of the audit"):
        assert words in said
    assert "messages to be delivered" in said
    assert "Nothing was changed." in said
    assert (house.kept(), read_rows(house.url)) == before
    assert list_names(house) == names


def test_an_older_backup_takes_the_place_of_what_came_later_and_says_so_signed(
    house: House,
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")
    house.say("people", "add", "1004", "admin")
    known = json.loads((house.folder / "audit.head").read_text())["count"]
    said = house.restore()
    assert ".before-restore" in said or house.url.startswith("postgresql")
    assert "1003" not in house.say("people", "list")
    newest = house.say("audit", "list", "1")
    assert f"the signed head knew {known} entries" in newest
    assert "sound" in house.say("audit", "verify")
    house.say("people", "add", "1005", "viewer")
    assert "sound" in house.say("audit", "verify")


def test_an_audit_that_was_tampered_with_is_not_washed_clean_by_a_restoration(
    house: House,
) -> None:
    edited = text("UPDATE audit SET entry = replace(entry, 'viewer', 'admin') WHERE id = 2")
    run(house.url, edited)
    house.call("backup", str(house.file))
    house.wipe()
    code, _, complaints = house.call("restore", str(house.file))
    assert code == 0
    assert "tampered with already: entry 2 was edited" in complaints
    assert house.call("audit", "verify")[0] == 1


@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
def test_a_backup_is_restored_to_either_kind_of_database(
    house: House, other: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    house.back_up()
    before = house.kept()
    (tmp_path / "elsewhere").mkdir()
    with another_database(other, tmp_path, request) as url:
        there = House(tmp_path / "elsewhere" / "state", url, house.read)
        there.say("restore", str(house.file))
        after = there.kept()
        assert after.pop("journal") != []
        del before["journal"]
        assert after == before
        assert "sound" in there.say("audit", "verify")

        async def go_on(database: Database) -> None:
            stage = Stage(database)
            await stage.post(alert(host="later"), group="later")
            assert (await stage.records.balance()).total == 0

        asyncio.run(there.live(go_on))


@pytest.mark.parametrize("revision", [each for each in list_revisions() if each != NEWEST])
def test_a_backup_of_an_earlier_version_is_brought_up_on_the_way(
    house: House, revision: str
) -> None:
    house.wipe()
    house.folder.mkdir()
    house.inventory.write_text(INVENTORY)
    put_stored(revision, house.url)
    house.back_up()
    assert read_revision(house.url) == revision  # a backup changes nothing
    raise_schema(house.url)
    upgraded = read_rows(house.url)
    house.wipe()
    house.restore()
    assert read_revision(house.url) == NEWEST
    restored = read_rows(house.url)
    for name in set(upgraded) - ALWAYS_OTHER:
        assert restored[name] == upgraded[name], name


# ---- while alerts stream in -------------------------------------------------------------------


async def test_every_webhook_that_was_answered_before_it_began_is_in_it(house: House) -> None:
    answered: list[str] = []
    database = Database(house.url)
    await database.open()
    stage = Stage(database)
    is_over = asyncio.Event()

    async def stream() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            host = f"stream-{number}"
            await stage.put(webhook(alert(host=host), group=host))
            answered.append(host)

    async def fold() -> None:
        while not is_over.is_set():
            await stage.journal.fold(now=stage.now)
            await asyncio.sleep(0)

    streaming = [asyncio.create_task(stream()), asyncio.create_task(fold())]
    certain: list[list[str]] = []
    backups = [house.file.with_name(f"{number}.zip") for number in range(2)]
    for path in backups:
        while len(answered) < 10 * (len(certain) + 1):  # noqa: ASYNC110 - what streams is the event
            await asyncio.sleep(0.01)
        certain.append(list(answered))
        words = parse_words(["backup", str(path)])
        assert await asyncio.to_thread(room.perform, words, house.load()) == 0
    is_over.set()
    await asyncio.gather(*streaming)
    await database.close()
    for path, hosts in zip(backups, certain, strict=True):
        await asyncio.to_thread(house.wipe)
        words = parse_words(["restore", str(path)])
        assert await asyncio.to_thread(room.perform, words, house.load()) == 0
        assert set(hosts) <= set(await house.live(fold_and_list)), path.name


@on_sqlite
def test_what_is_folded_and_dropped_between_the_two_looks_is_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def then_fold(look: Callable[..., Any]) -> Callable[..., Any]:
        def work(*words: Any) -> Any:
            found = look(*words)
            if not looked:
                looked.append(look.__name__)
                assert {"inbox-1", "left-1"} <= set(asyncio.run(house.live(fold_and_list)))
            return found

        return work

    with monkeypatch.context() as meanwhile:
        for name in ("_look_into", "_look_into_inbox"):
            meanwhile.setattr(snapshot, name, then_fold(getattr(snapshot, name)))
        house.back_up()
    house.wipe()
    house.restore()
    assert {"inbox-1", "left-1"} <= set(asyncio.run(house.live(fold_and_list)))


async def fold_and_list(database: Database) -> list[str]:
    stage = Stage(database)
    await stage.fold()
    await stage.fold()  # with nothing left to fold, what was folded is dropped
    found = await database.read(lambda c: c.execute(select(episodes.c.facts)).all())
    return [facts["labels"]["host"] for (facts,) in found if "labels" in facts]


# ---- refused ----------------------------------------------------------------------------------


def list_names(house: House) -> list[str]:
    return sorted(path.name for path in house.folder.iterdir() if path.suffix != ".lock")


def unchanged(house: House) -> Any:
    return house.kept(), read_rows(house.url), list_names(house)


def test_nothing_is_restored_under_a_running_bridge(house: House) -> None:
    house.back_up()
    before = unchanged(house)
    with hold(house.folder), pytest.raises(SettingsError, match="another bridge is running"):
        house.call("restore", str(house.file))
    assert unchanged(house) == before


@on_postgresql
def test_nothing_is_restored_into_a_database_that_others_use(house: House) -> None:
    house.back_up()
    before = unchanged(house)
    engine = create(house.url)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1")).close()
        assert "end every bridge" in house.complain("restore", str(house.file))
    engine.dispose()
    assert unchanged(house) == before


@on_sqlite
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.data())
def test_any_cut_or_flipped_bit_is_refused_before_anything_is_touched(
    house: House, chance: st.DataObject
) -> None:
    if not house.file.exists():
        house.back_up()
    whole = house.file.read_bytes()
    place = chance.draw(st.integers(0, len(whole) - 1))
    bit = chance.draw(st.none() | st.integers(0, 7))
    spoilt = bytearray(whole)
    if bit is None:
        del spoilt[place:]
    else:
        spoilt[place] ^= 1 << bit
    path = house.file.with_name("spoilt.zip")
    path.write_bytes(spoilt)
    before = list_names(house)
    assert "damaged" in house.complain("restore", str(path))
    assert list_names(house) == before


@on_sqlite
def test_what_is_damaged_is_named(house: House) -> None:
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        about = opened.getinfo("database/people.jsonl")
        middle = about.header_offset + 30 + len(about.filename) + 20 + about.compress_size // 2
    spoilt = bytearray(house.file.read_bytes())
    spoilt[middle] ^= 0xFF
    house.file.write_bytes(spoilt)
    complaint = house.complain("restore", str(house.file))
    assert "database/people.jsonl" in complaint or "cannot be unpacked" in complaint
    for content in (b"", b"PK", b"not at all" * 100):
        house.file.write_bytes(content)
        assert "no backup" in house.complain("restore", str(house.file))
    house.file.unlink()
    assert "no such file" in house.complain("restore", str(house.file))


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


@on_sqlite
@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "state/../../evil",
        "state/agents/../../evil",
        "state/.hidden",
        "database/../evil.jsonl",
        "state\\evil",
        "state/agents/deep/er",
        "evil",
    ],
)
def test_a_name_that_leads_anywhere_else_is_refused(house: House, name: str) -> None:
    forge(house, members={name: b"evil"})
    before = unchanged(house)
    assert "no backup of ours" in house.complain("restore", str(house.file))
    assert unchanged(house) == before
    assert not list(house.folder.parent.rglob("*evil*"))


@on_sqlite
@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_link_in_a_backup_is_refused(house: House, kind: str) -> None:
    mode = {"link": stat.S_IFLNK | 0o777, "folder": stat.S_IFDIR | 0o700}[kind]
    forge(house, members={"state/webhook_token": b"/etc/passwd"}, mode=mode)
    before = unchanged(house)
    assert "no backup of ours" in house.complain("restore", str(house.file))
    assert unchanged(house) == before


@on_sqlite
def test_a_member_that_its_manifest_does_not_know_is_refused(house: House) -> None:
    forge(house, manifest=lambda told: told["members"].pop("state/audit.key"))
    assert "other files" in house.complain("restore", str(house.file))
    digest = {"sha256": "0" * 64, "size": 1}
    forge(house, manifest=lambda told: told["members"].update({"database/people.jsonl": digest}))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    assert "database/people.jsonl is not as it was written" in complaint
    assert unchanged(house) == before


def test_a_later_schema_or_version_is_refused_by_both_names(house: House) -> None:
    forge(house, manifest=lambda told: told.update(revision="9999", version="7.0.0"))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file), "--force")
    for words in ("7.0.0", "9999", __version__, NEWEST):
        assert words in complaint
    assert unchanged(house) == before
    forge(house, manifest=lambda told: told.update(version="7.0.0"))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    for words in ("7.0.0", __version__, "--force"):
        assert words in complaint
    assert unchanged(house) == before
    forge(house, manifest=lambda told: told.update(form=2, version="7.0.0"))
    before = unchanged(house)
    assert "7.0.0" in house.complain("restore", str(house.file))
    assert unchanged(house) == before


def test_another_bots_state_is_refused_unless_forced(house: House) -> None:
    house.back_up()
    house.given["BOT_TOKEN"] = "555555555:" + "B" * 35
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    assert "bot 123456789" in complaint
    assert "bot 555555555" in complaint
    assert unchanged(house) == before
    # Also where no token says whose it shall be, but the state that is there does.
    del house.given["BOT_TOKEN"]
    value = json.dumps({"bot_id": "777", "server": "Telegram"})
    run(house.url, text("UPDATE state SET value = :value").bindparams(value=value))
    assert "bot 777" in house.complain("restore", str(house.file))
    house.say("restore", "--force", str(house.file))
    assert "123456789" in str(read_rows(house.url)["state"])


# ---- cut off ----------------------------------------------------------------------------------


RESTORED = '"what":"restore"'
"""What the entry says that states a restoration."""


class EndError(BaseException):
    """The process is killed here."""


@on_sqlite
def test_killed_at_any_step_the_old_or_the_new_is_there_whole(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")
    shutil.copytree(house.folder, tmp_path / "old")
    old_inventory = INVENTORY + "web-7 192.0.2.7:9100\n"
    files = {path.name: path.read_bytes() for path in house.place.parent.glob("bridge*")}
    seen: set[bool] = set()
    for step in range(200):
        reset(house, tmp_path / "old", files, old_inventory)
        with monkeypatch.context() as killing:
            kill_at(killing, step)
            try:
                house.call("restore", str(house.file))
                is_killed = False
            except EndError:
                is_killed = True
        house.read()
        people = house.say("people", "list")  # the next that opens the state
        is_new = "1003" not in people
        seen.add(is_new)
        assert house.inventory.read_text() == (INVENTORY if is_new else old_inventory)
        assert "sound" in house.say("audit", "verify")
        assert (RESTORED in str(read_rows(house.url)["audit"])) is is_new
        assert not restoring.is_pending(house.folder)
        if not is_killed:
            break
    assert not is_killed
    assert seen == {True, False}
    assert step > 20


def reset(house: House, old: Path, files: dict[str, bytes], inventory: str) -> None:
    shutil.rmtree(house.folder)
    shutil.copytree(old, house.folder)
    for path in house.place.parent.glob("*bridge*"):
        path.unlink()
    for name, content in files.items():
        (house.place.parent / name).write_bytes(content)
    house.inventory.write_text(inventory)


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Count what changes the disk, and end there."""
    steps = iter(range(10**6))

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def work(*words: Any, **named: Any) -> Any:
            if next(steps) == step:
                raise EndError
            return call(*words, **named)

        return work

    patch.setattr(Path, "rename", counted(Path.rename))
    patch.setattr(Path, "replace", counted(Path.replace))
    patch.setattr(restoring, "write_synced", counted(restoring.write_synced))
    patch.setattr(restoring, "sync_folder", counted(archive.sync_folder))
    # Whoever is killed tidies nothing up.
    patch.setattr(restoring.Restoration, "drop", lambda _: None)


@on_postgresql
@pytest.mark.parametrize("is_committed", [False, True])
def test_killed_around_the_commit_the_keys_go_with_the_database(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_committed: bool
) -> None:
    house.back_up()
    kept_key = (house.folder / FOLDER / "orders.key").read_bytes()
    (house.folder / FOLDER / "orders.key").write_text("another")
    house.say("people", "add", "1003", "admin")

    def end(*_: Any) -> None:
        raise EndError

    with monkeypatch.context() as killing:
        if is_committed:
            killing.setattr("bridge.console.restore.finish_pending", end)
        else:
            decide = restoring.Restoration.decide

            def decide_and_end(laid: Any, proof: Any = None) -> None:
                decide(laid, proof)
                raise EndError

            killing.setattr(restoring.Restoration, "decide", decide_and_end)
        with pytest.raises(EndError):
            house.call("restore", str(house.file))
    house.read()
    assert restoring.is_pending(house.folder)
    assert ("1003" in house.say("people", "list")) is not is_committed
    now = (house.folder / FOLDER / "orders.key").read_bytes()
    assert now == (kept_key if is_committed else b"another")
    assert "sound" in house.say("audit", "verify")
    assert not list(house.folder.rglob("*.restored"))


def test_a_full_disk_leaves_what_was_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.back_up()
    before = unchanged(house)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("write_synced", "sync_folder"):
        with monkeypatch.context() as full:
            full.setattr(restoring, name, fail)
            complaint = house.complain("restore", str(house.file))
            assert "no space left" in complaint
            assert "nothing was changed" in complaint
        assert unchanged(house) == before
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        other = house.file.with_name("other.zip")
        assert "no space left" in house.complain("backup", str(other))
    assert not list(house.folder.parent.glob("*other*"))


@on_sqlite
def test_a_disk_that_fills_up_inside_the_database_leaves_what_was_there(house: House) -> None:
    house.back_up()
    before = unchanged(house)

    def shrink(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=40").close()

    event.listen(Engine, "connect", shrink)
    try:
        complaint = house.complain("restore", str(house.file))
    finally:
        event.remove(Engine, "connect", shrink)
    assert "full" in complaint
    assert unchanged(house) == before
    assert not list(house.place.parent.glob(".*"))


# ---- elsewhere --------------------------------------------------------------------------------


def test_the_inventory_stays_where_somebody_says_so(house: House) -> None:
    house.back_up()
    house.inventory.write_text("other 192.0.2.5:9100\n")
    house.inventory.chmod(0o640)
    house.say("restore", "--keep-inventory", str(house.file))
    assert house.inventory.read_text() == "other 192.0.2.5:9100\n"
    house.restore()
    assert house.inventory.read_text() == INVENTORY
    assert stat.S_IMODE(house.inventory.stat().st_mode) == 0o640


def test_a_second_restoration_is_as_good_as_the_first(house: House) -> None:
    house.back_up()
    for _ in range(2):
        house.restore()
    assert "sound" in house.say("audit", "verify")
    assert count_rows(house.url)["people"] == 2


def test_the_schema_is_told_brought_back_and_up_at_the_console(house: House) -> None:
    assert house.say("database", "revision").splitlines()[-1] == NEWEST
    said = house.say("database", "downgrade", "0005")
    assert said.splitlines() == [
        "gone, for it has no place there: 1 of jobs, 1 of logins",
        f"the database has schema 0005 now (was {NEWEST})",
    ]
    assert "already" in house.say("database", "downgrade", "0005")
    assert "has schema 0005" in house.say("database", "revision")
    assert house.say("database", "upgrade").endswith("(was 0005)\n")
    with hold(house.folder), pytest.raises(SettingsError, match="another bridge"):
        house.call("database", "downgrade", "0005")


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


# ---- beside others ----------------------------------------------------------------------------


@on_postgresql
def test_tables_of_others_are_neither_copied_nor_touched(house: House) -> None:
    run(house.url, text('CREATE TABLE "Theirs" (secret text)'))
    run(house.url, text("INSERT INTO \"Theirs\" VALUES ('theirs')"))
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        assert not [name for name in opened.namelist() if "heirs" in name]
    before = house.kept()
    house.restore()
    assert read_rows(house.url)["Theirs"] == [("theirs",)]
    assert {**house.kept(), "journal": []} == {**before, "journal": []}


@on_postgresql
def test_a_database_with_a_table_of_our_name_that_is_not_ours_is_refused(house: House) -> None:
    house.back_up()
    house.wipe()
    run(house.url, text("CREATE TABLE people (name text)"))
    run(house.url, text("INSERT INTO people VALUES ('theirs')"))
    assert "a table people that is not ours" in house.complain("restore", str(house.file))
    assert read_rows(house.url) == {"people": [("theirs",)]}


def test_a_state_of_a_later_version_is_set_aside_and_never_dropped(house: House) -> None:
    """Somebody went back with the program alone, and the sentence said: or restore a backup."""
    house.back_up()
    run(house.url, text("UPDATE alembic_version SET version_num = '9999'"))
    if house.url.startswith("sqlite"):
        house.restore()
        assert read_revision(house.url) == NEWEST
        aside = house.place.with_name(f"{house.place.name}.before-restore")
        assert read_revision(f"sqlite:///{aside}") == "9999"
        return
    before = unchanged(house)
    complaint = house.complain("restore", "--force", str(house.file))
    assert "schema 9999" in complaint
    assert "empty database" in complaint
    assert unchanged(house) == before


# ---- hostile ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"database/alembic_version.jsonl": b'["version_num"]\n["9999"]\n'},
        {"database/inboxes.jsonl": b'["name","folded_to"]\n["x",99]\n'},
        {"database/sqlite_sequence.jsonl": b'["name","seq"]\n["people",7]\n'},
        {"database/people.jsonl": b'["user_id; DROP TABLE audit"]\n[1]\n'},
        {"database/people.jsonl": b'["user_id"]\n[99999999999999999999999]\n'},
        {"database/people.jsonl": b'["user_id"]\n' + b"[" * 100_000 + b"\n"},
        {"database/people.jsonl": b'["user_id"]\n[1,2]\n'},
        {"database/people.jsonl": b'["user_id"]\n[[1]]\n'},
        {"database/people.jsonl": b'["user_id"]\n[1]\n'},
        {"database/people.jsonl": b""},
        {"database/updates.jsonl": b'["update_id","body","received_at"]\n[1,"\\ud800","today"]\n'},
    ],
    ids=range(11),
)
def test_nonsense_about_a_table_changes_nothing(house: House, members: dict[str, bytes]) -> None:
    forge(house, members=members)
    before = unchanged(house)
    house.complain("restore", str(house.file))
    assert unchanged(house) == before


def test_a_number_that_no_row_has_is_refused(house: House) -> None:
    for number in (2**63, -1):

        def lie(told: dict[str, Any], most: int = number) -> None:
            told["counters"].update(messages=most)

        forge(house, manifest=lie)
        before = unchanged(house)
        assert "cannot be understood" in house.complain("restore", str(house.file))
        assert unchanged(house) == before


@on_sqlite
def test_a_backup_that_tells_nothing_of_a_table_is_refused(house: House) -> None:
    forge(house, without="database/people.jsonl")
    before = unchanged(house)
    assert "nothing of the table people" in house.complain("restore", str(house.file))
    assert unchanged(house) == before


# ---- weight -----------------------------------------------------------------------------------


@on_sqlite
def test_large_webhooks_are_never_in_memory_together(house: House) -> None:
    """The console shares a container, and its memory, with the bridge."""
    large, many = 2 * 1024 * 1024, 30
    put = text("INSERT INTO journal (body, address, received_at) VALUES (:body, '{}', :at)")
    engine = create(house.url)
    with engine.begin() as connection:
        for _ in range(many):
            values = {"body": os.urandom(1) * large, "at": "2026-01-01 00:00:00"}
            connection.execute(put, values).close()
    engine.dispose()
    for words in (("backup", str(house.file)), ("restore", str(house.file))):
        tracemalloc.start()
        try:
            house.say(*words)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < many * large / 2, words
    assert count_rows(house.url)["journal"] >= many


@on_postgresql
def test_a_slow_disk_does_not_end_the_look_of_a_backup(house: House) -> None:
    with snapshot.open_snapshot(house.url) as seen:
        patience = seen._main.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert patience.scalar_one() == "0"
    with filling.open_filling(house.url) as connection:
        patience = connection.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert patience.scalar_one() == "0"


# ---- what it says and who may read it ---------------------------------------------------------


@on_sqlite
def test_what_may_count_already_is_not_said_to_have_changed_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")

    def fail_late(folder: Path) -> None:
        if (house.folder / restoring.PLAN).exists():
            raise OSError(5, os.strerror(5))
        archive.sync_folder(folder)

    with monkeypatch.context() as failing:
        failing.setattr(restoring, "sync_folder", fail_late)
        complaint = house.complain("restore", str(house.file))
    assert "input/output error; it may count already: the next start" in complaint
    assert "1003" not in house.say("people", "list")


@on_postgresql
def test_a_commit_that_nobody_knows_of_is_told_as_such(house: House) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")

    def fail(_: Any) -> None:
        if restoring.is_pending(house.folder):
            raise OperationalError("COMMIT", {}, Exception("the line is cut"))

    event.listen(Engine, "commit", fail)
    try:
        complaint = house.complain("restore", str(house.file))
    finally:
        event.remove(Engine, "commit", fail)
    assert "it may count already" in complaint
    assert "1003" in house.say("people", "list")
    assert not list(house.folder.rglob("*.restored"))


@pytest.mark.parametrize("plan", [b"{", b"{}", b"[]", b'{"moves": 1, "aside": [], "proof": null}'])
@on_sqlite
def test_a_plan_that_is_none_of_ours_is_named(house: House, plan: bytes) -> None:
    (house.folder / restoring.PLAN).write_bytes(plan)
    with pytest.raises(SettingsError, match=r"restore\.plan cannot be understood; take it away"):
        house.call("people", "list")


@on_sqlite
@pytest.mark.parametrize(
    "words", [("database", "revision"), ("restore", "--dry-run"), ("backup",), ("people", "list")]
)
def test_nothing_looks_into_a_state_that_is_half_in_its_place(
    house: House, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    house.back_up()

    def end(*_: Any) -> None:
        raise EndError

    with monkeypatch.context() as killing:
        killing.setattr(restoring, "_put_in_place", end)
        with pytest.raises(EndError):
            house.call("restore", str(house.file))
    house.read()
    assert restoring.is_pending(house.folder)
    file = {"restore": [str(house.file)], "backup": [str(house.file), "--force"]}
    house.say(*words, *file.get(words[0], []))
    assert not restoring.is_pending(house.folder)
    assert RESTORED in str(read_rows(house.url)["audit"])


@on_sqlite
def test_a_database_is_read_by_those_who_read_the_one_before(house: House) -> None:
    house.back_up()
    for mode in (0o600, 0o640):
        house.place.chmod(mode)
        house.restore()
        assert stat.S_IMODE(house.place.stat().st_mode) == mode
    house.wipe()
    house.restore()
    assert stat.S_IMODE(house.place.stat().st_mode) == 0o600
    for name in ("audit.key", "audit.head", "webhook_token", f"{FOLDER}/orders.key"):
        assert stat.S_IMODE((house.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((house.folder / FOLDER).stat().st_mode) == 0o700


# ---- at the console ---------------------------------------------------------------------------


def test_a_backup_is_a_look_at_everything_that_the_audit_tells_of_signed(house: House) -> None:
    house.back_up()
    newest = house.say("audit", "list", "1")
    assert "backup" in newest
    assert "at the console" in newest
    known = json.loads((house.folder / "audit.head").read_text())["count"]
    assert known == count_rows(house.url)["audit"]
    assert "sound" in house.say("audit", "verify")


def test_where_the_audit_cannot_tell_of_it_the_backup_says_so(house: House) -> None:
    """A full disk is a day on which one is wanted."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO audit"):
            raise OperationalError(statement, {}, Exception("database or disk is full"))

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        code, said, complaints = house.call("backup", str(house.file))
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    assert code == 0
    assert f"{house.file} holds" in said
    assert "it is done, but the audit does not tell of it: database: " in complaints
    assert "disk is full" in complaints
    house.restore()


def test_an_audit_that_was_tampered_with_is_told_of_and_not_signed(house: House) -> None:
    head = (house.folder / "audit.head").read_bytes()
    run(house.url, text("UPDATE audit SET entry = replace(entry, 'viewer', 'admin') WHERE id = 2"))
    code, _, complaints = house.call("backup", str(house.file))
    assert code == 0
    assert "it is done, but the audit is tampered: entry 2 was edited" in complaints
    assert (house.folder / "audit.head").read_bytes() == head


@on_sqlite
def test_the_console_is_held_off_while_the_stores_are_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote would be gone with them; a backup would be of two states."""
    house.back_up()
    said: list[str] = []
    decide = restoring.Restoration.decide

    def work_meanwhile(laid: restoring.Restoration, proof: str | None = None) -> None:
        tried = ("people", "add", "1009", "admin"), ("backup", f"{house.file}.2")
        said.extend(house.complain(*words) for words in tried)
        decide(laid, proof)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(restoring.Restoration, "decide", work_meanwhile)
        house.restore()
    assert ["being replaced" in each for each in said] == [True, True]
    house.say("people", "add", "1009", "admin")


def test_nothing_is_replaced_while_somebody_is_at_the_console(house: House) -> None:
    house.back_up()
    before = unchanged(house)
    with sit_down(house.folder):
        house.say("people", "list")
        for words in (("restore", str(house.file)), ("database", "downgrade", "0005")):
            assert "the console is in use" in house.complain(*words)
    assert unchanged(house) == before


def test_what_an_editor_leaves_among_the_keys_is_no_hindrance(house: House) -> None:
    (house.folder / FOLDER / "orders.key~").write_text("old")
    (house.folder / FOLDER / "a copy of it").write_text("old")
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        names = opened.namelist()
    assert f"state/{FOLDER}/orders.key" in names
    assert not [name for name in names if "~" in name or "copy" in name]


@on_sqlite
def test_nothing_of_what_was_before_gets_into_what_is_restored(house: House) -> None:
    """A machine that lost its power leaves a log beside the database, and webhooks beside both."""
    house.back_up()

    async def answer_one_more(database: Database) -> None:
        await Stage(database).put(webhook(alert(host="late-1"), group="late-1"))

    asyncio.run(house.live(answer_one_more))
    logs = [house.place.with_name(f"{house.place.name}-{log}") for log in ("wal", "shm")]
    engine = create(house.url)
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM people")).close()
        connection.commit()
        kept = {path: path.read_bytes() for path in (house.place, *logs)}
    engine.dispose()
    for path, content in kept.items():
        path.write_bytes(content)
    house.say("restore", "--force", str(house.file))  # which does not look at whose it was
    for path in logs:
        assert not path.exists() or path.read_bytes() != kept[path]
    with closing(sqlite3.connect(house.place)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert opened.execute("SELECT count(*) FROM people").fetchone() == (2,)
    assert "late-1" not in asyncio.run(house.live(fold_and_list))
    # Put back under their own names, they are the state before, to the last of its changes.
    for path in house.place.parent.glob(f"{house.place.stem}*.before-restore"):
        path.replace(path.with_name(path.name.removesuffix(".before-restore")))
    assert count_rows(house.url)["people"] == 0
    assert "late-1" in asyncio.run(house.live(fold_and_list))


def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    lines = snapshot.Snapshot.lines

    def work(seen: snapshot.Snapshot, name: str) -> Iterator[bytes]:
        if not looked:
            assert house.call("people", "add", "1009", "admin")[0] == 0
            asyncio.run(house.live(fold_and_list))
        looked.append(name)
        return lines(seen, name)

    before = house.kept()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(snapshot.Snapshot, "lines", work)
        house.back_up()
    assert {"people", "audit", "episodes", "journal"} <= set(looked)
    house.wipe()
    house.restore()
    after = house.kept()
    kept, lost = after.pop("journal"), before.pop("journal")
    assert len(kept) == len(lost) + (1 if house.url.startswith("sqlite") else 0)
    assert after == before
    assert "1009" not in str(read_rows(house.url)["audit"])
    assert "sound" in house.say("audit", "verify")


@on_postgresql
def test_a_backup_without_the_keys_says_so(house: House, tmp_path: Path) -> None:
    """Somebody names the database and forgets the state folder."""
    there = House(tmp_path / "another" / "state", house.url, house.read)
    said = there.say("backup", str(house.file))
    assert f"none of the keys that hosts obey: there are none in {there.folder}." in said


@on_sqlite
@pytest.mark.parametrize("what", ["inventory", "place", "keys"])
def test_what_is_mounted_by_itself_is_found_out_before_anything_changes(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    house.back_up()
    house.inventory.write_text("other 192.0.2.5:9100\n")
    mounted = house.folder / FOLDER if what == "keys" else getattr(house, what)
    before = unchanged(house)
    with monkeypatch.context() as mounting:
        mounting.setattr("bridge.restoring._MOUNTS", mount(mounted, tmp_path))
        complaint = house.complain("restore", str(house.file))
        assert f"{mounted} is mounted by itself and cannot be replaced" in complaint
        assert ("--keep-inventory" in complaint) is (what == "inventory")
        assert unchanged(house) == before
        if what == "inventory":
            house.say("restore", "--keep-inventory", str(house.file))


def mount(place: Path, beside: Path) -> Path:
    """Write what the kernel tells of mounts while something is mounted at a place."""
    path = str(place).replace(" ", r"\040")
    told = beside / "mountinfo"
    told.write_text(f"36 35 98:0 /mnt1 {path} rw,noatime master:1 - ext3 /dev/root rw\n")
    return told


def test_what_is_mounted_is_asked_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_mounted(Path("/proc"))
    assert not is_mounted(Path("/proc/self"))
    place = tmp_path / "a folder" / "opswire.db"
    monkeypatch.setattr("bridge.restoring._MOUNTS", mount(place, tmp_path))
    assert is_mounted(place)
    assert not is_mounted(place.parent)
