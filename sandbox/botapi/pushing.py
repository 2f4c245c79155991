"""Updates pushed to the bot's webhook, in order, until each is accepted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from sandbox.state.updates import render_update

if TYPE_CHECKING:
    from sandbox.state.records import StoredUpdate, Webhook
    from sandbox.state.world import World

_LOG = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
LONGEST_PAUSE_SECONDS = 60.0  # WebhookActor.cpp: the delay doubles up to 60-120 s
LONGEST_RETRY_AFTER_SECONDS = 3600.0  # WebhookActor.cpp, Retry-After
ANSWER_WITHIN = aiohttp.ClientTimeout(total=60)


class Pusher:
    """Push what waits to the webhook, one update after the other."""

    def __init__(self, world: World, first_pause_seconds: float) -> None:
        self._world = world
        self._first_pause = first_pause_seconds
        self._pause = first_pause_seconds

    async def run(self) -> None:
        """Push until cancelled."""
        async with aiohttp.ClientSession(timeout=ANSWER_WITHIN) as session:
            while True:
                try:
                    pause = await self.push_one(session)
                except Exception as error:  # noqa: BLE001 - one failure must not end all pushing
                    _LOG.error("an update could not be pushed: %s", type(error).__name__)
                    self._world.go_back()
                    pause = self._lengthen_pause()
                await self._rest(pause)

    async def push_one(self, session: aiohttp.ClientSession) -> float | None:
        """Push the oldest update; answer how long to rest, None for until something comes."""
        self._world.updates.arrived.clear()
        self._world.updates.turned.clear()
        webhook = self._world.standing.webhook
        waiting = self._world.updates.pending()
        if webhook is None or not waiting:
            return None
        fault, retry_after = await self._post(session, webhook, waiting[0])
        if self._world.standing.webhook is not webhook:
            return 0.0  # it was set or deleted meanwhile: look again
        if fault is None:
            self._pause = self._first_pause
            self._world.updates.confirm(waiting[0].update_id + 1)
            self._world.commit()
            return 0.0
        webhook.last_error, webhook.last_error_at = fault, self._world.clock.now()
        self._world.commit()
        pause = self._lengthen_pause()
        return pause if retry_after is None else retry_after

    def _lengthen_pause(self) -> float:
        pause = self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        return pause

    async def _post(
        self, session: aiohttp.ClientSession, webhook: Webhook, update: StoredUpdate
    ) -> tuple[str | None, float | None]:
        headers = {SECRET_HEADER: webhook.secret_token} if webhook.secret_token else {}
        body = render_update(update)
        try:
            async with session.post(
                webhook.url, json=body, headers=headers, allow_redirects=False
            ) as answer:
                if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return None, None
                wrong = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                return wrong, _read_retry_after(answer.headers.get("Retry-After"))
        except TimeoutError:
            return "Read timeout expired", None
        except aiohttp.ClientError as error:
            # The address may hold the bot's secret path: only the kind of failure is told.
            _LOG.warning("the webhook cannot be reached: %s", type(error).__name__)
            return "Connection failed", None

    async def _rest(self, pause: float | None) -> None:
        updates = self._world.updates
        if pause is None:
            await updates.arrived.wait()
        elif pause > 0:
            # Another webhook does not wait for the faults of the one before it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(updates.turned.wait(), pause)
                self._pause = self._first_pause


def _read_retry_after(text: str | None) -> float | None:
    if text is None or not text.isdecimal():
        return None
    return min(float(text), LONGEST_RETRY_AFTER_SECONDS)
