"""How a host is invited, let in, and let go; and what it tells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent.wire import LETTER, ORDER, Verify, seal
from bridge import limits
from bridge.core.agents import Agent, Certified, Newcomer
from bridge.core.audit import Entry
from bridge.core.host_codes import (
    SENTENCES,
    Admission,
    Invitation,
    Misuse,
    find_misuse,
    read_code,
)
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.inventory_lines import put_agent, remove_host
from bridge.core.letters import Letter
from bridge.errors import Expired, Missing, Mistake, NotAllowed, Outage
from bridge.flows.dismiss_host import dismiss_host
from bridge.flows.enrol_host import (
    Entrance,
    Knock,
    LetIn,
    News,
    NotWritten,
    TurnedAway,
    Welcome,
    enrol_host,
)
from bridge.flows.invite_host import Door, Invited, invite_host
from bridge.flows.take_letter import take_letter
from tests.fakes.clock import NOON

AT = "192.0.2.10:8001"
DOOR = Door(address="192.0.2.1:8003", fingerprint="ab" * 32)
ENTRY = Entry(at=NOON, who=1001, name="Ada", what="/add")
MINUTE = timedelta(minutes=1)


@dataclass
class Book:
    """Remembers codes and keys, without a database."""

    codes: dict[str, Invitation] = field(default_factory=dict)
    alive: dict[str, Agent] = field(default_factory=dict)
    dead: set[bytes] = field(default_factory=set)
    told: set[tuple[str, Misuse]] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    is_away: bool = False

    async def put_code(
        self, secret: str, *, host: str, address: str, by: int | None, entry: Entry, now: datetime
    ) -> Invitation:
        if self.is_away:
            raise Outage("database", "away")
        made = Invitation(host=host, address=address, made_by=by, expires_at=now + limits.CODE_LIFE)
        self.codes[secret] = made
        self.entries.append(entry)
        return made

    async def find_code(self, secret: str) -> Invitation | None:
        return self.codes.get(secret)

    async def use_code(
        self, secret: str, newcomer: Newcomer, *, entry: Entry, now: datetime
    ) -> Admission:
        if self.is_away:
            raise Outage("database", "away")
        known = self.codes.get(secret)
        misuse = find_misuse(known, host=newcomer.host, address=newcomer.address, now=now)
        if newcomer.key in self.dead:
            misuse = misuse or Misuse.DEAD_KEY
        if known is None or misuse is not None:
            return Admission(misuse=misuse, invitation=known)
        self.codes[secret] = replace(known, used_at=now)
        former = self.alive.get(newcomer.host)
        self.alive[newcomer.host] = Agent(
            host=newcomer.host,
            key=newcomer.key,
            serial=newcomer.serial,
            address=newcomer.address,
            enrolled_at=now,
        )
        self.entries.append(entry)
        return Admission(misuse=None, invitation=known, former=former)

    async def note_misuse(self, secret: str, misuse: Misuse) -> bool:
        is_news = (secret, misuse) not in self.told
        self.told.add((secret, misuse))
        return is_news

    async def revoke(self, host: str, *, entry: Entry, now: datetime) -> Agent | None:
        del now
        self.entries.append(entry)
        return self.alive.pop(host, None)

    async def find(self, host: str) -> Agent | None:
        return self.alive.get(host)

    async def note_seen(self, agent: Agent, *, now: datetime) -> None:
        if self.is_away:
            raise Outage("database", "away")
        self.alive[agent.host] = replace(agent, last_seen=now)


@dataclass
class File:
    """The inventory, as a text."""

    text: str = "Server 127.0.0.1:9100\n"
    is_full: bool = False

    @property
    def inventory(self) -> Inventory:
        return parse_inventory(self.text)

    async def check_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        put_agent(self.text, name, node_address=node_address, agent_address=agent_address)

    async def put_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        if self.is_full:
            raise Outage("the inventory", "no space left")
        self.text = put_agent(
            self.text, name, node_address=node_address, agent_address=agent_address
        )

    async def remove(self, name: str) -> None:
        self.text = remove_host(self.text, name)


class Stamp:
    """Signs whatever request looks like one."""

    certificate = "the root"
    order_key = b"k" * 32
    metrics_token = "planted-token"

    def __init__(self) -> None:
        self.signed: list[tuple[str, str, str]] = []

    def sign_agent(self, csr: str, *, host: str, address: str, now: datetime) -> Certified:
        del now
        if not csr.startswith("csr of "):
            raise Mistake("the request for a certificate cannot be read")
        self.signed.append((csr, host, address))
        key = csr.removeprefix("csr of ").encode().ljust(32, b".")
        return Certified(pem=f"for {host} at {address}", serial="ab", key=key)


@dataclass
class Hall:
    """Everybody who takes part."""

    book: Book = field(default_factory=Book)
    file: File = field(default_factory=File)
    stamp: Stamp = field(default_factory=Stamp)
    news: list[News] = field(default_factory=list)
    is_deaf: bool = False

    async def tell(self, news: News) -> None:
        if self.is_deaf:
            raise Outage("database", "away")
        self.news.append(news)

    async def invite(self, name: str = "web-1", address: str = "") -> Invited:
        return await invite_host(
            name,
            address,
            find_host=self.file.inventory.find,
            codes=self.book,
            door=DOOR,
            chance=len(self.book.codes).to_bytes(16, "big"),
            entry=ENTRY,
            now=NOON,
        )

    async def secret(self, name: str = "web-1", address: str = "") -> str:
        return read_code((await self.invite(name, address)).line).secret

    async def come(
        self,
        secret: str,
        *,
        host: str = "web-1",
        address: str = AT,
        csr: str = "csr of one",
        at: datetime = NOON + MINUTE,
    ) -> Welcome:
        knock = Knock(host=host, secret=secret, csr=csr, address=address, version="0.1")
        entrance = Entrance(
            codes=self.book,
            authority=self.stamp,
            inventory=self.file,
            door=DOOR.address,
            tell=self.tell,
        )
        return await enrol_host(knock, entrance=entrance, now=at)


@pytest.fixture
def hall() -> Hall:
    return Hall()


# ---- inviting --------------------------------------------------------------------------------


async def test_a_code_says_where_the_door_is_and_how_to_know_it(hall: Hall) -> None:
    invited = await hall.invite("web-1", "192.0.2.10")
    code = read_code(invited.line)
    assert (code.host, code.door, code.fingerprint) == ("web-1", DOOR.address, DOOR.fingerprint)
    assert code.address == invited.address == "192.0.2.10"
    assert invited.expires_at == NOON + limits.CODE_LIFE
    assert invited.line not in repr(invited)
    assert code.secret not in repr(hall.book.entries)


async def test_a_known_host_is_written_as_the_inventory_has_it(hall: Hall) -> None:
    invited = await hall.invite("SERVER")
    assert (invited.host, invited.address) == ("Server", "127.0.0.1")
    assert hall.book.entries[-1].on == "Server"
    hall.file.text = "Server 127.0.0.1:9100 127.0.0.1:8055\n"
    assert (await hall.invite("Server")).address == "127.0.0.1:8055"
    assert (await hall.invite("Server", "10.0.0.1")).address == "10.0.0.1"


async def test_a_host_that_nobody_knows_yet_says_itself_where_it_is(hall: Hall) -> None:
    assert (await hall.invite("web-1")).address == ""


@pytest.mark.parametrize(
    ("name", "address"), [("30", ""), ("all", ""), ("a b", ""), ("web-1", "a/b"), ("web-1", "x:y")]
)
async def test_a_name_or_an_address_that_is_none_gets_no_code(
    hall: Hall, name: str, address: str
) -> None:
    with pytest.raises(Mistake):
        await hall.invite(name, address)
    assert hall.book.codes == {}


# ---- coming in -------------------------------------------------------------------------------


async def test_an_agent_with_a_good_code_gets_all_it_needs(hall: Hall) -> None:
    welcome = await hall.come(await hall.secret())
    assert welcome == Welcome(
        host="web-1",
        certificate=f"for web-1 at {AT}",
        authority="the root",
        bridge_key=b"k" * 32,
        metrics_token="planted-token",
        door=DOOR.address,
    )
    assert "planted-token" not in repr(welcome)
    [news] = hall.news
    assert isinstance(news, LetIn)
    assert (news.newcomer.host, news.newcomer.address, news.former) == ("web-1", AT, None)
    assert hall.file.text == f"Server 127.0.0.1:9100\nweb-1 192.0.2.10:9100 {AT}\n"


async def test_the_line_of_a_known_host_is_completed(hall: Hall) -> None:
    await hall.come(await hall.secret("Server"), host="server", address="127.0.0.1:8001")
    assert hall.file.text == "Server 127.0.0.1:9100 127.0.0.1:8001\n"
    assert list(hall.book.alive) == ["Server"]


async def test_the_exporter_of_a_host_with_an_ipv6_address_is_beside_its_agent(hall: Hall) -> None:
    await hall.come(await hall.secret(), address="[2001:db8::1]:8001")
    assert hall.file.text.endswith("web-1 [2001:db8::1]:9100 [2001:db8::1]:8001\n")


async def test_a_fresh_code_brings_a_fresh_key_in_the_place_of_the_old_one(hall: Hall) -> None:
    await hall.come(await hall.secret())
    first = hall.book.alive["web-1"].key
    await hall.come(await hall.secret(), csr="csr of two")
    assert hall.book.alive["web-1"].key != first
    news = hall.news[-1]
    assert isinstance(news, LetIn)
    assert news.former is not None
    assert news.former.key == first


@pytest.mark.parametrize(
    ("misuse", "shown", "kind"),
    [
        (Misuse.LATE, {"at": NOON + limits.CODE_LIFE}, Expired),
        (Misuse.OTHER_HOST, {"host": "web-2"}, NotAllowed),
        (Misuse.OTHER_ADDRESS, {"address": "192.0.2.11:8001"}, NotAllowed),
    ],
)
async def test_a_misused_code_lets_nobody_in_and_an_admin_hears_of_it_once(
    hall: Hall, misuse: Misuse, shown: dict[str, Any], kind: type[Exception]
) -> None:
    secret, host = await hall.secret("web-1", "192.0.2.10"), shown.get("host", "web-1")
    for _ in range(3):
        with pytest.raises(kind, match=SENTENCES[misuse]):
            await hall.come(secret, **shown)
    [news] = hall.news
    assert news == TurnedAway(invitation=hall.book.codes[secret], misuse=misuse, host=host)
    assert hall.stamp.signed == []
    assert hall.book.alive == {}


async def test_a_code_used_twice_lets_nobody_in_and_an_admin_hears_of_it(hall: Hall) -> None:
    secret = await hall.secret()
    await hall.come(secret)
    with pytest.raises(Expired, match="used already"):
        await hall.come(secret, csr="csr of two")
    assert [type(each) for each in hall.news] == [LetIn, TurnedAway]
    assert hall.book.alive["web-1"].key.startswith(b"one")


async def test_a_code_that_nobody_made_is_told_to_nobody(hall: Hall) -> None:
    with pytest.raises(NotAllowed, match="unknown"):
        await hall.come("x" * 22)
    assert hall.news == []


async def test_a_key_that_died_lets_nobody_in_and_an_admin_hears_of_it(hall: Hall) -> None:
    hall.book.dead.add(b"one".ljust(32, b"."))
    with pytest.raises(NotAllowed, match="make another"):
        await hall.come(await hall.secret())
    [news] = hall.news
    assert isinstance(news, TurnedAway)
    assert news.misuse is Misuse.DEAD_KEY


async def test_a_request_that_makes_no_sense_leaves_the_code_good(hall: Hall) -> None:
    secret = await hall.secret()
    with pytest.raises(Mistake):
        await hall.come(secret, csr="nonsense")
    with pytest.raises(Mistake, match="no address"):
        await hall.come(secret, address="nowhere")
    await hall.come(secret)


async def test_an_address_that_is_another_hosts_is_not_certified(hall: Hall) -> None:
    hall.file.text = f"web-2 192.0.2.20:9100 {AT}\n"
    with pytest.raises(Mistake, match="taken by web-2"):
        await hall.come(await hall.secret())
    assert hall.stamp.signed == []


async def test_an_agent_is_let_in_though_the_inventory_cannot_be_written(hall: Hall) -> None:
    secret = await hall.secret()
    hall.file.is_full = True
    await hall.come(secret)
    [news] = hall.news
    assert isinstance(news, NotWritten)
    assert "no space left" in news.fault.sentence
    assert "web-1" in hall.book.alive


async def test_nobody_is_let_in_where_nothing_can_be_kept(hall: Hall) -> None:
    secret = await hall.secret()
    hall.book.is_away = True
    with pytest.raises(Outage):
        await hall.come(secret)
    assert hall.file.text == "Server 127.0.0.1:9100\n"
    assert hall.news == []


async def test_who_is_let_in_does_not_depend_on_who_hears_of_it(hall: Hall) -> None:
    hall.is_deaf = True
    secret = await hall.secret()
    await hall.come(secret)
    with pytest.raises(Expired):
        await hall.come(secret)


async def test_a_secret_stands_in_no_fault_and_in_no_word_of_the_knock(hall: Hall) -> None:
    secret = await hall.secret()
    knock = Knock(host="web-1", secret=secret, csr="", address=AT)
    assert secret not in repr(knock)
    await hall.come(secret)
    with pytest.raises(Expired) as caught:
        await hall.come(secret)
    assert secret not in repr(caught.value) + repr(hall.news) + repr(hall.book.entries)


# ---- going -----------------------------------------------------------------------------------


async def test_a_host_that_goes_loses_its_key_and_its_line(hall: Hall) -> None:
    await hall.come(await hall.secret())
    former = await dismiss_host(
        "web-1", agents=hall.book, inventory=hall.file, entry=ENTRY, now=NOON
    )
    assert former is not None
    assert hall.book.alive == {}
    assert hall.file.text == "Server 127.0.0.1:9100\n"


async def test_the_key_dies_even_where_the_line_cannot_be_taken_out(hall: Hall) -> None:
    await hall.come(await hall.secret())
    hall.file.text = "Server 127.0.0.1:9100\n"
    with pytest.raises(Missing):
        await dismiss_host("web-1", agents=hall.book, inventory=hall.file, entry=ENTRY, now=NOON)
    assert hall.book.alive == {}


# ---- letters ---------------------------------------------------------------------------------


@dataclass
class Box:
    """A letter box."""

    kept: list[Letter] = field(default_factory=list)
    is_full: bool = False

    async def put(self, letter: Letter, *, now: datetime) -> bool:
        del now
        if self.is_full:
            raise Outage("database", "full")
        is_fresh = letter.digest not in {each.digest for each in self.kept}
        self.kept += [letter] if is_fresh else []
        return is_fresh


def sign(key: bytes) -> bytes:
    return b"by " + key


def create_verifier(key: bytes) -> Verify:
    """Say that a signature is good which names the key and ends with what was signed."""
    return lambda signature, content: signature == sign(key) + content


def write_letter(**changes: object) -> bytes:
    usual = {
        "v": 1,
        "host": "web-1",
        "kind": "login",
        "issued": NOON.timestamp(),
        "nonce": "nonce-0001",
        "facts": {"id": "e-1"},
    }
    return json.dumps({**usual, **changes}).encode()


@pytest.fixture
async def settled(hall: Hall) -> Hall:
    await hall.come(await hall.secret())
    return hall


async def post(
    hall: Hall,
    box: Box,
    body: bytes,
    *,
    host: str = "web-1",
    signature: str | None = None,
    purpose: bytes = LETTER,
) -> bool:
    key = hall.book.alive["web-1"].key
    return await take_letter(
        body,
        host=host,
        signature=signature
        if signature is not None
        else seal(purpose, body, lambda content: sign(key) + content),
        agents=hall.book,
        letters=box,
        create_verifier=create_verifier,
        now=NOON,
    )


async def test_a_letter_is_kept_once_and_its_host_was_heard(settled: Hall) -> None:
    box = Box()
    assert await post(settled, box, write_letter())
    assert not await post(settled, box, write_letter(nonce="nonce-0002"))
    [letter] = box.kept
    assert letter.facts == {"id": "e-1"}
    assert settled.book.alive["web-1"].last_seen == NOON


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "щ"])
async def test_a_letter_that_its_host_has_not_signed_is_not_kept(
    settled: Hall, signature: str
) -> None:
    box = Box()
    with pytest.raises(NotAllowed):
        await post(settled, box, write_letter(), signature=signature)
    assert box.kept == []


async def test_an_order_is_no_letter(settled: Hall) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(), purpose=ORDER)


@pytest.mark.parametrize("host", ["web-2", "", "\x00", "x" * 1000, "\udcff"])
async def test_whoever_has_no_agent_here_is_not_heard(settled: Hall, host: str) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(), host=host)


async def test_a_host_does_not_write_in_the_name_of_another(settled: Hall) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(host="Server"))


async def test_a_letter_that_was_not_kept_is_not_acknowledged(settled: Hall) -> None:
    with pytest.raises(Outage):
        await post(settled, Box(is_full=True), write_letter())


async def test_a_letter_that_is_kept_is_acknowledged_whatever_else_fails(settled: Hall) -> None:
    box = Box()
    settled.book.is_away = True
    assert await post(settled, box, write_letter())


async def test_a_host_that_was_let_go_is_not_heard_any_more(settled: Hall) -> None:
    key = settled.book.alive["web-1"].key
    await dismiss_host("web-1", agents=settled.book, inventory=settled.file, entry=ENTRY, now=NOON)
    body = write_letter()
    with pytest.raises(NotAllowed):
        await take_letter(
            body,
            host="web-1",
            signature=seal(LETTER, body, lambda content: sign(key) + content),
            agents=settled.book,
            letters=Box(),
            create_verifier=create_verifier,
            now=NOON,
        )
