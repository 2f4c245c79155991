"""Webhooks in, messages out, over the real Bot API surface."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bridge import limits
from tests.fakes.local_telegram import (
    ADA,
    ALERTS,
    ON_CALL,
    OPERATIONS,
    LocalTelegram,
    open_local_telegram,
)
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge

MINUTE = timedelta(minutes=1)
HOSTILE = {
    "markup": "<b>x</b> <script>alert(1)</script> &lt; &amp;amp; <a href='javascript:x'>y</a></i>",
    "markdown": "*a* _b_ `c` ```d``` [e](http://f.example) ||g|| ~h~ > i",
    "templates": "{{ 7*7 }} {% raw %} {# x #} %s %(x)s $x ${x} {0}",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 🔥" * 20,
    "right to left": "שלום עולם \u202e evil \u2066 isolate \u2069 مرحبا",
    "control": "a\x00b\x01c\x07d\x1be\x7f\x85",
    "newlines": "one\ntwo\r\nthree\u2028four\u2029five\x0bsix",
    "blank": " \t\n\u200b\ufeff",
    "long": "x" * 100_000,
    "long emoji": "🔥" * 50_000,
    "long words": "wort " * 20_000,
    "surrogate": "a\ud800b\udfff",
    "mentions": "@everyone /start #tag https://evil.example?x=1 mail@example.org $USD",
    "combining": "Z̷̢̛a̶l̵g̸o" + "\u0301" * 500,
}


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hundreds of messages through; the sandbox of these tests keeps no pace either."""
    for name in ("CHAT_CALLS", "GROUP_CALLS", "GROUP_CARD_CALLS", "OVERALL_CALLS"):
        monkeypatch.setattr(limits, name, limits.Pace(100_000, timedelta(seconds=1)))


@pytest.fixture
async def bridge(tmp_path: Path, local: LocalTelegram) -> AsyncIterator[WholeBridge]:
    async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
        yield bridge


async def test_a_card_tells_the_outage_and_then_its_end(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - 5 * MINUTE  # noqa: TID251 - shown as today
    await bridge.post(webhook(alert(starts=began, value="0")))
    await bridge.settled()
    [card] = await local.messages()
    assert card["rings"]
    assert card["text"].startswith("🔴 FIRING")
    # With its date where midnight was between.
    assert re.search(rf"since ({began:%Y-%m-%d} )?{began:%H:%M:%S}", card["text"])
    await bridge.post(webhook(alert(starts=began, ends=began + 4 * MINUTE)))
    await bridge.settled()
    [card] = await local.messages()
    assert card["edits"] == 1
    assert card["text"].startswith("✅ RESOLVED")
    assert "4 min" in card["text"]


async def test_a_topic_of_a_forum_hears_what_is_addressed_to_it(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    await bridge.post(webhook(alert()), f"/alerts/{OPERATIONS}/{ALERTS}")
    await bridge.settled()
    assert len(await local.messages(OPERATIONS, ALERTS)) == 1
    assert await local.messages(ON_CALL) == []


@pytest.mark.usefixtures("unpaced")
async def test_nothing_hostile_is_refused_and_everything_is_shown_literally(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    for name, text in HOSTILE.items():
        hostile = alert(text, host=text, severity=text, description=text, value=text)
        hostile["labels"] |= {"instance": text, text: text}
        hostile["annotations"] |= {"summary": text, "runbook_url": text}
        hostile["generatorURL"] = text
        assert await bridge.post(webhook(hostile, group=name, externalURL=text)) == 200
        assert await bridge.post(webhook(text, group=f"raw {name}")) == 200
    await bridge.settled()
    assert [call for call in await local.calls() if not call["ok"]] == []
    texts = [message["text"] for message in await local.messages() if not message["document"]]
    assert len(texts) == 2 * len(HOSTILE)
    together = "\n".join(texts)
    for literal in (
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "%(x)s",
        "`c`",
        "👩‍👩‍👧‍👦",
        "\\u202e",
    ):
        assert literal in together


@pytest.mark.usefixtures("unpaced")
@settings(
    max_examples=40,
    deadline=None,
    # A failure is not shrunk: every example waits for a delivery that does not come.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.lists(st.text(max_size=300), min_size=6, max_size=6), number=st.integers())
async def test_no_text_whatever_is_refused(
    bridge: WholeBridge, local: LocalTelegram, texts: list[str], number: int
) -> None:
    name, host, summary, value, url, severity = texts
    odd = alert(name, host=host, severity=severity, value=value, runbook_url=url)
    odd["annotations"]["summary"] = summary
    odd["labels"]["number"] = number
    assert await bridge.post(webhook(odd, group=f"{texts}{number}", externalURL=url)) == 200
    await bridge.settled()
    assert [call for call in await local.calls() if not call["ok"]] == []


async def test_a_group_of_hundreds_is_one_card_and_a_file_with_what_it_leaves_out(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    await bridge.post(
        webhook(*(alert(host=f"host-{number:03}") for number in range(500)), truncatedAlerts=12)
    )
    await bridge.settled()
    card, listed = await local.messages()
    assert "500" in card["text"]
    assert "12" in card["text"]
    assert listed["document"]
    assert listed["reply_to"] == card["message_id"]
    assert (card["rings"], listed["rings"]) == (True, False)


async def test_a_new_alert_in_a_standing_card_rings_in_reply_to_it(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    await bridge.post(webhook(alert(host="one")))
    await bridge.settled()
    await bridge.post(webhook(alert(host="one"), alert(host="two")))
    await bridge.settled()
    card, ring = await local.messages()
    assert card["edits"] == 1
    assert ring["rings"]
    assert ring["reply_to"] == card["message_id"]
    assert "two" in ring["text"]
    assert "one:" not in ring["text"]


async def test_a_storm_is_one_document_that_is_edited_in_place(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    for number in range(40):
        await bridge.post(webhook(alert(host=f"box-{number:02}"), group=f"box-{number:02}"))
    async with asyncio.timeout(60):
        while not any(  # noqa: ASYNC110 - the sandbox sets no event
            message["document"] and "40" in (message["caption"] or "")
            for message in await local.messages()
        ):
            await asyncio.sleep(0.1)
    boards = [message for message in await local.messages() if message["document"]]
    assert len(boards) == 1
    assert boards[0]["rings"]


@pytest.mark.parametrize("kind", ["500", "502_html", "drop", "429"])
async def test_a_telegram_that_fails_shows_the_card_once_it_works(
    bridge: WholeBridge, local: LocalTelegram, kind: str
) -> None:
    await local.post("/faults", kind=kind, method="sendMessage", count=2, retry_after=1)
    await bridge.post(webhook(alert()))
    await bridge.settled()
    assert len(await local.messages()) == 1
    assert len(await local.calls("sendMessage")) == 3


async def test_a_call_that_hangs_holds_up_its_own_chat_alone_and_is_given_up_in_time(
    tmp_path: Path, local: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEND_TIMEOUT_SECONDS", 8)
    await local.post(
        "/faults", kind="timeout", method="sendMessage", chat_id=ADA, seconds=30, count=1
    )
    both = f"{ADA},{ON_CALL}"
    async with open_whole_bridge(tmp_path / "bridge", local, ALERT_CHAT_ID=both) as bridge:
        await bridge.post(webhook(alert()))
        async with asyncio.timeout(60):
            while not await local.messages(ON_CALL):  # noqa: ASYNC110 - the sandbox sets no event
                await asyncio.sleep(0.02)
        assert await local.messages(ADA) == []
        await bridge.settled()
        assert len(await local.messages(ADA)) == 1
