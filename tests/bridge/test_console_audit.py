"""The audit, as the console shows and checks it."""

from __future__ import annotations

import asyncio
import re

from sqlalchemy import delete, update

from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.tables import audit
from tests.bridge.consoles import Console
from tests.fakes.clock import NOON


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
