"""What the journal holds becomes episodes, cards and messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bridge.errors import BridgeError
from bridge.logs import create_log

_log = create_log(__name__)


class Folded(Protocol):
    """What a pass has come to."""

    @property
    def webhooks(self) -> int:
        """How many were folded."""
        ...

    @property
    def pipelines(self) -> frozenset[str]:
        """Those whose Watchdog fired in one of them."""
        ...

    @property
    def members(self) -> Mapping[str, int]:
        """How many members were firing, resolved and unreadable."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether more wait."""
        ...


class Journal(Protocol):
    """Holds webhooks as they came."""

    async def fold(self, *, now: datetime, together: int | None = None) -> Folded:
        """Fold the oldest."""
        ...

    async def oldest(self) -> int | None:
        """Name the oldest; None where there is none."""
        ...

    async def give_up(self, number: int, fault: str, *, now: datetime) -> None:
        """Show one as it came."""
        ...


async def fold_webhooks(*, journal: Journal, now: datetime) -> Folded:
    """Fold some webhooks; one that a fault of ours makes impossible to fold is shown as it came.

    Raises:
        Outage: the store does not answer; nothing was folded.
    """
    try:
        return await journal.fold(now=now)
    except BridgeError:
        raise
    except Exception as fault:  # noqa: BLE001 - one webhook must not hold up all others for ever
        _log.error("webhooks could not be folded together", action="fold", exc_info=fault)
    oldest = await journal.oldest()
    try:
        return await journal.fold(now=now, together=1)
    except BridgeError:
        raise
    except Exception as fault:  # noqa: BLE001 - it is shown as it came
        _log.error("a webhook could not be folded", action="fold", exc_info=fault)
        if oldest is not None:
            await journal.give_up(oldest, f"our own fault: {type(fault).__name__}", now=now)
    return await journal.fold(now=now, together=1)
