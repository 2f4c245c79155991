"""Alertmanager's door: who knocks, how much they bring, and whether it is JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from bridge import limits
from bridge.core.alerts import Notification, Status
from bridge.core.audience import Destination
from bridge.errors import BridgeError, Mistake, Outage, TooMuch
from bridge.inbound.web.answers import require_token, status_of
from bridge.metrics import Metrics

_INT64 = 2**63
ChatId = Annotated[int, Path(gt=-_INT64, lt=_INT64)]
TopicId = Annotated[int, Path(ge=0, lt=_INT64)]


@dataclass(frozen=True)
class WebhookDesk:
    """What the door needs."""

    token: str
    receive: Callable[[object, Destination | None], Awaitable[Notification]]
    metrics: Metrics


def create_webhook_routes(desk: WebhookDesk) -> APIRouter:
    """Build the routes that take alerts."""
    routes = APIRouter(tags=["alerts"])

    @routes.post("/alerts", summary="Take Alertmanager's webhook, version 4")
    async def take(request: Request) -> Response:
        return await _take(desk, request, None)

    @routes.post("/alerts/{chat}", summary="The same, for one chat only")
    async def take_for_chat(request: Request, chat: ChatId) -> Response:
        return await _take(desk, request, _address(chat, 0))

    @routes.post("/alerts/{chat}/{topic}", summary="The same, for one topic of a chat")
    async def take_for_topic(request: Request, chat: ChatId, topic: TopicId) -> Response:
        return await _take(desk, request, _address(chat, topic))

    return routes


def _address(chat: int, topic: int) -> Destination:
    if chat == 0:
        raise Mistake("0 is no chat; write /alerts/<chat> with the chat's id")
    return Destination(chat, topic)


async def _take(desk: WebhookDesk, request: Request, addressed: Destination | None) -> Response:
    began = time.perf_counter()
    code = 500
    try:
        require_token(request, desk.token)
        notification = await desk.receive(await _read_json(request), addressed)
        code = 200
    except BridgeError as fault:
        code = status_of(fault)
        raise
    finally:
        desk.metrics.webhooks.labels(str(code)).inc()
        desk.metrics.webhook_seconds.observe(time.perf_counter() - began)
    _count(desk.metrics, notification)
    return JSONResponse(
        {"alerts": len(notification.alerts), "unreadable": len(notification.unreadable)}
    )


def _count(metrics: Metrics, notification: Notification) -> None:
    for status in Status:
        number = sum(alert.status is status for alert in notification.alerts)
        metrics.alerts.labels(status.value).inc(number)
    metrics.alerts.labels("unreadable").inc(len(notification.unreadable))


async def _read_json(request: Request) -> object:
    body = await _read_bounded(request)
    if len(body) <= limits.INLINE_PARSE_BYTES:
        return _parse_json(body)
    return await asyncio.to_thread(_parse_json, body)


async def _read_bounded(request: Request) -> bytes:
    """Read the body, and stop reading where it becomes too much or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(limits.WEBHOOK_READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.WEBHOOK_BYTES:
                    raise TooMuch(
                        f"a webhook may have {limits.WEBHOOK_BYTES} bytes; set max_alerts in "
                        "Alertmanager's webhook_configs"
                    )
    except TimeoutError as fault:
        reason = f"the body took over {limits.WEBHOOK_READ_SECONDS} s to arrive"
        raise Outage("webhook", reason) from fault
    except ClientDisconnect as fault:
        raise Outage("webhook", "the body ended early") from fault
    return bytes(body)


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body)
    # RecursionError: brackets nested a thousand deep; UnicodeDecodeError is a ValueError.
    except (ValueError, RecursionError) as fault:
        raise Mistake("the body is not JSON; Alertmanager's webhook sends JSON") from fault
