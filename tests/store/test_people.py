from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from bridge import limits
from bridge.core.access import Person, Role, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome
from bridge.core.enrolment import Enrolment, Grant, Purpose, digest_code, write_code
from bridge.core.hearing import Hearing
from bridge.errors import BridgeError, Expired, Missing, Mistake, Refused
from bridge.store.audit import Audit
from bridge.store.chats import Chats
from bridge.store.database import Database
from bridge.store.people import People
from bridge.store.tables import codes, people
from tests.fakes.clock import NOON

ADA, BOB, CAROL, OWNER = 1001, 1002, 1003, 1009
DB = parse_scope(["group=db"])
VIEWER, OPERATOR, ADMIN = (Grant(role=role) for role in Role)
MINUTE = timedelta(minutes=1)


@dataclass
class Office:
    """Where people are let in."""

    database: Database
    owners: Collection[int] = ()
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def people(self) -> People:
        return People(self.database, self.owners)

    def entry(self, what: str, at: datetime = NOON) -> Entry:
        return Entry(at=at, who=ADA, name="Ada", what=what)

    async def put(self, user_id: int, grant: Grant) -> Person | None:
        entry = self.entry("/adduser")
        return (await self.people.put(user_id, grant, by=ADA, entry=entry, now=NOON)).former

    async def remove(self, user_id: int) -> Person | None:
        return (await self.people.remove(user_id, entry=self.entry("/rmuser"), now=NOON)).former

    async def make_code(
        self, grant: Grant = VIEWER, purpose: Purpose = Purpose.PERSON, *, by: int | None = None
    ) -> str:
        code = write_code(next(self.numbers).to_bytes(16, "big"))
        await self.people.put_code(
            code, purpose, grant, by=by, entry=self.entry("people link"), now=NOON
        )
        return code

    async def use(
        self, code: str, user_id: int = BOB, *, after: timedelta = MINUTE, name: str = "Bob"
    ) -> Enrolment:
        entry = Entry(at=NOON + after, who=user_id, name=name, what="/start")
        return await self.people.use_code(
            code, user_id=user_id, name=name, entry=entry, now=NOON + after
        )

    async def told(self, folder: Path) -> list[tuple[str, str]]:
        """What the audit says, the oldest first."""
        newest = await Audit(self.database, folder).newest(100)
        return [(entry.what, entry.detail) for _, entry in reversed(newest)]


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("bridge.db*"))


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def test_a_person_is_found_as_they_were_put_and_a_stranger_is_nobody(office: Office) -> None:
    await office.put(ADA, ADMIN)
    assert await office.put(BOB, Grant(role=Role.OPERATOR, scope=DB)) is None
    assert await office.people.find(BOB) == Person(user_id=BOB, role=Role.OPERATOR, scope=DB)
    assert await office.people.find(CAROL) is None


async def test_a_changed_role_takes_the_place_of_the_former_and_keeps_the_name(
    office: Office,
) -> None:
    await office.put(BOB, VIEWER)
    await office.people.note_name(Person(user_id=BOB, role=Role.VIEWER), "Bob \0\ud800 é")
    former = await office.put(BOB, OPERATOR)
    assert former == Person(user_id=BOB, role=Role.VIEWER, name="Bob \0\ud800 é")
    assert await office.people.find(BOB) == Person(
        user_id=BOB, role=Role.OPERATOR, name="Bob \0\ud800 é"
    )


async def test_numbers_of_accounts_have_more_than_32_bits(office: Office) -> None:
    await office.put(2**52, VIEWER)
    assert await office.people.find(2**52) is not None


async def test_everybody_is_listed_the_most_powerful_first(office: Office) -> None:
    office.owners = (OWNER, BOB)
    for user_id, grant in ((CAROL, VIEWER), (1004, OPERATOR), (ADA, ADMIN)):
        await office.put(user_id, grant)
    listed = [(each.user_id, each.role, each.is_owner) for each in await office.people.all()]
    assert listed == [
        (ADA, Role.ADMIN, False),
        (BOB, Role.ADMIN, True),
        (OWNER, Role.ADMIN, True),
        (1004, Role.OPERATOR, False),
        (CAROL, Role.VIEWER, False),
    ]


async def test_admins_of_the_settings_exist_without_a_row_and_only_while_they_stand_there(
    office: Office,
) -> None:
    office.owners = (OWNER,)
    found = await office.people.find(OWNER)
    assert found == Person(user_id=OWNER, role=Role.ADMIN, is_owner=True)
    assert await office.people.has_admin()
    count = select(func.count()).select_from(people)
    assert await office.database.read(lambda c: c.execute(count).scalar_one()) == 0
    office.owners = ()
    assert await office.people.find(OWNER) is None
    assert not await office.people.has_admin()


@pytest.mark.parametrize("grant", [VIEWER, ADMIN])
async def test_an_admin_of_the_settings_is_changed_only_there(office: Office, grant: Grant) -> None:
    office.owners = (OWNER,)
    for deed in (office.put(OWNER, grant), office.remove(OWNER)):
        with pytest.raises(Refused, match="ALLOWED_USERS"):
            await deed


