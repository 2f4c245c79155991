"""Codes for hosts are worth no more than whoever made them, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bridge import limits
from bridge.core.access import Role
from bridge.core.agents import Newcomer
from bridge.core.audit import Entry
from bridge.core.enrolment import Change, Grant
from bridge.core.host_codes import Misuse, write_secret
from bridge.store.agents import Agents
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.people import People
from tests.fakes.clock import NOON

ADA, BOB, OWNER = 1001, 1002, 1003
MINUTE = timedelta(minutes=1)
ADMIN = Grant(role=Role.ADMIN)


def entry(what: str) -> Entry:
    return Entry(at=NOON, who=ADA, name="Ada", what=what)


@dataclass
class Gate:
    """Where people give hosts codes, and lose the right to."""

    database: Database
    numbers: Iterator[int] = field(default_factory=count)

    async def put(self, user_id: int, grant: Grant, at: datetime = NOON) -> Change:
        people = People(self.database)
        return await people.put(user_id, grant, by=ADA, entry=entry("/adduser"), now=at)

    async def remove(self, user_id: int, at: datetime = NOON + MINUTE) -> Change:
        return await People(self.database).remove(user_id, entry=entry("/rmuser"), now=at)

    async def invite(self, host: str, *, by: int | None = BOB) -> str:
        secret = write_secret(next(self.numbers).to_bytes(16, "big"))
        await Agents(self.database).put_code(
            secret, host=host, address="", by=by, entry=entry("/add"), now=NOON
        )
        return secret

    async def come(self, secret: str, host: str, *, owners: Collection[int] = ()) -> Misuse | None:
        """Show a code; say why it let nobody in, if it did not."""
        key = bytes([next(self.numbers)]) * 32
        newcomer = Newcomer(host=host, key=key, serial="ab12", address="192.0.2.10:8001")
        admission = await Agents(self.database, owners).use_code(
            secret, newcomer, entry=entry("agent enrol"), now=NOON + 2 * MINUTE
        )
        return admission.misuse


@pytest.fixture
async def gate(database: Database) -> Gate:
    made = Gate(database)
    for each in (ADA, BOB):
        await made.put(each, ADMIN)
    return made


async def test_what_a_removed_admin_has_made_lets_no_host_in(gate: Gate) -> None:
    codes = [await gate.invite(host) for host in ("Web-2", "web-1")]
    assert (await gate.remove(BOB)).voided == ("web-1", "Web-2")
    for secret, host in zip(codes, ("Web-2", "web-1"), strict=True):
        assert await gate.come(secret, host) is Misuse.VOID


async def test_nor_does_that_of_who_is_no_admin_any_more(gate: Gate) -> None:
    secret = await gate.invite("web-1")
    change = await gate.put(BOB, Grant(role=Role.OPERATOR))
    assert change.former is not None
    assert (change.former.role, change.voided) == (Role.ADMIN, ("web-1",))
    assert await gate.come(secret, "web-1") is Misuse.VOID


async def test_who_becomes_an_admin_again_does_not_bring_codes_back(gate: Gate) -> None:
    secret = await gate.invite("web-1")
    await gate.remove(BOB)
    await gate.put(BOB, ADMIN)
    assert await gate.come(secret, "web-1") is Misuse.VOID
    assert await gate.come(await gate.invite("web-1"), "web-1") is None


async def test_an_admin_who_stays_one_loses_no_code(gate: Gate) -> None:
    secret = await gate.invite("web-1")
    assert (await gate.put(BOB, ADMIN)).voided == ()
    assert await gate.come(secret, "web-1") is None


async def test_codes_of_others_and_of_the_console_are_as_good_as_before(gate: Gate) -> None:
    theirs = {
        "web-1": await gate.invite("web-1", by=ADA),
        "web-2": await gate.invite("web-2", by=None),
    }
    assert (await gate.remove(BOB)).voided == ()
    for host, secret in theirs.items():
        assert await gate.come(secret, host) is None


async def test_a_code_that_is_made_just_after_its_maker_was_removed_lets_no_host_in(
    gate: Gate,
) -> None:
    await gate.remove(BOB)
    assert await gate.come(await gate.invite("web-1"), "web-1") is Misuse.VOID
    await gate.put(BOB, Grant(role=Role.OPERATOR))
    assert await gate.come(await gate.invite("web-2"), "web-2") is Misuse.VOID


async def test_a_code_of_an_admin_of_the_settings_is_good_as_long_as_they_name_them(
    gate: Gate,
) -> None:
    codes = {host: await gate.invite(host, by=OWNER) for host in ("web-1", "web-2")}
    assert await gate.come(codes["web-1"], "web-1", owners=(OWNER,)) is None
    assert await gate.come(codes["web-2"], "web-2") is Misuse.VOID


async def test_only_what_was_still_open_is_told(gate: Gate, tmp_path: Path) -> None:
    await gate.come(await gate.invite("used"), "used")
    await gate.invite("replaced")
    await gate.invite("replaced", by=ADA)
    await gate.invite("open")
    assert (await gate.remove(BOB)).voided == ("open",)
    [(_, newest)] = await Audit(gate.database, tmp_path).newest(1)
    assert (newest.what, newest.detail) == ("/rmuser", "admin → nobody; void codes: open")
    await gate.put(BOB, ADMIN)
    assert (await gate.remove(BOB)).voided == (), "what is void is void once"


async def test_what_is_too_old_anyway_is_not_told(gate: Gate) -> None:
    await gate.invite("web-1")
    assert (await gate.remove(BOB, NOON + limits.CODE_LIFE)).voided == ()
