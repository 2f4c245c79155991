"""Alertmanager's door: who knocks, how much they bring, and whether it is JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from bridge import limits
from bridge.core.audience import Destination
from bridge.errors import BridgeError, Mistake, Outage, TooMuch
from bridge.inbound.web.answers import require_token, status_of
from bridge.metrics import Metrics

_INT64 = 2**63
ChatId = Annotated[int, Path(gt=-_INT64, lt=_INT64)]
TopicId = Annotated[int, Path(ge=0, lt=_INT64)]
Source = Annotated[
    str,
    Query(
        max_length=100,
        description="Sets apart Alertmanagers that watch different things under the same labels",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A webhook that has come through the door."""

    body: bytes
    decoded: object
    addressed: Destination | None
    source: str


@dataclass
class WebhookDesk:
    """What the door needs, and how much is inside it."""

    token: str
    receive: Callable[[Delivered], Awaitable[int]]
    """Keeps a webhook and answers how many members it has."""
    metrics: Metrics
    in_flight: int = 0
    """Bytes of the bodies that are being read or kept."""
    inside: int = 0
    """How many webhooks are."""


def create_webhook_routes(desk: WebhookDesk) -> APIRouter:
    """Build the routes that take alerts."""
    routes = APIRouter(tags=["alerts"])

    @routes.post("/alerts", summary="Take Alertmanager's webhook, version 4")
    async def take(request: Request, source: Source = "") -> Response:
        return await _take(desk, request, None, source)

    @routes.post("/alerts/{chat}", summary="The same, for one chat only")
    async def take_for_chat(request: Request, chat: ChatId, source: Source = "") -> Response:
        return await _take(desk, request, _address(chat, 0), source)

    @routes.post("/alerts/{chat}/{topic}", summary="The same, for one topic of a chat")
    async def take_for_topic(
        request: Request, chat: ChatId, topic: TopicId, source: Source = ""
    ) -> Response:
        return await _take(desk, request, _address(chat, topic), source)

    return routes


def _address(chat: int, topic: int) -> Destination:
    if chat == 0:
        raise Mistake("0 is no chat; write /alerts/<chat> with the chat's id")
    return Destination(chat, topic)


async def _take(
    desk: WebhookDesk, request: Request, addressed: Destination | None, source: str
) -> Response:
    began = time.perf_counter()
    code = 500
    body = bytearray()
    desk.inside += 1
    try:
        require_token(request, desk.token)
        await _read_bounded(desk, request, body)
        raw = bytes(body)
        decoded = await _decode(raw)
        delivered = Delivered(body=raw, decoded=decoded, addressed=addressed, source=source)
        members = await desk.receive(delivered)
        code = 200
    except BridgeError as fault:
        code = status_of(fault)
        raise
    finally:
        desk.in_flight -= len(body)
        desk.inside -= 1
        desk.metrics.webhooks.labels(str(code)).inc()
        desk.metrics.webhook_seconds.observe(time.perf_counter() - began)
    return JSONResponse({"members": members})


async def _decode(body: bytes) -> object:
    if len(body) <= limits.INLINE_PARSE_BYTES:
        return _parse_json(body)
    return await asyncio.to_thread(_parse_json, body)


async def _read_bounded(desk: WebhookDesk, request: Request, body: bytearray) -> None:
    """Read the body, and stop reading where it becomes too much or too slow.

    What is read counts as in flight at once, so that many bodies together are bounded as well; the
    answer to those is 503, which Alertmanager tries again.
    """
    try:
        async with asyncio.timeout(limits.WEBHOOK_READ_SECONDS):
            async for piece in request.stream():
                body += piece
                desk.in_flight += len(piece)
                if len(body) > limits.WEBHOOK_BYTES:
                    raise TooMuch(
                        f"a webhook may have {limits.WEBHOOK_BYTES} bytes; set max_alerts in "
                        "Alertmanager's webhook_configs"
                    )
                if desk.in_flight > limits.WEBHOOK_BYTES_TOGETHER:
                    raise Outage("webhook", "too much at once; it is taken a little later")
    except TimeoutError as fault:
        reason = f"the body took over {limits.WEBHOOK_READ_SECONDS} s to arrive"
        raise Outage("webhook", reason) from fault
    except ClientDisconnect as fault:
        raise Outage("webhook", "the body ended early") from fault


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body)
    # RecursionError: brackets nested a thousand deep; UnicodeDecodeError is a ValueError.
    except (ValueError, RecursionError) as fault:
        raise Mistake("the body is not JSON; Alertmanager's webhook sends JSON") from fault
