"""What the gate has to write down: changes, failures and refusals."""

from __future__ import annotations

from typing import Protocol

from bridge.core.audit import Entry, Outcome
from bridge.core.refusals import Refusals
from bridge.errors import BridgeError
from bridge.inbound.chat.command import Asked, write_entry
from bridge.logs import create_log

_log = create_log(__name__)


class Audit(Protocol):
    """Who did what."""

    async def put(self, entry: Entry) -> None:
        """Add an entry."""
        ...


class Ledger:
    """Writes entries; a stranger who goes on and on is one an hour."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._refusals = Refusals()

    async def note(self, asked: Asked, outcome: Outcome, detail: str = "") -> None:
        """Write down what somebody changed, or was refused; without a store the log has it."""
        if asked.actor.role is None and outcome is Outcome.REFUSED:
            fold = self._refusals.note(asked.actor.user_id, asked.voice.now)
            if fold is None:
                return
            if fold.count > 1:
                detail = f"{detail} ({fold.count} times)".strip()
        try:
            await self._audit.put(write_entry(asked, outcome=outcome, detail=detail))
        except BridgeError as fault:
            _log.error(
                "an entry of the audit could not be kept",
                action="audit",
                who=asked.actor.user_id,
                command=asked.command,
                outcome=outcome.value,
                why=fault.sentence,
            )
