"""Telegram's door, where it calls us: whose call it is, and that it is written down."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from bridge import limits
from bridge.errors import Mistake, NotAllowed, TooMuch

PATH: Final = "/telegram"
_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(frozen=True)
class TelegramDesk:
    """What the door needs."""

    secret: str
    receive: Callable[[int, Mapping[str, Any]], Awaitable[None]]
    """Keeps an update; what it asks is done afterwards."""


def create_telegram_routes(desk: TelegramDesk) -> APIRouter:
    """Build the route that Telegram calls."""
    routes = APIRouter(tags=["telegram"])

    @routes.post(PATH, summary="Take an update of Telegram's, where BOT_MODE is webhook")
    async def take(request: Request) -> Response:
        shown = request.headers.get(_HEADER, "").encode("utf-8", "surrogateescape")
        if not secrets.compare_digest(shown, desk.secret.encode()):
            raise NotAllowed("this address is for Telegram, which shows its secret header")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > limits.UPDATE_BYTES:
                raise TooMuch("an update is smaller than this")
        update_id, update = _read(bytes(body))
        await desk.receive(update_id, update)
        return Response()

    return routes


def _read(body: bytes) -> tuple[int, Mapping[str, Any]]:
    try:
        match json.loads(body):
            case {"update_id": int(update_id)} as update:
                return update_id, update
    except (ValueError, RecursionError):
        pass
    raise Mistake("the body is no update; Telegram sends JSON with an update_id")


def secret_of(token: str) -> str:
    """Make the secret of Telegram's calls from the bot's token, which it does not give away."""
    return hashlib.sha256(f"opswire telegram door\0{token}".encode()).hexdigest()
