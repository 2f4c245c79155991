"""A state is claimed for one bot, and refused to every other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from bridge.core.ownership import Owner, read_owner
from bridge.errors import Refused

STATE_NAME: Final = "owner"
"""Under which name the owner is remembered."""


class Memory(Protocol):
    """Remembers a JSON value over a restart."""

    async def get(self, name: str) -> Any:
        """Recall it; None where there is none."""
        ...

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Return once it is on disk."""
        ...


async def claim_state(
    memory: Memory, *, bot_token: str, api_base: str | None, now: datetime
) -> None:
    """Write down whose state this is, or see that it is ours.

    Raises:
        Refused: it is another bot's, or the same bot's on another server.
        Outage: the store does not answer.
    """
    owner = read_owner(bot_token, api_base)
    written = await memory.get(STATE_NAME)
    if written is None:
        value = {"bot_id": owner.bot_id, "server": owner.server}
        await memory.put(STATE_NAME, value, now=now)
        return
    known = Owner(str(written["bot_id"]), str(written["server"]))
    if known != owner:
        raise Refused(f"the state belongs to {known}, and this is {owner}")
