"""F27 to F35: whatever becomes of a chat, of Telegram or of the way there, the alert is heard."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog

from bridge.app import open_bridge
from bridge.logs import set_up_logs
from bridge.parties import Watched
from bridge.settings import Settings
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import BEARER, TOKEN, WholeBridge, open_whole_bridge
from tests.forbidden.scene import (
    MINUTE,
    LeapingClock,
    calls_reach,
    moment,
    open_watching_bridge,
    problem,
    texts,
    until,
)

BOTH = {"FALLBACK_CHAT_ID": str(OPERATIONS), "ALLOWED_USERS": str(ADA)}


def one(host: str, *, ends: bool = False) -> dict[str, Any]:
    """Write a webhook about one host."""
    began = moment(10 * MINUTE)
    return webhook(alert(host=host, starts=began, ends=moment() if ends else None), group=host)


async def says(local: LocalTelegram, chat: int, *words: str) -> bool:
    """Say whether a chat tells all of this."""
    shown = await texts(local, chat)
    return all(word in shown for word in words)


async def test_f27_a_group_that_becomes_a_supergroup_never_has_to_be_configured_anew(
    tmp_path: Path, local: LocalTelegram
) -> None:
    admins = {"ALLOWED_USERS": str(ADA)}
    async with open_whole_bridge(tmp_path / "bridge", local, **admins) as bridge:
        await bridge.post(one("web-1"))
        await bridge.settled()
        await local.post(f"/chats/{ON_CALL}/migrate")
        await bridge.post(one("db-1"))
        await bridge.settled()
    chats = (await local.control.get("/state")).json()["chats"]
    [fresh] = [each["id"] for each in chats if each["title"] == "On call" and each["id"] != ON_CALL]
    assert await says(local, fresh, "FIRING  db-1")
    assert await says(local, ADA, "CHAT HAS A NEW ID", str(fresh))
    # The setting still names the old id; an end goes where its beginning is told now.
    async with open_whole_bridge(tmp_path / "bridge", local, **admins) as bridge:
        await bridge.post(one("cache-1"))
        await bridge.post(one("web-1", ends=True))
        await bridge.settled()
    assert await says(local, fresh, "FIRING  cache-1", "RESOLVED  web-1")
    assert len(await local.messages(ADA)) == 1


async def test_f28_a_topic_that_is_gone_never_takes_its_alerts_with_it(
    tmp_path: Path, local: LocalTelegram
) -> None:
    topic = f"{OPERATIONS}/{ALERTS}"
    async with open_whole_bridge(tmp_path / "bridge", local, ALERT_CHAT_ID=topic) as bridge:
        await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/delete")
        await bridge.post(one("db-1"))
        # Without a fallback the forum's general topic hears it, and says for whom.
        await until(lambda: says(local, OPERATIONS, "FIRING  db-1", f"for chat {topic}"))


@pytest.mark.parametrize("deed", ["kick", "delete"])
async def test_f29_a_chat_that_takes_nothing_never_keeps_its_alerts_to_itself(
    tmp_path: Path, local: LocalTelegram, deed: str
) -> None:
    async with open_whole_bridge(tmp_path / "bridge", local, **BOTH) as bridge:
        await bridge.post(one("web-1"))
        await bridge.settled()
        await local.post(f"/chats/{ON_CALL}/{deed}")
        await bridge.post(one("db-1"))
        await until(lambda: says(local, OPERATIONS, "FIRING  db-1", f"for chat {ON_CALL}"))
        await until(lambda: says(local, OPERATIONS, "CHAT CANNOT BE REACHED"))
        await until(lambda: says(local, ADA, "CHAT CANNOT BE REACHED", str(ON_CALL)))
        if deed == "kick":
            await local.post(f"/chats/{ON_CALL}/add")
            await bridge.bridge._check_destinations()
            await until(lambda: says(local, ON_CALL, "FIRING  db-1"))
            await until(lambda: says(local, ADA, "CHAT CAN BE REACHED AGAIN"))


async def test_f30_a_chat_id_with_a_slip_is_never_found_only_when_an_alert_is_lost(
    tmp_path: Path, local: LocalTelegram
) -> None:
    slip = str(OPERATIONS).replace("-100", "-")
    changes = {"ALERT_CHAT_ID": slip, "ALLOWED_USERS": str(ADA)}
    async with open_whole_bridge(tmp_path / "bridge", local, **changes) as bridge:
        await until(lambda: says(local, ADA, "CHAT CANNOT BE REACHED", slip))
        bridge.bridge.look_again()
        await until(lambda: problem(bridge, "audience"))
        assert slip in await problem(bridge, "audience")


@pytest.mark.parametrize(
    ("refusal", "messages"),
    [("message to edit not found", 2), ("message is not modified", 1)],
)
async def test_f33_an_edit_that_cannot_be_never_leaves_a_card_that_tells_of_yesterday(
    bridge: WholeBridge, local: LocalTelegram, refusal: str, messages: int
) -> None:
    await bridge.post(one("web-1"))
    await bridge.settled()
    said = f"Bad Request: {refusal}"
    edit = {"method": "editMessageText", "count": 1}
    await local.post("/faults", kind="error", code=400, description=said, **edit)
    await bridge.post(one("web-1", ends=True))
    await bridge.settled()
    shown = await local.messages()
    assert len(shown) == messages
    assert len(await local.calls("editMessageText")) == 1, "it is not tried over and over"
    if messages == 2:
        assert shown[-1]["text"].startswith("✅ RESOLVED")
        assert not shown[-1]["rings"]


LIBRARIES = ("aiogram", "aiogram.event", "asyncio", "httpx", "httpcore", "urllib3")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Write everything that is logged into a text."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    stream = io.StringIO()
    set_up_logs("DEBUG", "json", (), stream=stream)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    for name in (*LIBRARIES, "uvicorn.access", "uvicorn.error", "alembic", "matplotlib"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)


async def test_f34_no_log_line_answer_or_figure_ever_has_the_bot_token(
    tmp_path: Path, local: LocalTelegram, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not even where nothing hides it: what is not written cannot slip through.
    monkeypatch.setattr("bridge.logs.Redactor._hide", lambda _, value: value)
    token = local.sandbox.bot_token
    answers = ""
    async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
        for kind in ("drop", "502_html", "500"):
            before = len(await local.calls())
            await local.post("/faults", kind=kind, count=2)
            await bridge.post(one(kind))
            bridge.bridge.look_again()
            await calls_reach(local, before + 2)
            for path in ("/readyz", "/metrics", "/healthz", "/alerts"):
                answers += (await bridge.door.get(path, headers=BEARER)).text
        # Somebody else may have met those: a message meets these.
        await local.post("/faults", kind="drop", method="sendMessage")
        await bridge.post(one("web-1"))
        await until(lambda: has_said(log, "a message could not be shown"))
    secret = token.partition(":")[2]
    assert secret not in log.getvalue()
    assert secret not in answers


async def has_said(log: io.StringIO, words: str) -> bool:
    """Say whether the log tells of it."""
    return words in log.getvalue()


class Elsewhere:
    """A second way out that remembers what went it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    @property
    def names(self) -> Sequence[str]:
        """Name the one destination."""
        return ("mail",)

    async def send(
        self, name: str, title: str, body: str, *, taken_late: Callable[[], None]
    ) -> None:
        """Take a text."""
        del name, taken_late
        self.sent.append((title, body))


