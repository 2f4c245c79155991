"""F1 to F7: no text, however odd or long, keeps an alert from being shown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge import limits
from tests.fakes.local_telegram import ON_CALL, LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge
from tests.forbidden.scene import calls_reach, refused, texts, until

MARKUP = ("a < b & c > d", "<no value>", "</b><i>", "&lt;&#60;", "{{ 7*7 }}", "<a href='x'>y</a>")
MARKDOWN = ("pod_name_0", "*bold", "`code", "[a](b", "__x__", "~", "||spoiler", "a\\_b")
CANNOT_PARSE = "Bad Request: can't parse entities: unsupported start tag"


def odd(text: str) -> dict[str, Any]:
    """Write an alert that has the text everywhere."""
    member = alert(text, host=text, severity=text, description=text, value=text, note=text)
    member["annotations"]["summary"] = text
    member["labels"] |= {"instance": text, "pod": text}
    return member


async def read_file(local: LocalTelegram, message: dict[str, Any]) -> str:
    """Read the file of a message."""
    url = f"{local.sandbox.url}{message['document']['url']}"
    headers = {"Authorization": f"Bearer {local.sandbox.page_token}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        return (await client.get(url)).raise_for_status().text


def assert_well_formed(text: str, entities: list[dict[str, Any]]) -> None:
    """Require that no entity leaves the text or begins or ends within a character."""
    units = text.encode("utf-16-le")
    for each in entities:
        begin, end = 2 * each["offset"], 2 * (each["offset"] + each["length"])
        assert 0 <= begin < end <= len(units)
        units[begin:end].decode("utf-16-le")


async def test_f01_no_markup_in_a_label_or_annotation_keeps_an_alert_from_being_shown(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    assert await bridge.post(webhook(odd("  ".join(MARKUP)))) == 200
    assert await bridge.post(webhook(*map(odd, MARKUP), group="\n".join(MARKUP))) == 200
    await bridge.settled()
    assert await refused(local) == []
    shown = await texts(local)
    assert [text for text in MARKUP if text not in shown] == []
    assert "opswire_template_faults_total{" not in await bridge.figures(), "not the plain form"


async def test_f02_no_underscore_or_star_drops_an_alert_because_nothing_is_read_as_markdown(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    assert await bridge.post(webhook(odd("  ".join(MARKDOWN)))) == 200
    assert await bridge.post(webhook(*map(odd, MARKDOWN), group="_".join(MARKDOWN))) == 200
    await bridge.settled()
    calls = await local.calls("sendMessage")
    assert len(calls) == 2
    assert [call for call in calls if not call["ok"] or "parse_mode" in call["parameters"]] == []
    shown = await texts(local)
    assert [text for text in MARKDOWN if text not in shown] == []


async def test_f03_shortening_never_cuts_an_entity_or_a_character_in_two(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    for count in (2, 60):
        long = [
            alert("🔥<b>" * 90, host=f"{'👩‍👩‍👧‍👦' * 30}{number}", description="😀" * 5000)
            for number in range(count)
        ]
        assert await bridge.post(webhook(*long, group=str(count))) == 200
    await bridge.settled()
    assert await refused(local) == []
    for message in await local.messages():
        assert_well_formed(message["text"] or "", message["entities"])
        assert_well_formed(message["caption"] or "", message["caption_entities"])


async def test_f04_a_card_too_long_for_a_message_never_takes_the_alerts_place_nor_drops_one(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    hosts = [f"host-{number:03}" for number in range(300)]
    members = [alert(host=host, severity="warning") for host in hosts[:-1]]
    assert await bridge.post(webhook(*members, alert(host=hosts[-1]))) == 200
    await bridge.settled()
    card, listed = await local.messages()
    assert len(card["text"]) <= limits.MESSAGE_CHARACTERS
    assert "300 firing" in card["text"]
    assert hosts[-1] in card["text"], "the worst is shown whatever is left out"
    named = sum(host in card["text"] for host in hosts)
    assert f"{300 - named} more" in card["text"]
    assert listed["reply_to"] == card["message_id"]
    whole = await read_file(local, listed)
    assert [host for host in hosts if host not in whole] == []


async def test_f05_no_caption_is_longer_than_telegram_takes_and_the_file_has_the_rest(
    bridge: WholeBridge, local: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOARD_EVERY", timedelta(seconds=0.3))
    hosts = [f"host-{number}-{'x' * 200}" for number in range(30)]
    for number, host in enumerate(hosts):
        await bridge.post(webhook(alert(f"Alert{number}", host=host), group=host))
    shown: list[Any] = []

    async def has_every_host() -> bool:
        # Before there is a board, a slow machine may show a card or two, each with its file.
        shown[:] = [
            each
            for each in await local.messages()
            if each["document"] and "STORM" in (each["caption"] or "")
        ]
        whole = await read_file(local, shown[0]) if shown else ""
        return all(host in whole for host in hosts)

    await until(has_every_host)
    assert await refused(local) == []
    [board] = shown
    assert 0 < len(board["caption"]) <= limits.CAPTION_CHARACTERS


async def test_f06_a_template_that_fails_neither_ends_the_bridge_nor_drops_an_alert(
    tmp_path: Path, local: LocalTelegram
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "card.j2").write_text("{{ card.no_such.thing }}{{ 1 / 0 }}")
    async with open_whole_bridge(tmp_path / "bridge", local, TEMPLATES_DIR=str(own)) as bridge:
        for group in ("one", "two"):
            assert await bridge.post(webhook(alert(host=group), group=group)) == 200
        await bridge.settled()
        assert [each["rings"] for each in await local.messages()] == [True, True]
        shown = await texts(local)
        assert "one · AgentDown" in shown
        assert "two · AgentDown" in shown
        assert "opswire_template_faults_total{" in await bridge.figures()


@pytest.mark.parametrize("count", [1, 20])
async def test_f07_a_text_that_telegram_refuses_is_never_sent_over_and_over(
    bridge: WholeBridge, local: LocalTelegram, count: int
) -> None:
    fault = {"kind": "error", "code": 400, "description": CANNOT_PARSE, "method": "sendMessage"}
    await local.post("/faults", **fault, count=count)
    assert await bridge.post(webhook(alert())) == 200
    await calls_reach(local, 2, "sendMessage")
    first, second = await local.calls("sendMessage")
    assert first["parameters"]["entities"]
    assert not second["parameters"]["entities"], "the plain form has nothing to refuse"
    # A chat that it does not hold up hears the next alert at once; the refused one waits.
    assert await bridge.post(webhook(alert(host="db-1"), group="db-1")) == 200
    await calls_reach(local, 3, "sendMessage")
    assert len([each for each in await local.calls() if "web-1" in json.dumps(each)]) == 2
    assert len(await local.messages(ON_CALL)) == (2 if count == 1 else 0)