async def test_the_last_admin_is_neither_removed_nor_made_less(office: Office) -> None:
    await office.put(ADA, ADMIN)
    await office.put(BOB, OPERATOR)
    for deed in (office.remove(ADA), office.put(ADA, VIEWER)):
        with pytest.raises(Refused, match="last admin"):
            await deed
    await office.put(ADA, ADMIN)  # what they are already
    await office.put(CAROL, ADMIN)
    await office.remove(ADA)
    assert await office.people.find(ADA) is None
    with pytest.raises(Refused, match="last admin"):
        await office.remove(CAROL)
    office.owners = (OWNER,)
    await office.remove(CAROL)


async def test_two_admins_who_remove_each_other_at_once_leave_one(office: Office) -> None:
    await office.put(ADA, ADMIN)
    await office.put(BOB, ADMIN)
    outcomes = await asyncio.gather(office.remove(ADA), office.remove(BOB), return_exceptions=True)
    assert sum(isinstance(each, Refused) for each in outcomes) == 1
    assert await office.people.has_admin()


async def test_whoever_has_no_role_cannot_be_removed(office: Office) -> None:
    with pytest.raises(Missing, match="1002 has no role"):
        await office.remove(BOB)


async def test_an_admin_is_never_limited(office: Office) -> None:
    limited = Grant(role=Role.ADMIN, scope=DB)
    with pytest.raises(Mistake, match="sees every host"):
        await office.put(BOB, limited)
    with pytest.raises(Mistake, match="sees every host"):
        await office.make_code(limited)


async def test_a_name_is_written_only_when_it_is_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.put(BOB, VIEWER)
    store = office.people
    await store.note_name(Person(user_id=BOB, role=Role.VIEWER), "B" * 500)
    bob = await store.find(BOB)
    assert bob is not None
    assert bob.name == "B" * limits.NAME_CHARACTERS

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written although nothing changed")

    monkeypatch.setattr(office.database, "write", refuse)
    await store.note_name(bob, "B" * 500)


async def test_the_name_of_an_admin_of_the_settings_is_known_while_the_bridge_runs(
    office: Office,
) -> None:
    office.owners = (OWNER,)
    store = office.people
    await store.note_name(Person(user_id=OWNER, role=Role.ADMIN, is_owner=True), "Olga")
    found = await store.find(OWNER)
    assert found is not None
    assert found.name == "Olga"


# ---- codes -----------------------------------------------------------------------------------


async def test_a_code_lets_somebody_in_once(office: Office) -> None:
    code = await office.make_code(Grant(role=Role.OPERATOR, scope=DB))
    enrolment = await office.use(code)
    assert enrolment.purpose is Purpose.PERSON
    assert await office.people.find(BOB) == enrolment.person
    assert enrolment.person == Person(user_id=BOB, role=Role.OPERATOR, scope=DB, name="Bob")
    with pytest.raises(Expired, match="used by somebody"):
        await office.use(code, CAROL)
    with pytest.raises(Expired, match="used this link already"):
        await office.use(code, BOB)
    assert await office.people.find(CAROL) is None


async def test_the_code_itself_is_nowhere_in_the_database(office: Office, tmp_path: Path) -> None:
    code = await office.make_code()
    row = await office.database.read(lambda c: c.execute(select(codes)).one())
    assert row.digest == digest_code(code)
    assert code not in str(row)
    await office.use(code)
    await office.database.close()
    assert code.encode() not in read_all(tmp_path)


async def test_an_old_code_lets_nobody_in(office: Office) -> None:
    code = await office.make_code()
    with pytest.raises(Expired, match="too old"):
        await office.use(code, after=limits.CODE_LIFE)
    assert await office.people.find(BOB) is None


async def test_a_code_that_was_never_made_lets_nobody_in(office: Office) -> None:
    with pytest.raises(Mistake, match="unknown"):
        await office.use("x" * 22)
    with pytest.raises(Mistake, match="unknown"):
        await office.use("\0\ud800")


@pytest.mark.parametrize("is_of_the_settings", [False, True])
async def test_the_first_admins_link_is_dead_once_there_is_one(
    office: Office, *, is_of_the_settings: bool
) -> None:
    code = await office.make_code(ADMIN, Purpose.FIRST_ADMIN)
    if is_of_the_settings:
        office.owners = (OWNER,)
    else:
        await office.put(ADA, ADMIN)
    with pytest.raises(Expired, match="an admin by now"):
        await office.use(code)


async def test_an_admin_who_opens_a_viewers_link_stays_admin_and_leaves_it_to_others(
    office: Office,
) -> None:
    await office.put(ADA, ADMIN)
    code = await office.make_code(VIEWER)
    with pytest.raises(Refused, match="still good for somebody else"):
        await office.use(code, ADA)
    office.owners = (OWNER,)
    with pytest.raises(Refused, match="still good for somebody else"):
        await office.use(code, OWNER)
    assert (await office.use(code, BOB)).person.role is Role.VIEWER


