"""What the gate has to write down: changes, failures and refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from bridge.core.audit import Entry, Outcome
from bridge.core.refusals import Fold, Refusals
from bridge.errors import BridgeError
from bridge.inbound.chat.command import Asked, write_entry
from bridge.logs import create_log

_CROWD: Final = "several strangers"
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
            if fold.who is None:
                await self._put(_write_fold(fold, asked.voice.now))
                return
            if fold.count > 1:
                detail = f"{detail} ({_times(fold)})".strip()
        await self._put(write_entry(asked, outcome=outcome, detail=detail))

    async def collect(self, now: datetime, *, is_last: bool = False) -> None:
        """Write down what strangers who are gone have left; at last also what is not due yet."""
        for fold in self._refusals.collect(now, is_last=is_last):
            await self._put(_write_fold(fold, now))

    async def _put(self, entry: Entry) -> None:
        try:
            await self._audit.put(entry)
        except BridgeError as fault:
            _log.error(
                "an entry of the audit could not be kept",
                action="audit",
                who=entry.who,
                command=entry.what.partition(" ")[0],
                outcome=entry.outcome.value,
                detail=entry.detail,
                why=fault.sentence,
            )


def _write_fold(fold: Fold, now: datetime) -> Entry:
    """Write what strangers did who are not there now, or who cannot be told apart."""
    is_crowd = fold.who is None
    return Entry(
        at=now,
        who=fold.who,
        name=_CROWD if is_crowd else "",
        what="refused",
        outcome=Outcome.REFUSED,
        detail=f"{_CROWD} ({_times(fold)})" if is_crowd else _times(fold),
    )


def _times(fold: Fold) -> str:
    return f"{fold.count} times" if fold.count != 1 else "1 time"
