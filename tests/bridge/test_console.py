"""What can be done at the console: every word, in a folder where no bridge ever ran."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from bridge.console import perform as room
from bridge.console.chats import Chats
from bridge.console.desk import Desk
from bridge.console.words import parse_words
from bridge.core.access import Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.enrolment import Enrolment
from bridge.core.host_codes import HostCode, read_code
from bridge.errors import Outage, Refused
from bridge.settings import Settings
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.people import People
from bridge.store.tables import audit
from tests.fakes.clock import NOON
from tests.programs import ROOT

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


@pytest.fixture
def console(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Console:
    made = Console(tmp_path / "state", capsys.readouterr)

    def open_chats(desk: Desk) -> Chats:
        made.chats.desk = desk
        return made.chats

    async def name(_token: str, *, proxy: str | None) -> str:
        assert proxy is None
        return "opswire_bot"

    # Logs are the process's own.
    monkeypatch.setattr(room, "set_up_logs", lambda *_: None)
    monkeypatch.setattr(room, "open_chats", open_chats)
    monkeypatch.setattr(room, "fetch_bot_name", name)
    return made


# ---- people ----------------------------------------------------------------------------------


def test_people_are_added_listed_changed_and_removed(console: Console) -> None:
    assert "nobody has a role yet" in console.say("people", "list")
    assert console.say("people", "add", "1001", "admin") == "1001 is admin now\n"
    added = console.say("people", "add", "1002", "Operator", "group=db", "group=web")
    assert added == "1002 is operator group=db group=web now\n"
    changed = console.say("people", "add", "1002", "viewer")
    assert changed == "1002 is viewer now (was operator group=db group=web)\n"
    assert console.say("people", "list").splitlines() == [
        "        1001  admin",
        "        1002  viewer",
    ]
    removed = console.say("people", "remove", "1002")
    assert removed == "1002 has no role any more (was viewer)\n"


def test_the_folder_and_what_is_made_in_it_are_for_their_owner_alone(console: Console) -> None:
    console.say("people", "list")
    console.say("people", "add", "1001", "admin")
    assert stat.S_IMODE(console.folder.stat().st_mode) == 0o700
    for name in ("audit.key", "audit.head"):
        assert stat.S_IMODE((console.folder / name).stat().st_mode) == 0o600


def test_admins_of_the_settings_are_listed_and_left_alone(console: Console) -> None:
    console.settings["ALLOWED_USERS"] = "52341678"
    assert console.say("people", "list") == "    52341678  admin     (ALLOWED_USERS)\n"
    assert "ALLOWED_USERS" in console.complain("people", "remove", "52341678")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("add", "ada", "viewer"), "no user's number"),
        (("add", "1002", "boss"), "boss is no role; write viewer, operator or admin"),
        (("add", "1002", "viewer", "db"), "db is no limit; write label=value"),
        (("add", "1002", "admin", "group=db"), "an admin sees every host"),
        (("add", "1087968824", "viewer"), "no person"),
        (("remove", "1002"), "1002 has no role"),
        (("link", "group=db"), "no role"),
        (("link", "viewer", "--first"), "makes an admin"),
        (("link", "admin", "group=db"), "an admin sees every host"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    console: Console, words: tuple[str, ...], complaint: str
) -> None:
    said = console.complain("people", *words)
    assert complaint in said
    assert len(said.splitlines()) == 1


def test_the_last_admin_stays(console: Console) -> None:
    console.say("people", "add", "1001", "admin")
    assert "last admin" in console.complain("people", "remove", "1001")
    assert "last admin" in console.complain("people", "add", "1001", "viewer")


def test_a_name_cannot_drive_the_terminal(console: Console) -> None:
    code = console.say("people", "link", "admin", "--quiet").split()[-1]
    console.use(code, 1001)
    assert console.say("people", "list") == "        1001  admin     Ada \\x1b[31m\n"


# ---- links -----------------------------------------------------------------------------------


def test_a_link_stands_alone_on_the_last_line_and_lets_one_in(console: Console) -> None:
    console.settings["BOT_TOKEN"] = TOKEN
    said = console.say("people", "link", "operator", "group=db").splitlines()
    assert said[0] == "Whoever opens this link first, within 30 minutes, is operator group=db:"
    assert LINK.fullmatch(said[1])
    enrolment = console.use(said[1].partition("start=")[2], 1002)
    assert (enrolment.person.role, enrolment.person.scope) == (
        Role.OPERATOR,
        parse_scope(["group=db"]),
    )


def test_a_link_of_no_role_gives_the_least(console: Console) -> None:
    assert "is viewer:" in console.say("people", "link")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": "http://127.0.0.1:8081"},
    ],
)
def test_where_no_link_leads_there_is_a_line_to_write(
    console: Console, settings: dict[str, str]
) -> None:
    console.settings.update(settings)
    said = console.say("people", "link").splitlines()
    assert said[0] == "Whoever writes this line to the bot first, within 30 minutes, is viewer:"
    assert LINE.fullmatch(said[1])


def test_a_telegram_that_does_not_say_the_name_costs_only_the_link(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_token: str, *, proxy: str | None) -> str:
        raise Outage("Telegram", f"away {proxy}")

    monkeypatch.setattr(room, "fetch_bot_name", away)
    console.settings["BOT_TOKEN"] = TOKEN
    assert LINE.fullmatch(console.say("people", "link", "--quiet").strip())


def test_the_first_admins_link_is_made_anew_until_there_is_one(console: Console) -> None:
    links = [console.say("people", "link", "--first", "--quiet").strip() for _ in range(2)]
    assert links[0] != links[1]
    assert all(LINE.fullmatch(each) for each in links)
    enrolment = console.use(links[1].split()[1], 1001)
    assert enrolment.person.role is Role.ADMIN
    with pytest.raises(Refused, match="there is an admin by now"):
        console.use(links[0].split()[1], 1002)
    assert console.say("people", "link", "--first", "--quiet") == ""
    assert "there is an admin already" in console.say("people", "link", "--first")


def test_an_admin_of_the_settings_makes_a_first_link_needless(console: Console) -> None:
    console.settings["ALLOWED_USERS"] = "7"
    assert console.say("people", "link", "--first", "--quiet") == ""


def test_an_admins_link_works_beside_other_admins(console: Console) -> None:
    console.say("people", "add", "1001", "admin")
    code = console.say("people", "link", "admin", "--quiet").split()[1]
    assert console.use(code, 1002).person.role is Role.ADMIN


def test_no_code_is_written_down_anywhere(console: Console) -> None:
    code = console.say("people", "link", "--quiet").split()[1]
    console.use(code, 1002)
    kept = b"".join(path.read_bytes() for path in console.folder.iterdir() if path.is_file())
    assert code.encode() not in kept


# ---- chats -----------------------------------------------------------------------------------


def test_chats_are_added_listed_and_removed(console: Console) -> None:
    assert "no chat hears alerts yet" in console.say("chats", "list")
    console.settings["ALERT_CHAT_ID"] = "-100,-2001"
    assert console.say("chats", "add", "-2001") == "-2001 hears alerts now\n"
    added = console.say("chats", "add", "-1001234567890/7", "group=db")
    assert added == "-1001234567890/7 hears alerts of group=db now\n"
    assert console.chats.kept == {
        Destination(-2001): Scope(),
        Destination(-1001234567890, 7): parse_scope(["group=db"]),
    }
    assert console.say("chats", "list").splitlines() == [
        "              -100  (ALERT_CHAT_ID)",
        "             -2001  (ALERT_CHAT_ID)",
        "  -1001234567890/7  group=db",
    ]
    assert console.say("chats", "remove", "-1001234567890/7").endswith("hears no more alerts\n")
    assert list(console.chats.kept) == [Destination(-2001)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("add", "ops"), "'ops' is not a chat id; write a numeric chat id"),
        (("add", "-1/0"), "names no topic"),
        (("add", "-1,-2"), "more than one chat"),
        (("add", "7", "db"), "no limit"),
        (("add", "-666"), "not there"),
        (("remove", "-5"), "-5 does not hear alerts"),
        (("remove", "-100"), "ALERT_CHAT_ID"),
    ],
)
def test_a_chat_that_makes_no_sense_is_one_sentence(
    console: Console, words: tuple[str, ...], complaint: str
) -> None:
    console.settings["ALERT_CHAT_ID"] = "-100"
    said = console.complain("chats", *words)
    assert complaint in said
    assert len(said.splitlines()) == 1


# ---- hosts -----------------------------------------------------------------------------------


def enrol(console: Console, *words: str) -> tuple[list[str], HostCode]:
    """What is said before the code, and the code."""
    *said, line = console.say("enrol", *words).splitlines()
    return said, read_code(line)


def test_a_hosts_code_stands_alone_on_the_last_line(console: Console, tmp_path: Path) -> None:
    inventory = tmp_path / "agents.txt"
    inventory.write_text("Server 127.0.0.1:9100\n")
    console.settings["AGENTS_FILE"] = str(inventory)
    said, code = enrol(console, "server")
    assert (code.host, code.address, code.door) == ("Server", "127.0.0.1", "127.0.0.1:8003")
    assert "For Server with its agent at 127.0.0.1, once, within 30 minutes" in said[0]
    assert "python -m agent enrol" in said[-1]
    assert code.secret not in " ".join(said)
    assert enrol(console, "web-1", "192.0.2.10:8001")[1].address == "192.0.2.10:8001"
    assert enrol(console, "web-1")[1].address == ""
    assert inventory.read_text() == "Server 127.0.0.1:9100\n"


def test_the_door_is_the_same_for_every_code_and_its_keys_are_for_their_owner(
    console: Console,
) -> None:
    console.settings["AGENTS_ADDRESS"] = "bridge.example:8443"
    codes = [enrol(console, name)[1] for name in ("web-1", "web-2")]
    assert {each.door for each in codes} == {"bridge.example:8443"}
    assert len({each.fingerprint for each in codes}) == 1
    for path in (console.folder / "agents").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("30",), "cannot be a host's name"), (("web-1", "a/b"), "is no address of an agent")],
)
def test_a_host_that_makes_no_sense_is_one_sentence(
    console: Console, words: tuple[str, ...], complaint: str
) -> None:
    said = console.complain("enrol", *words)
    assert complaint in said
    assert len(said.splitlines()) == 1


def test_a_hosts_code_is_written_down_nowhere_but_that_it_was_made(console: Console) -> None:
    _, code = enrol(console, "web-1", "192.0.2.10")
    listed = console.say("audit", "list")
    assert listed.rstrip().endswith("at the console  enrol  web-1  (192.0.2.10)")
    kept = b"".join(path.read_bytes() for path in console.folder.rglob("*") if path.is_file())
    assert code.secret.encode() not in kept


def test_keys_that_are_gone_are_told_and_no_code_is_made(console: Console) -> None:
    enrol(console, "web-1")
    (console.folder / "agents" / "authority.key").unlink()
    assert "enrol every host again" in console.complain("enrol", "web-1")
    assert len(console.say("audit", "list").splitlines()) == 1


# ---- the audit -------------------------------------------------------------------------------


def test_whatever_is_done_here_is_written_down(console: Console) -> None:
    assert console.say("audit", "list") == "nothing was written down yet\n"
    console.say("people", "add", "1001", "admin")
    console.say("chats", "add", "-2001/7", "group=db")
    console.complain("people", "remove", "1001")
    said = console.say("audit", "list").splitlines()
    assert len(said) == 2
    line = r"#1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000  done     \S+ at the console  people add  "
    assert re.fullmatch(line + r"1001  \(nobody → admin\)", said[0])
    assert said[1].endswith("chats add  -2001/7 group=db")
    assert console.say("audit", "list", "1").splitlines() == said[1:]


def test_words_of_strangers_cannot_drive_the_terminal(console: Console) -> None:
    console.say("people", "list")

    async def work() -> None:
        database = Database(console.load().database_url.reveal())
        await database.open()
        odd = Entry(at=NOON, who=7, name="E\x1b[2J\nve\u202e", what="/x", chat=Destination(-1, 2))
        await Audit(database, console.folder).put(odd)
        await database.close()

    asyncio.run(work())
    [line] = console.say("audit", "list").splitlines()
    assert "E\\x1b[2J\\nve\\u202e (7)  in -1/2  /x" in line


def test_a_sound_audit_is_said_so_and_ends_with_0(console: Console) -> None:
    console.say("people", "add", "1001", "admin")
    console.say("people", "add", "1002", "viewer")
    assert console.say("audit", "verify").startswith("sound: 2 entries, 1 to 2; ")


def test_a_tampered_audit_is_told_with_its_place_and_ends_with_1(console: Console) -> None:
    for user in ("1001", "1002", "1003"):
        console.say("people", "add", user, "admin")
    console.tamper(update(audit).where(audit.c.id == 2).values(entry={"number": 2}))
    code, out, complaint = console.call("audit", "verify")
    assert (code, out) == (1, "")
    assert complaint == "tampered with: what follows entry 1 is no entry\n"
    # A change that is made now is made, and its maker hears of it.
    code, out, complaint = console.call("people", "add", "1004", "viewer")
    assert (code, out) == (0, "1004 is viewer now\n")
    assert "it is done, but the audit is tampered" in complaint


def test_an_audit_that_cannot_be_checked_ends_with_3(console: Console) -> None:
    code, _, complaint = console.call("audit", "verify")
    assert (code, "cannot be checked" in complaint) == (3, True)
    console.say("people", "add", "1001", "admin")
    (console.folder / "audit.head").unlink()
    code, _, complaint = console.call("audit", "verify")
    assert (code, "no signed head" in complaint) == (3, True)
    console.settings["DATABASE_URL"] = f"sqlite:///{console.folder}/absent/x.db"
    code, _, complaint = console.call("audit", "verify")
    assert (code, "database" in complaint) == (3, True)


def test_a_restored_backup_is_stated_and_the_audit_is_sound_again(console: Console) -> None:
    for user in ("1001", "1002", "1003"):
        console.say("people", "add", user, "admin")
    assert "nothing to mark" in console.complain("audit", "mark-restored")
    console.tamper(delete(audit).where(audit.c.id > 1))
    code, _, complaint = console.call("audit", "verify")
    assert (code, "the last 2 entries are missing" in complaint) == (1, True)
    assert console.say("audit", "mark-restored").startswith("entry 2 states it, signed")
    assert console.say("audit", "verify").startswith("sound: 2 entries")
    assert "the signed head knew 3 entries" in console.say("audit", "list")


# ---- beside a running bridge, and the words --------------------------------------------------


def test_it_works_while_the_bridge_writes(console: Console) -> None:
    console.say("people", "add", "1001", "admin")

    async def work() -> None:
        database = Database(console.load().database_url.reveal())
        await database.open()
        books = Audit(database, console.folder)

        async def write() -> None:
            for number in range(40):
                await books.put(Entry(at=NOON, who=7, what=f"/x {number}"))
                await books.seal(now=NOON)

        def add() -> list[tuple[int, str, str]]:
            return [console.call("people", "add", f"{2000 + each}", "viewer") for each in range(5)]

        _, answers = await asyncio.gather(write(), asyncio.to_thread(add))
        assert [code for code, _, _ in answers] == [0] * 5
        await database.close()

    asyncio.run(work())
    assert console.say("audit", "verify").startswith("sound: 46 entries")


def test_a_state_folder_that_cannot_be_made_is_one_sentence_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("people", "list", folder=tmp_path, STATE_DIR=str(tmp_path / "file" / "state"))
    assert done.returncode == 2
    assert done.stderr.startswith("STATE_DIR: ")
    assert len(done.stderr.splitlines()) == 1


def test_no_secret_is_taken_as_a_word_and_none_is_shown(tmp_path: Path) -> None:
    done = run(
        "people", "link", folder=tmp_path, BOT_TOKEN=TOKEN, TELEGRAM_PROXY="http://127.0.0.1:9"
    )
    assert done.returncode == 0
    assert TOKEN not in done.stdout + done.stderr
    assert LINE.fullmatch(done.stdout.splitlines()[-1])


HEAVY = ("aiogram", "sqlalchemy", "alembic", "fastapi", "pydantic", "matplotlib", "aiohttp")
ASKED = (
    (),
    *((room,) for room in ("people", "chats", "audit")),
    *(("people", verb) for verb in ("list", "add", "remove", "link")),
    *(("chats", verb) for verb in ("list", "add", "remove")),
    *(("audit", verb) for verb in ("list", "verify", "mark-restored")),
)


def test_every_word_has_a_help_and_none_loads_a_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom bridge.__main__ import main\n"
        f"for words in {ASKED!r}:\n"
        "    sys.argv = ['bridge', *words, '--help']\n    try:\n        main()\n"
        "    except SystemExit as ending:\n        assert not ending.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.count("usage: python -m bridge") == len(ASKED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("people",), ("persons",), ("audit", "list", "0"), ("audit", "list", "x")]
)
def test_a_wrong_word_ends_with_2_and_the_usage(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_words(words)
    assert caught.value.code == 2
    assert "usage: python -m bridge" in capsys.readouterr().err


def test_every_word_is_done_and_no_word_at_all_runs_the_bridge() -> None:
    deeds = {" ".join(words) for words in ASKED if len(words) == 2}
    assert set(room.DEEDS) == {*deeds, "enrol"}
    assert parse_words(["enrol", "web-1"]).deed == "enrol"
    assert parse_words([]).deed is None


def run(*words: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the true program."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
