"""A host's agent comes with a code, and leaves with a certificate; its former key dies of it.

The key and the use of the code are kept in one transaction. The inventory is tried out before and
written after it: where that fails, the agent is let in all the same, and an admin is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Protocol

from bridge import limits
from bridge.core.agents import Agent, Certified, Newcomer
from bridge.core.audit import Entry
from bridge.core.host_codes import SENTENCES, Admission, Invitation, Misuse, find_misuse
from bridge.core.inventory import parse_address
from bridge.errors import BridgeError, Expired, Missing, Mistake, NotAllowed, Outage


@dataclass(frozen=True, kw_only=True)
class Knock:
    """What an agent shows at the door."""

    host: str
    secret: str = field(repr=False)
    csr: str
    """A request for a certificate, as PEM."""
    address: str
    """Where it listens: host and port."""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """What an agent is given."""

    host: str
    certificate: str
    """Its own, as PEM."""
    authority: str
    """The certificate that all others are signed with, as PEM."""
    bridge_key: bytes
    """The public key that orders are signed with."""
    metrics_token: str = field(repr=False)
    door: str


@dataclass(frozen=True, kw_only=True)
class LetIn:
    """A host has an agent now."""

    invitation: Invitation
    newcomer: Newcomer
    former: Agent | None


@dataclass(frozen=True, kw_only=True)
class TurnedAway:
    """A code was misused, for the first time in this way."""

    invitation: Invitation
    misuse: Misuse
    host: str
    """In whose name."""


@dataclass(frozen=True, kw_only=True)
class NotWritten:
    """A host has an agent now, but the inventory does not say where."""

    invitation: Invitation
    newcomer: Newcomer
    fault: BridgeError


News = LetIn | TurnedAway | NotWritten
"""What an admin is told."""


class Codes(Protocol):
    """Remembers codes and keys."""

    async def find_code(self, secret: str) -> Invitation | None:
        """Find what is known of a code."""
        ...

    async def use_code(
        self, secret: str, newcomer: Newcomer, *, entry: Entry, now: datetime
    ) -> Admission:
        """Let an agent in, once, or say why not; raise Outage if nothing was kept."""
        ...

    async def find(self, host: str) -> Agent | None:
        """Find the agent that speaks for a host now, or raise Outage."""
        ...

    async def note_misuse(self, secret: str, misuse: Misuse) -> bool:
        """Remember how a code was misused; say whether that is news."""
        ...


class Authority(Protocol):
    """Signs certificates."""

    @property
    def certificate(self) -> str:
        """Its own, as PEM."""
        ...

    @property
    def order_key(self) -> bytes:
        """The public key that orders are signed with."""
        ...

    @property
    def metrics_token(self) -> str:
        """What Prometheus shows to the agents."""
        ...

    def sign_agent(self, csr: str, *, host: str, address: str, now: datetime) -> Certified:
        """Make a certificate, or raise Mistake."""
        ...


class Inventory(Protocol):
    """Knows where agents are."""

    async def check_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        """See whether that could be written, or raise Mistake."""
        ...

    async def put_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        """Write it into the host's line, or into one of its own."""
        ...

    async def remove(self, name: str) -> None:
        """Take a host's line out, or raise Missing."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """Everybody who takes part in letting an agent in."""

    codes: Codes
    authority: Authority
    inventory: Inventory
    door: str
    """Where letters go: host and port."""
    hang_up: Callable[[str], Awaitable[None]]
    """Lets go of the connections to an address."""
    tell: Callable[[News], Awaitable[None]]
    """Tells an admin."""


async def enrol_host(knock: Knock, *, entrance: Entrance, now: datetime) -> Welcome:
    """Let an agent in that shows a good code.

    Raises:
        Mistake: its request makes no sense, or its address is another's.
        NotAllowed: its code is unknown, or for another host.
        Expired: its code was used, replaced, or is too old, or the host was removed meanwhile.
        Outage: nothing was kept.
    """
    invitation = await entrance.codes.find_code(knock.secret)
    misuse = find_misuse(invitation, host=knock.host, address=knock.address, now=now)
    if invitation is None or misuse is not None:
        await _turn_away(knock, invitation, misuse or Misuse.UNKNOWN, entrance)
    line = {"node_address": _place_exporter(knock.address), "agent_address": knock.address}
    await entrance.inventory.check_agent(invitation.host, **line)
    certified = entrance.authority.sign_agent(
        knock.csr, host=invitation.host, address=knock.address, now=now
    )
    newcomer = Newcomer(
        host=invitation.host,
        key=certified.key,
        serial=certified.serial,
        address=knock.address,
        version=knock.version,
    )
    entry = Entry(at=now, who=None, name="the agent", what="agent enrol", on=newcomer.host)
    admission = await entrance.codes.use_code(knock.secret, newcomer, entry=entry, now=now)
    if admission.misuse is not None:
        await _turn_away(knock, admission.invitation, admission.misuse, entrance)
    former = admission.former
    for address in {newcomer.address, former.address if former is not None else newcomer.address}:
        await entrance.hang_up(address)  # they are the former key's, or another's
    try:
        await entrance.inventory.put_agent(newcomer.host, **line)
        is_there = await _has_stayed(newcomer, line, entrance)
    except BridgeError as fault:
        news: News = NotWritten(invitation=invitation, newcomer=newcomer, fault=fault)
    else:
        if not is_there:
            raise Expired(SENTENCES[Misuse.REPLACED])
        news = LetIn(invitation=invitation, newcomer=newcomer, former=admission.former)
    await _tell(entrance, news)
    return _welcome(newcomer, certified, entrance)


async def _has_stayed(newcomer: Newcomer, line: Mapping[str, str], entrance: Entrance) -> bool:
    """Say whether it still speaks for its host; else the inventory has what holds by now.

    Between its key and its line, somebody may have removed the host, or let another agent in. Both
    change the key first: who wrote the line last has to look whose it is.
    """
    try:
        speaker = await entrance.codes.find(newcomer.host)
    except Outage:  # it did a moment ago, and its line is written
        return True
    if speaker is None:
        with suppress(Missing):  # whoever removed the host comes to its line later than we do
            await entrance.inventory.remove(newcomer.host)
        return False
    if speaker.key == newcomer.key:
        return True
    theirs = {**line, "agent_address": speaker.address}
    await entrance.inventory.put_agent(newcomer.host, **theirs)
    return False


async def _turn_away(
    knock: Knock, invitation: Invitation | None, misuse: Misuse, entrance: Entrance
) -> NoReturn:
    """Refuse, and tell an admin once of each misuse of a code."""
    if invitation is not None and await entrance.codes.note_misuse(knock.secret, misuse):
        news = TurnedAway(invitation=invitation, misuse=misuse, host=knock.host)
        await _tell(entrance, news)
    is_late = misuse in {Misuse.USED, Misuse.REPLACED, Misuse.VOID, Misuse.LATE}
    raise (Expired if is_late else NotAllowed)(SENTENCES[misuse])


async def _tell(entrance: Entrance, news: News) -> None:
    with suppress(BridgeError):  # who comes in, or does not, must not depend on who hears of it
        await entrance.tell(news)


def _place_exporter(agent_address: str) -> str:
    """Say where the exporter of a host is that has no line yet: beside its agent."""
    try:
        bare, _ = parse_address(agent_address)
    except ValueError as fault:
        raise Mistake(f"where the agent listens is no address: {fault}") from None
    return f"[{bare}]:{limits.NODE_PORT}" if ":" in bare else f"{bare}:{limits.NODE_PORT}"


def _welcome(newcomer: Newcomer, certified: Certified, entrance: Entrance) -> Welcome:
    authority = entrance.authority
    return Welcome(
        host=newcomer.host,
        certificate=certified.pem,
        authority=authority.certificate,
        bridge_key=authority.order_key,
        metrics_token=authority.metrics_token,
        door=entrance.door,
    )
