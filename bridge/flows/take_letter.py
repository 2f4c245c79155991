"""A host tells something: whose letter it is, and that it is kept before its agent is told so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from agent.wire import LETTER, Verify, is_sealed
from bridge.core.agents import Agent, name_key
from bridge.core.inventory import parse_name
from bridge.core.letters import Letter, read_letter
from bridge.errors import NotAllowed, Outage


class Agents(Protocol):
    """Knows whose key is whose."""

    async def find(self, host: str) -> Agent | None:
        """Find the agent that speaks for a host now."""
        ...

    async def note_seen(self, agent: Agent, *, now: datetime) -> None:
        """Remember when an agent was last heard."""
        ...


class LetterBox(Protocol):
    """Keeps letters."""

    async def put(self, letter: Letter, *, now: datetime) -> bool:
        """Keep one, or raise Outage; say whether it was not known before."""
        ...


async def take_letter(
    body: bytes,
    *,
    host: str,
    signature: str,
    agents: Agents,
    letters: LetterBox,
    create_verifier: Callable[[bytes], Verify],
    now: datetime,
) -> bool:
    """Keep a letter that is signed by the host it is from; say whether it was not known before.

    Raises:
        NotAllowed: it is not signed by a host that has an agent here.
        Mistake: it is no letter.
        Expired: it is of another time than ours.
        Outage: it was not kept.
    """
    sender = await _find_sender(host, agents)
    if sender is None or not is_sealed(LETTER, body, signature, create_verifier(sender.key)):
        raise NotAllowed("this letter is not signed by a host that has an agent here")
    letter = read_letter(body, now=now)
    if name_key(letter.host) != name_key(sender.host):
        raise NotAllowed("this letter is another host's")
    is_fresh = await letters.put(letter, now=now)
    with suppress(Outage):  # it is kept; when it was heard last is said by the next one
        await agents.note_seen(sender, now=now)
    return is_fresh


async def _find_sender(host: str, agents: Agents) -> Agent | None:
    try:
        return await agents.find(parse_name(host))
    except ValueError:
        return None
