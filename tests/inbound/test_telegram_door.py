"""Telegram's door: only Telegram is heard, and what it says is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from bridge import limits
from bridge.core.readiness import Readiness
from bridge.errors import Outage
from bridge.inbound.web import create_web
from bridge.inbound.web.health import HealthDesk
from bridge.inbound.web.telegram import TelegramDesk
from bridge.inbound.web.webhook import WebhookDesk
from bridge.metrics import Metrics

SECRET = "the-secret-of-the-tests"
HEADER = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


class Ear:
    def __init__(self) -> None:
        self.kept: list[tuple[int, Mapping[str, Any]]] = []
        self.is_away = False

    async def receive(self, update_id: int, update: Mapping[str, Any]) -> None:
        if self.is_away:
            raise Outage("database", "away")
        self.kept.append((update_id, update))


@pytest.fixture
def ear() -> Ear:
    return Ear()


def create(desk: TelegramDesk | None) -> FastAPI:
    async def nothing(*_: object) -> Any:
        return b""

    return create_web(
        webhook=WebhookDesk("token", nothing, Metrics("test")),
        health=HealthDesk("token", Readiness, nothing),
        telegram=desk,
    )


@pytest.fixture
async def door(ear: Ear) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create(TelegramDesk(SECRET, ear.receive)))
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as door:
        yield door


async def test_an_update_is_kept(door: httpx.AsyncClient, ear: Ear) -> None:
    answer = await door.post("/telegram", json={"update_id": 7, "message": {}}, headers=HEADER)
    assert answer.status_code == 200
    assert ear.kept == [(7, {"update_id": 7, "message": {}})]


@pytest.mark.parametrize(
    "headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "x"}, {"Authorization": f"Bearer {SECRET}"}]
)
async def test_whoever_does_not_show_the_secret_is_not_heard(
    door: httpx.AsyncClient, ear: Ear, headers: dict[str, str]
) -> None:
    answer = await door.post("/telegram", json={"update_id": 7}, headers=headers)
    assert answer.status_code == 401
    assert ear.kept == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"update_id": "7"}', b"[" * 100_000])
async def test_what_is_no_update_is_refused(door: httpx.AsyncClient, ear: Ear, body: bytes) -> None:
    answer = await door.post("/telegram", content=body, headers=HEADER)
    assert answer.status_code == 400
    assert ear.kept == []


async def test_a_body_without_end_is_refused(door: httpx.AsyncClient) -> None:
    body = b" " * (limits.UPDATE_BYTES + 1)
    assert (await door.post("/telegram", content=body, headers=HEADER)).status_code == 413


async def test_what_could_not_be_kept_is_sent_again(door: httpx.AsyncClient, ear: Ear) -> None:
    ear.is_away = True
    answer = await door.post("/telegram", json={"update_id": 7}, headers=HEADER)
    assert answer.status_code == 503


async def test_a_bridge_that_polls_has_no_such_door() -> None:
    transport = httpx.ASGITransport(create(None))
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as door:
        assert (await door.post("/telegram", json={}, headers=HEADER)).status_code == 404
