"""What can be done at the console: every word, in a folder where no bridge ever ran."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.console import perform as room
from bridge.console.words import parse_words
from bridge.core.access import Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.errors import Outage, Refused
from bridge.store.audit import Audit
from bridge.store.database import Database
from tests.bridge.consoles import LINE, LINK, TOKEN, Console
from tests.fakes.clock import NOON
from tests.programs import ROOT

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


@pytest.mark.parametrize("words", [("add", "1002", "viewer"), ("remove", "1002")])
def test_codes_for_hosts_of_who_is_no_admin_any_more_are_told_to_be_void(
    console: Console, words: tuple[str, ...]
) -> None:
    for each in ("1001", "1002"):
        console.say("people", "add", each, "admin")
    console.invite("web-9", by=1002)
    assert console.say("people", *words).splitlines()[1:] == ["their code for web-9 is void"]
    assert len(console.say("people", "add", "1002", "viewer").splitlines()) == 1, "told once"


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


def test_what_the_console_lays_is_for_its_account_alone(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "bridge", "people", "list"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        umask=0o022,
    )
    laid = [place for place in (tmp_path / "state").rglob("*") if place.is_file()]
    assert "opswire.db" in {place.name for place in laid}
    assert [place.name for place in laid if place.stat().st_mode & 0o077] == []


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
