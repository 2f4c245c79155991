"""Hosts' codes and keys, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from bridge import limits
from bridge.core.agents import Agent, Newcomer
from bridge.core.audit import Entry
from bridge.core.host_codes import Admission, Invitation, Misuse, digest_secret, write_secret
from bridge.core.letters import Letter
from bridge.store.agents import Agents
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.host_tables import agent_codes, agents, letters
from bridge.store.letters import Letters
from tests.fakes.clock import NOON

ADA = 1001
MINUTE = timedelta(minutes=1)
AT = "192.0.2.10:8001"


def key(number: int) -> bytes:
    return bytes([number]) * 32


@dataclass
class Gate:
    """Where hosts are let in."""

    database: Database
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def agents(self) -> Agents:
        return Agents(self.database, owners=(ADA,))

    def entry(self, what: str, at: datetime = NOON) -> Entry:
        return Entry(at=at, who=ADA, name="Ada", what=what)

    async def invite(self, host: str = "web-1", address: str = "", *, at: datetime = NOON) -> str:
        secret = write_secret(next(self.numbers).to_bytes(16, "big"))
        await self.agents.put_code(
            secret, host=host, address=address, by=ADA, entry=self.entry("/add"), now=at
        )
        return secret

    async def come(
        self,
        secret: str,
        *,
        host: str = "web-1",
        key: bytes = key(1),
        address: str = AT,
        at: datetime = NOON + MINUTE,
    ) -> Admission:
        newcomer = Newcomer(host=host, key=key, serial="ab12", address=address, version="0.1")
        return await self.agents.use_code(
            secret, newcomer, entry=self.entry("agent enrol", at), now=at
        )

    async def told(self, folder: Path) -> list[tuple[str, str]]:
        newest = await Audit(self.database, folder).newest(100)
        return [(entry.what, entry.detail) for _, entry in reversed(newest)]


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate(database)


# ---- codes -----------------------------------------------------------------------------------


async def test_a_code_lets_one_agent_in_once(gate: Gate) -> None:
    secret = await gate.invite("web-1", "192.0.2.10")
    assert await gate.agents.find("web-1") is None
    admission = await gate.come(secret)
    assert (admission.misuse, admission.former) == (None, None)
    assert admission.invitation == Invitation(
        host="web-1",
        address="192.0.2.10",
        made_by=ADA,
        expires_at=NOON + limits.CODE_LIFE,
    )
    assert await gate.agents.find("WEB-1") == Agent(
        host="web-1",
        key=key(1),
        serial="ab12",
        address=AT,
        enrolled_at=NOON + MINUTE,
        version="0.1",
    )
    again = await gate.come(secret, key=key(2))
    assert again.misuse is Misuse.USED
    found = await gate.agents.find("web-1")
    assert found is not None
    assert found.key == key(1)


async def test_a_code_is_good_until_its_last_moment(gate: Gate) -> None:
    secret = await gate.invite()
    end = NOON + limits.CODE_LIFE
    assert (await gate.come(secret, at=end)).misuse is Misuse.LATE
    assert (await gate.come(secret, at=end - timedelta(seconds=1))).misuse is None


async def test_a_code_is_for_one_host_and_one_place(gate: Gate) -> None:
    secret = await gate.invite("web-1", "192.0.2.10")
    assert (await gate.come(secret, host="web-2")).misuse is Misuse.OTHER_HOST
    assert (await gate.come(secret, address="192.0.2.11:8001")).misuse is Misuse.OTHER_ADDRESS
    assert (await gate.come("x" * 22)).misuse is Misuse.UNKNOWN
    assert await gate.agents.all() == ()
    assert (await gate.come(secret)).misuse is None


async def test_a_fresh_code_takes_the_place_of_the_one_before(gate: Gate) -> None:
    first = await gate.invite("web-1")
    other = await gate.invite("web-2")
    second = await gate.invite("WEB-1")
    assert (await gate.come(first)).misuse is Misuse.REPLACED
    assert (await gate.come(second)).misuse is None
    assert (await gate.come(other, host="web-2", key=key(2))).misuse is None


async def test_of_two_who_show_a_code_at_once_one_is_let_in(gate: Gate) -> None:
    secret = await gate.invite()
    came = await asyncio.gather(*(gate.come(secret, key=key(each)) for each in range(1, 9)))
    assert [each.misuse for each in came].count(None) == 1
    assert {each.misuse for each in came} == {None, Misuse.USED}
    assert len(await gate.agents.all()) == 1


async def test_no_secret_is_in_the_database(gate: Gate, database: Database) -> None:
    secret = await gate.invite()
    await gate.come(secret)

    def dump(connection: object) -> str:
        rows = [
            list(connection.execute(select(table)).all())  # type: ignore[attr-defined]  # one of SQLAlchemy's
            for table in (agent_codes, agents)
        ]
        return repr(rows)

    kept = await database.read(dump)
    assert secret not in kept
    assert digest_secret(secret) in kept


async def test_old_codes_are_forgotten(gate: Gate, database: Database) -> None:
    await gate.invite("web-1")
    await gate.invite("web-2", at=NOON + limits.CODE_LIFE + limits.CODE_KEPT + MINUTE)
    wanted = select(func.count()).select_from(agent_codes)
    assert await database.read(lambda c: c.execute(wanted).scalar_one()) == 1


async def test_what_is_known_of_a_code_can_be_asked(gate: Gate) -> None:
    secret = await gate.invite("web-1", "web-1.example")
    known = await gate.agents.find_code(secret)
    assert known is not None
    assert (known.host, known.address, known.made_by) == ("web-1", "web-1.example", ADA)
    assert await gate.agents.find_code("x" * 22) is None
    assert await gate.agents.find_code("\x00\ud800") is None


async def test_each_misuse_of_a_code_is_news_once(gate: Gate) -> None:
    secret = await gate.invite()
    assert await gate.agents.note_misuse(secret, Misuse.OTHER_HOST)
    assert not await gate.agents.note_misuse(secret, Misuse.OTHER_HOST)
    assert await gate.agents.note_misuse(secret, Misuse.USED)
    assert not await gate.agents.note_misuse("x" * 22, Misuse.USED)


# ---- keys ------------------------------------------------------------------------------------


async def test_the_former_key_dies_when_the_next_one_comes(gate: Gate) -> None:
    await gate.come(await gate.invite())
    secret = await gate.invite()
    still = await gate.agents.find("web-1")
    assert still is not None
    assert still.key == key(1)
    admission = await gate.come(secret, key=key(2), at=NOON + 2 * MINUTE)
    assert admission.former is not None
    assert admission.former.key == key(1)
    [alive] = await gate.agents.all()
    assert alive.key == key(2)


async def test_a_key_that_died_never_counts_again(gate: Gate) -> None:
    await gate.come(await gate.invite())
    await gate.come(await gate.invite(), key=key(2))
    secret = await gate.invite()
    assert (await gate.come(secret, key=key(1))).misuse is Misuse.DEAD_KEY
    other = await gate.invite("web-2")
    assert (await gate.come(other, host="web-2", key=key(1))).misuse is Misuse.DEAD_KEY
    assert (await gate.come(other, host="web-2", key=key(2))).misuse is Misuse.DEAD_KEY
    assert (await gate.come(other, host="web-2", key=key(3))).misuse is None


async def test_an_agent_that_comes_again_with_its_key_keeps_it(gate: Gate) -> None:
    """Its first answer was lost on the way; the second certificate is for the same key."""
    await gate.come(await gate.invite())
    admission = await gate.come(await gate.invite(), address="192.0.2.11:8001", at=NOON + MINUTE)
    assert admission.misuse is None
    [alive] = await gate.agents.all()
    assert (alive.key, alive.address) == (key(1), "192.0.2.11:8001")


async def test_a_host_that_is_let_go_is_gone_for_good(gate: Gate) -> None:
    await gate.come(await gate.invite())
    open_code = await gate.invite()
    former = await gate.agents.revoke("WEB-1", entry=gate.entry("/delete"), now=NOON + MINUTE)
    assert former is not None
    assert former.key == key(1)
    assert await gate.agents.find("web-1") is None
    assert (await gate.come(open_code, key=key(2))).misuse is Misuse.REPLACED
    assert (await gate.come(await gate.invite())).misuse is Misuse.DEAD_KEY
    assert (await gate.come(await gate.invite(), key=key(2))).misuse is None


async def test_a_host_without_an_agent_can_be_let_go(gate: Gate) -> None:
    assert await gate.agents.revoke("web-1", entry=gate.entry("/delete"), now=NOON) is None


async def test_the_database_itself_lets_one_key_speak_for_a_host(
    gate: Gate, database: Database
) -> None:
    await gate.come(await gate.invite())
    copy = text(
        "INSERT INTO agents (host, key, about, enrolled_at) "
        "SELECT host, 'another', about, enrolled_at FROM agents"
    )
    from bridge.errors import Outage  # noqa: PLC0415 - beside what it is about

    with pytest.raises(Outage):
        await database.write(lambda connection: connection.execute(copy).close())


async def test_every_change_stands_in_the_audit(gate: Gate, tmp_path: Path) -> None:
    secret = await gate.invite()
    await gate.come(secret)
    await gate.come(secret, key=key(9))
    await gate.come(await gate.invite(), key=key(2))
    await gate.agents.revoke("web-1", entry=gate.entry("/delete"), now=NOON)
    assert await gate.told(tmp_path) == [
        ("/add", ""),
        ("agent enrol", f"no agent → key 0101010101010101 at {AT}"),
        ("/add", ""),
        ("agent enrol", f"key 0101010101010101 → key 0202020202020202 at {AT}"),
        ("/delete", ""),
    ]


async def test_when_an_agent_was_last_heard_is_noted_now_and_then(gate: Gate) -> None:
    await gate.come(await gate.invite())
    seen = NOON + 2 * MINUTE
    for at in (seen, seen + timedelta(seconds=1), seen + timedelta(seconds=59)):
        agent = await gate.agents.find("web-1")
        assert agent is not None
        await gate.agents.note_seen(agent, now=at)
    agent = await gate.agents.find("web-1")
    assert agent is not None
    assert agent.last_seen == seen
    await gate.agents.note_seen(agent, now=seen + MINUTE)
    agent = await gate.agents.find("web-1")
    assert agent is not None
    assert agent.last_seen == seen + MINUTE


# ---- letters ---------------------------------------------------------------------------------


def letter(number: int = 1, **facts: object) -> Letter:
    return Letter(
        host="web-1",
        kind="login",
        issued=NOON - MINUTE,
        nonce=f"nonce-{number:04}",
        facts={"user": "a\x00\ud800щ", **facts},
    )


async def test_a_letter_waits_until_it_is_read_and_copies_are_one(database: Database) -> None:
    box = Letters(database)
    assert await box.put(letter(1), now=NOON)
    assert not await box.put(letter(1), now=NOON + MINUTE)
    assert await box.put(letter(2), now=NOON)
    first, second = await box.waiting()
    assert (first.host, first.kind, first.facts) == ("web-1", "login", {"user": "a\x00\ud800щ"})
    assert (first.issued_at, first.received_at) == (NOON - MINUTE, NOON)
    await box.finish(first.number, now=NOON)
    assert await box.waiting() == (second,)
    assert not await box.put(letter(1), now=NOON)
    assert await box.waiting(most=0) == ()


async def test_an_event_is_told_once_whatever_letter_it_comes_in(database: Database) -> None:
    box = Letters(database)
    assert await box.put(letter(1, id="e-1"), now=NOON)
    assert not await box.put(letter(2, id="e-1"), now=NOON)


async def test_copies_that_come_at_once_are_one(database: Database) -> None:
    box = Letters(database)
    fresh = await asyncio.gather(*(box.put(letter(1), now=NOON) for _ in range(20)))
    assert fresh.count(True) == 1


async def test_what_a_letter_said_is_not_kept_once_it_was_read(database: Database) -> None:
    box = Letters(database)
    await box.put(letter(1, secret="planted"), now=NOON)
    [kept] = await box.waiting()
    await box.finish(kept.number, now=NOON)
    rows = await database.read(lambda c: c.execute(select(letters)).all())
    assert "planted" not in repr(rows)


async def test_letters_are_forgotten_when_no_copy_of_them_is_taken_any_more(
    database: Database,
) -> None:
    box = Letters(database)
    await box.put(letter(1), now=NOON)
    await box.forget(now=NOON + 2 * limits.LETTERS_KEPT)
    assert len(await box.waiting()) == 1
    await box.forget(now=NOON + 2 * limits.LETTERS_KEPT + MINUTE)
    assert await box.waiting() == ()
