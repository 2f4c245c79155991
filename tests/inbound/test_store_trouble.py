"""A store that fails half-way, at the start and at work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from bridge import limits
from bridge.app import open_bridge
from bridge.core.outbox import Claimed, Verdict
from bridge.errors import Outage
from bridge.parties import Outside
from bridge.settings import SettingsError
from bridge.store.database import Database
from bridge.store.outbox import Outbox
from tests.fakes.clock import FakeClock
from tests.fakes.telegram import FakeTelegram
from tests.fakes.webhooks import alert, webhook
from tests.inbound.conftest import TOKEN, House, settings

BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def leave_an_alert_that_nobody_hears(folder: Path) -> None:
    outside = Outside(telegram=FakeTelegram(), monitors={})
    deaf = settings(folder, ALERT_CHAT_ID="")
    async with open_bridge(deaf, token=TOKEN, outside=outside, clock=FakeClock()) as bridge:
        transport = httpx.ASGITransport(bridge.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            answer = await client.post("/alerts", json=webhook(alert()), headers=BEARER)
            assert answer.status_code == 200


async def shown(telegram: FakeTelegram, messages: int) -> None:
    async with asyncio.timeout(60):
        while len(telegram.shown) < messages:  # noqa: ASYNC110 - the fake has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_store_that_opens_but_cannot_be_written_is_taken_up_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave_an_alert_that_nobody_hears(tmp_path)
    monkeypatch.setattr(limits, "STORE_REOPEN", limits.STORE_REOPEN / 100)
    release, refused = Outbox.release, [Outage("database", "attempt to write a readonly database")]

    async def refuse_once(outbox: Outbox) -> None:
        if refused:
            raise refused.pop()
        await release(outbox)

    monkeypatch.setattr(Outbox, "release", refuse_once)
    telegram = FakeTelegram()
    outside = Outside(telegram=telegram, monitors={})
    async with open_bridge(settings(tmp_path), token=TOKEN, outside=outside, clock=FakeClock()):
        await shown(telegram, 2)


async def test_a_store_of_a_later_version_ends_the_start_in_words(tmp_path: Path) -> None:
    await leave_an_alert_that_nobody_hears(tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path}/opswire.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    outside = Outside(telegram=FakeTelegram(), monitors={})
    with pytest.raises(SettingsError, match=r"schema 9999.*downgrade 0008\)"):
        async with open_bridge(settings(tmp_path), token=TOKEN, outside=outside, clock=FakeClock()):
            raise AssertionError("it runs")


async def test_a_store_whose_inbox_cannot_be_written_answers_503_and_readyz_says_so(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unmended:
        unmended.setattr(Database, "renew_inbox", lambda _: asyncio.sleep(0))
        (tmp_path / "opswire.inbox.db").unlink()
        answer = await house.client.post("/alerts", json=webhook(alert()), headers=BEARER)
        assert answer.status_code == 503
        assert "database (inbox)" in answer.json()["error"]
        with pytest.raises(Outage, match="inbox"):
            await house.bridge._check_store()
    async with asyncio.timeout(60):
        while answer.status_code != 200:
            await asyncio.sleep(0.05)
            answer = await house.client.post("/alerts", json=webhook(alert()), headers=BEARER)
    await shown(house.telegram, 2)
    await house.bridge._check_store()


async def test_a_look_that_finds_nothing_to_send_rests_and_one_that_does_is_repeated_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each webhook would cost one, whether Telegram is there or not."""
    claim, claims, rests = Outbox.claim, list[int](), list[float]()

    async def note_claim(outbox: Outbox, **named: Any) -> list[Claimed]:
        claimed = await claim(outbox, **named)
        claims.append(len(claimed))
        return claimed

    class Clock(FakeClock):
        async def rest(self, seconds: float) -> None:
            rests.append(seconds)

    monkeypatch.setattr(Outbox, "claim", note_claim)
    telegram = FakeTelegram()
    outside = Outside(telegram=telegram, monitors={})
    async with open_bridge(settings(tmp_path), token=TOKEN, outside=outside, clock=Clock()) as one:
        transport = httpx.ASGITransport(one.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            await client.post("/alerts", json=webhook(alert()), headers=BEARER)
        await shown(telegram, 2)
    assert len(rests) == sum(not claimed for claimed in claims)
    assert all(0 < rest <= limits.LOOK_REST_SECONDS for rest in rests)
    assert sum(claims) == 2


async def test_a_slow_settling_does_not_let_the_card_be_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that lapses while its holder still lives is no leave to send again."""
    settle, gate = Outbox.settle, asyncio.Event()

    async def settle_late(
        outbox: Outbox, message: Claimed, verdict: Verdict, **named: object
    ) -> None:
        await gate.wait()
        await settle(outbox, message, verdict, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "settle", settle_late)
    telegram, clock = FakeTelegram(), FakeClock()
    outside = Outside(telegram=telegram, monitors={})
    one = settings(tmp_path, ALERT_CHAT_ID="-100")
    async with open_bridge(one, token=TOKEN, outside=outside, clock=clock) as bridge:
        transport = httpx.ASGITransport(bridge.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            await client.post("/alerts", json=webhook(alert()), headers=BEARER)
            await shown(telegram, 1)
            clock.advance(2 * limits.CLAIM_LEASE)
            bridge.look_again()
            await asyncio.sleep(0.2)
            assert len(telegram.calls) == 1
            gate.set()