async def test_a_link_of_an_admin_who_was_removed_is_gone(office: Office) -> None:
    await office.put(ADA, ADMIN)
    await office.put(BOB, ADMIN)
    code, other = await office.make_code(ADMIN, by=BOB), await office.make_code(by=ADA)
    await office.remove(BOB)
    with pytest.raises(Mistake, match="unknown"):
        await office.use(code, BOB)
    assert (await office.use(other, CAROL)).person.role is Role.VIEWER


async def test_a_link_of_who_is_no_admin_any_more_lets_nobody_in(office: Office) -> None:
    await office.put(ADA, ADMIN)
    await office.put(BOB, ADMIN)
    code = await office.make_code(ADMIN, by=BOB)
    await office.put(BOB, VIEWER)
    for who in (BOB, CAROL):
        with pytest.raises(Expired, match="no admin any more"):
            await office.use(code, who)
    office.owners = (BOB,)
    assert (await office.use(code, CAROL)).person.role is Role.ADMIN


async def test_codes_long_gone_are_forgotten(office: Office) -> None:
    old = await office.make_code()
    later = NOON + limits.CODE_LIFE + limits.CODE_KEPT + MINUTE
    entry = office.entry("people link")
    await office.people.put_code("y" * 22, Purpose.PERSON, VIEWER, by=ADA, entry=entry, now=later)
    kept = await office.database.read(lambda c: c.execute(select(codes.c.digest)).scalars().all())
    assert kept == [digest_code("y" * 22)]
    with pytest.raises(Mistake):
        await office.use(old)


async def test_of_many_who_open_a_link_at_once_one_is_let_in(office: Office, url: str) -> None:
    """Also when they meet two bridges, or a bridge and the console, on one database."""
    other = Database(url)
    await other.open()
    rooms = [office, Office(other)]
    try:
        for number in range(10):
            code = await office.make_code(ADMIN, Purpose.FIRST_ADMIN)
            crowd = [
                room.use(code, 2000 + 100 * number + each) for each, room in enumerate(rooms * 3)
            ]
            outcomes = await asyncio.gather(*crowd, return_exceptions=True)
            let_in = [each for each in outcomes if isinstance(each, Enrolment)]
            assert len(let_in) == (1 if number == 0 else 0)
            assert all(isinstance(each, Enrolment | BridgeError) for each in outcomes)
        assert [each.role for each in await office.people.all()] == [Role.ADMIN]
    finally:
        await other.close()


async def test_of_two_first_admins_links_that_are_opened_at_once_one_makes_an_admin(
    office: Office,
) -> None:
    links = [await office.make_code(ADMIN, Purpose.FIRST_ADMIN) for _ in range(2)]
    outcomes = await asyncio.gather(
        office.use(links[0], ADA), office.use(links[1], BOB), return_exceptions=True
    )
    assert sum(isinstance(each, Enrolment) for each in outcomes) == 1
    assert len(await office.people.all()) == 1


# ---- the audit -------------------------------------------------------------------------------


async def test_every_change_stands_in_the_audit_and_what_was_refused_does_not(
    office: Office, tmp_path: Path
) -> None:
    await office.put(ADA, ADMIN)
    await office.put(BOB, Grant(role=Role.OPERATOR, scope=DB))
    await office.remove(BOB)
    code = await office.make_code(OPERATOR)
    await office.use(code)
    for deed in (office.remove(ADA), office.use(code, CAROL), office.remove(CAROL)):
        with pytest.raises(BridgeError):
            await deed
    assert await office.told(tmp_path) == [
        ("/adduser", "nobody → admin"),
        ("/adduser", "nobody → operator group=db"),
        ("/rmuser", "operator group=db → nobody"),
        ("people link", "operator"),
        ("/start", "nobody → operator"),
    ]
    newest = await Audit(office.database, tmp_path).newest(1)
    assert newest[0][1].outcome is Outcome.DONE


async def test_the_first_admin_is_let_in_together_with_what_comes_with_it(
    office: Office, tmp_path: Path
) -> None:
    chats, here = Chats(office.database, Hearing()), Destination(ADA)
    code = await office.make_code(ADMIN, Purpose.FIRST_ADMIN)

    def fail(_connection: Connection) -> None:
        raise Missing("not now")

    async def use(work: Callable[[Connection], object]) -> Enrolment:
        return await office.people.use_code(
            code, user_id=ADA, name="Ada", entry=office.entry("/start"), now=NOON, with_first=work
        )

    with pytest.raises(Missing):
        await use(fail)
    assert await office.people.find(ADA) is None
    entry = office.entry("subscribed")
    await use(chats.subscribing(here, made_by=ADA, now=NOON, entry=entry))
    assert (await chats.find(here)).is_subscribed
    assert [what for what, _ in await office.told(tmp_path)] == [
        "people link",
        "/start",
        "subscribed",
    ]


async def test_a_change_that_cannot_be_written_down_is_not_made(office: Office) -> None:
    """The entry and the change are one transaction."""
    await office.database.write(lambda c: c.execute(text("DROP TABLE audit")).close())
    with pytest.raises(BridgeError):
        await office.put(BOB, VIEWER)
    assert await office.people.find(BOB) is None
