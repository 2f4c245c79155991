"""The bot's queue of updates: what waits, what is confirmed, who polls."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox import refusals
from sandbox.state.records import StoredUpdate

if TYPE_CHECKING:
    from sandbox.state.clock import Clock
    from sandbox.state.history import History
    from sandbox.state.records import Json, Standing

# How long Telegram keeps an update that nobody fetched (Client.cpp, add_update's timeout).
KEPT_FOR = timedelta(hours=24)
CALLBACK_KEPT_FOR = timedelta(seconds=150)
# Not sent unless asked for by name (Bot API, getUpdates, allowed_updates).
OPT_IN_KINDS = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
LONGEST_HOLD_SECONDS = 50  # Client.h, LONG_POLL_MAX_TIMEOUT
LARGEST_BATCH = 100

_WOKEN, _OTHER_POLL, _WEBHOOK, _CLOSING = "woken", "other poll", "webhook", "closing"


class UpdateQueue:
    """Keep updates until the bot confirms them or they grow too old."""

    def __init__(self, history: History, clock: Clock, standing: Standing) -> None:
        self._history = history
        self._clock = clock
        self._standing = standing
        self._waiting: deque[StoredUpdate] = deque()
        self._held: asyncio.Future[str] | None = None
        self.arrived = asyncio.Event()  # for the pusher of webhooks
        self.turned = asyncio.Event()  # the same: the webhook is another one
        self.recall(standing)

    def recall(self, standing: Standing) -> None:
        """Read what waits from the history; a held poll stays held."""
        self._standing = standing
        self._waiting = deque(
            StoredUpdate.model_validate_json(body) for body in self._history.read("update")
        )

    def turn(self) -> None:
        """Tell the pusher that the webhook was set, deleted or forgotten."""
        self.arrived.set()
        self.turned.set()

    def add(self, kind: str, body: Json) -> None:
        """Queue an update, if the bot asked for its kind."""
        allowed = self._standing.allowed_updates
        if kind not in allowed if allowed else kind in OPT_IN_KINDS:
            return
        kept_for = CALLBACK_KEPT_FOR if kind == "callback_query" else KEPT_FOR
        update = StoredUpdate(
            update_id=self._standing.next_update_id,
            kind=kind,
            body=body,
            expires_at=self._clock.now() + kept_for,
        )
        self._standing.next_update_id += 1
        self._waiting.append(update)
        self._history.put("update", update.update_id, "", update)
        self._release(_WOKEN)
        self.arrived.set()

    def pending(self) -> list[StoredUpdate]:
        """List what waits, oldest first."""
        now = self._clock.now()
        for update in [update for update in self._waiting if update.expires_at <= now]:
            self._forget(update)
        return list(self._waiting)

    def confirm(self, offset: int) -> None:
        """Forget everything below an id."""
        while self._waiting and self._waiting[0].update_id < offset:
            self._forget(self._waiting[0])

    def clear(self) -> None:
        """Forget everything that waits."""
        for update in list(self._waiting):
            self._forget(update)

    async def fetch(self, offset: int, limit: int, timeout_seconds: int) -> list[Json]:
        """Answer what waits from an offset on; hold the call while nothing does.

        A second held poll ends the first with 409. A negative offset keeps that many of the newest.
        """
        limit = max(1, min(limit, LARGEST_BATCH))  # Client.cpp get_integer_arg
        self._start_at(offset)
        self._history.commit()  # what the offset confirmed stays confirmed while the call is held
        if not self.pending() and timeout_seconds > 0:
            self._release(_OTHER_POLL)  # Client.cpp do_get_updates: only who would wait ends a wait
            await self._hold(min(timeout_seconds, LONGEST_HOLD_SECONDS))
        return [render_update(update) for update in self.pending()[:limit]]

    def end_polls(self, *, webhook: bool) -> None:
        """Let go of the held poll because a webhook was set, or because the sandbox ends."""
        self._release(_WEBHOOK if webhook else _CLOSING)

    def _start_at(self, offset: int) -> None:
        if offset < 0:
            for update in self.pending()[:offset]:
                self._forget(update)
        elif offset <= self._standing.next_update_id:
            self.confirm(offset)

    async def _hold(self, seconds: int) -> None:
        held: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._held = held
        try:
            async with asyncio.timeout(seconds):
                reason = await held
        except TimeoutError:
            return
        finally:
            if self._held is held:
                self._held = None
        if reason == _OTHER_POLL:
            raise refusals.conflict_poll()
        if reason == _WEBHOOK:
            raise refusals.conflict_webhook()

    def _release(self, reason: str) -> None:
        if self._held is not None and not self._held.done():
            self._held.set_result(reason)
            self._held = None

    def _forget(self, update: StoredUpdate) -> None:
        self._waiting.remove(update)
        self._history.drop("update", update.update_id, "")


def render_update(update: StoredUpdate) -> Json:
    """Show an update as the Bot API does."""
    return {"update_id": update.update_id, update.kind: update.body}