async def test_f35_a_telegram_that_cannot_be_reached_never_keeps_an_alert_from_everybody(
    tmp_path: Path, local: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.limits.SECOND_WAY_PASS", timedelta(seconds=0.1))
    mail, clock = Elsewhere(), LeapingClock()
    away = await local.post("/faults", kind="drop")
    async with open_watching_bridge(
        tmp_path / "bridge",
        local,
        watched=Watched(second_ways=mail),
        clock=clock,
        NOTIFY_AFTER="1m",
    ) as bridge:
        assert await bridge.post(one("web-1")) == 200
        await calls_reach(local, 1)
        await until(lambda: problem(bridge, "telegram"))
        assert mail.sent == [], "a moment is no absence"

        async def goes_elsewhere() -> bool:
            clock.leap(timedelta(seconds=15))
            bridge.bridge.look_again()
            await asyncio.sleep(0.1)
            return went(mail, "web-1")

        await until(goes_elsewhere)
        await local.control.delete(f"/faults/{away['id']}")
        bridge.bridge.look_again()
        await until(lambda: says(local, ON_CALL, "FIRING  web-1", "TELEGRAM WAS AWAY"))
        assert len(mail.sent) == 1


def went(elsewhere: Elsewhere, host: str) -> bool:
    """Say whether an alert went the second way."""
    return any(host in title + body for title, body in elsewhere.sent)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_f35_a_country_without_telegram_never_needs_more_than_a_proxy(
    tmp_path: Path, local: LocalTelegram, scheme: str
) -> None:
    async with open_proxy(local.sandbox.url) as (address, asked):
        environ = {
            "STATE_DIR": str(tmp_path),
            "BOT_TOKEN": local.sandbox.bot_token,
            "TELEGRAM_API_BASE": "http://telegram.invalid",
            "TELEGRAM_PROXY": f"{scheme}://{address}",
            "ALERT_CHAT_ID": str(ON_CALL),
        }
        async with open_bridge(Settings.load(environ), token=TOKEN) as bridge:
            transport = httpx.ASGITransport(bridge.web)
            async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as door:
                await door.post("/alerts", json=one("web-1"), headers=BEARER)
                await until(lambda: says(local, ON_CALL, "FIRING  web-1"))
    assert asked


@asynccontextmanager
async def open_proxy(target: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a proxy, HTTP and SOCKS 5 at once, whose every way leads to one server."""
    asked: list[bytes] = []
    place = urlsplit(target)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(2**16):
            writer.write(piece)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(3)
        if first.startswith(b"\x05"):
            writer.write(b"\x05\x00")
            asked.append(await reader.read(300))
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
        else:
            asked.append(first + await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        back, forth = await asyncio.open_connection(place.hostname, place.port)
        with suppress(ConnectionError):
            await asyncio.gather(carry(reader, forth), carry(back, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
