"""Everybody who takes part when hosts come and go, without a database and without keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.agents import Agent, Certified, Newcomer
from bridge.core.audit import Entry
from bridge.core.host_codes import (
    Admission,
    Invitation,
    Misuse,
    find_misuse,
    read_code,
)
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.inventory_lines import put_agent, remove_host
from bridge.errors import Mistake, Outage
from bridge.flows.enrol_host import (
    Entrance,
    Knock,
    News,
    Welcome,
    enrol_host,
)
from bridge.flows.invite_host import Door, Invited, invite_host
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
    hung_up: set[str] = field(default_factory=set)
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    """What others do between the moment of a key and that of its line."""

    async def hang_up(self, address: str) -> None:
        self.hung_up.add(address)
        while self.meanwhile:
            await self.meanwhile.pop()()

    async def tell(self, news: News) -> None:
        if self.is_deaf:
            raise Outage("database", "away")
        self.news.append(news)

    async def invite(self, name: str = "web-1", address: str = "", *, door: Door = DOOR) -> Invited:
        return await invite_host(
            name,
            address,
            find_host=self.file.inventory.find,
            codes=self.book,
            door=door,
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
            hang_up=self.hang_up,
            tell=self.tell,
        )
        return await enrol_host(knock, entrance=entrance, now=at)
