"""F8 to F16, F22 to F26: nothing that was taken is lost, doubled, merged or drowned."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge import limits
from bridge.clock import SystemClock
from tests.fakes.clock import NOON
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
from tests.forbidden.scene import MINUTE, moment, refused, texts, until


def find_files(folder: Path) -> tuple[Path, Path]:
    """Find what a bridge remembers: the inbox, and the database that it is folded into."""
    [inbox] = folder.glob("*.inbox.db")
    [database] = set(folder.glob("*.db")) - {inbox}
    return inbox, database


async def test_f08_no_alert_is_answered_for_before_it_is_on_disk(
    tmp_path: Path, local: LocalTelegram
) -> None:
    await local.post("/faults", kind="500", method="sendMessage")
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    async with open_whole_bridge(first, local) as bridge:
        with closing(sqlite3.connect(find_files(first)[0])) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = asyncio.create_task(bridge.post(webhook(alert())))
            await asyncio.wait([answer], timeout=0.3)
            assert not answer.done(), "answered while nothing can be written"
            other.rollback()
            assert await answer == 200
        for file in find_files(first):
            with (
                closing(sqlite3.connect(file)) as other,
                closing(sqlite3.connect(second / file.name)) as copy,
            ):
                other.backup(copy)
    await local.control.delete("/faults")
    # What the disk held at the moment of the answer is all that the next bridge has.
    async with open_whole_bridge(second, local) as bridge:
        await bridge.settled()
    assert "web-1" in await texts(local)


async def test_f09_a_success_for_one_chat_never_answers_for_another_that_failed(
    tmp_path: Path, local: LocalTelegram
) -> None:
    fault = await local.post("/faults", kind="500", chat_id=ADA, method="sendMessage")
    chats = f"{ADA},{ON_CALL}"
    async with open_whole_bridge(tmp_path / "bridge", local, ALERT_CHAT_ID=chats) as bridge:
        assert await bridge.post(webhook(alert())) == 200
        await until(lambda: local.messages(ON_CALL))
        await until(lambda: counts(bridge, "opswire_messages_waiting 1.0"))
        await local.control.delete(f"/faults/{fault['id']}")
        await bridge.settled()
    assert [len(await local.messages(chat)) for chat in (ADA, ON_CALL)] == [1, 1]


async def counts(bridge: WholeBridge, figure: str) -> bool:
    """Say whether a figure stands so."""
    return figure in await bridge.figures()


async def test_f10_what_shall_be_tried_again_is_never_answered_with_a_code_that_ends_it(
    tmp_path: Path, bridge: WholeBridge, local: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = webhook(alert())
    with monkeypatch.context() as too_much:
        too_much.setattr(limits, "WEBHOOK_BYTES_TOGETHER", 10)
        assert await bridge.post(body) == 503
    with monkeypatch.context() as full:
        full.setattr(limits, "DISK_RESERVE_BYTES", 2**62)
        assert await bridge.post(body) == 503
    with (
        monkeypatch.context() as hasty,
        closing(sqlite3.connect(find_files(tmp_path / "bridge")[0])) as other,
    ):
        hasty.setattr(limits, "WRITE_PATIENCE", timedelta(seconds=0.2))
        other.execute("BEGIN IMMEDIATE")
        assert await bridge.post(body) == 503
        # Looked at before the disk is back: what nobody waited for may be kept then all the same.
        assert await local.calls("sendMessage") == []
        other.rollback()
    assert await bridge.post(body) == 200
    await bridge.settled()
    assert len(await local.messages()) == 1


async def test_f11_a_telegram_that_hangs_never_keeps_alertmanager_waiting_until_it_sends_again(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    await local.post("/faults", kind="slow", seconds=8, method="sendMessage")
    body = webhook(*(alert(host=f"host-{number}") for number in range(40)))
    for _ in range(5):
        assert await bridge.post(body) == 200
        assert await local.calls("sendMessage") == [], "an answer waited for Telegram"
    await bridge.settled()
    assert len(await local.calls("sendMessage")) == 1


async def test_f12_two_alertmanagers_that_both_deliver_never_show_an_alert_twice(
    tmp_path: Path, local: LocalTelegram
) -> None:
    a_little_later = NOON + timedelta(milliseconds=300)
    one = webhook(alert(), externalURL="http://am-1.example:9093")
    other = webhook(alert(starts=a_little_later), externalURL="http://am-2.example:9093")
    async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
        await asyncio.gather(*map(bridge.post, (one, other, one)))
        await bridge.settled()
    # An outage of the receiver lies between: what is known outlives the process.
    async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
        for body in (other, one):
            assert await bridge.post(body) == 200
        await bridge.settled()
    [card] = await local.messages()
    assert "FIRING  web-1 · AgentDown\n" in card["text"], "one alert, not a group of two"
    assert len(await local.calls("sendMessage")) == 1


async def test_f13_a_fire_after_an_end_is_never_taken_for_what_was_told_already(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    began = moment(10 * MINUTE)
    for again in range(2):
        # Alertmanager 0.25 fires again with the beginning of the episode that is over.
        assert await bridge.post(webhook(alert(starts=began))) == 200
        await until(partial(has_messages, local, again + 1))
        over = alert(starts=began, ends=SystemClock().now())
        assert await bridge.post(webhook(over)) == 200
        await bridge.settled()
    cards = await local.messages()
    assert [card["rings"] for card in cards] == [True, True]
    assert all(card["text"].startswith("✅") for card in cards)


async def has_messages(local: LocalTelegram, number: int) -> bool:
    """Say whether a chat shows so many."""
    return len(await local.messages()) >= number


async def test_f14_alerts_of_one_name_summary_and_fingerprint_are_never_taken_for_one(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    hosts = ("web-1", "web-2", "db-1")
    alike = [alert(host=host) for host in hosts]
    for each in alike:
        each["annotations"]["summary"] = "the same words"
    assert len({each["fingerprint"] for each in alike}) == 1
    assert await bridge.post(webhook(*alike)) == 200
    # The same labels, watched by somebody else: another alert.
    assert await bridge.post(webhook(alike[0]), "/alerts?source=other-site") == 200
    await bridge.settled()
    card, elsewhere = await local.messages()
    assert "3 firing" in card["text"]
    assert all(host in card["text"] for host in hosts)
    assert "web-1" in elsewhere["text"]


async def test_f15_no_order_of_late_copies_leaves_a_card_that_does_not_tell_the_truth(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    told: dict[str, dict[str, Any]] = {
        "fired": {"starts": NOON},
        "ended": {"starts": NOON, "ends": NOON + MINUTE},
        "fires": {"starts": NOON + 5 * MINUTE},
        "fired again": {"starts": NOON},
    }
    orders = list(itertools.permutations(told))
    orders += [
        ("fired", "ended", "fires", "ended"),
        ("ended", "fired", "fires", "ended"),
        ("ended", "fires", "ended", "fired"),
    ]
    for step in range(len(told)):
        reports = [alert(host=" ".join(order), **told[order[step]]) for order in orders]
        # What always fires keeps the card open, so one card tells of all.
        assert await bridge.post(webhook(alert(host="other"), *reports)) == 200
    await bridge.settled()
    card = (await local.messages())[0]["text"]
    assert [each for each in orders if f"🔴 AgentDown {' '.join(each)} " not in card] == []


async def test_f16_an_alert_that_a_webhook_leaves_out_is_never_taken_as_over(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    both = [alert(), alert("HighLoad", severity="warning")]
    for members in (both, both[:1], both[1:]):
        assert await bridge.post(webhook(*members)) == 200
        await bridge.settled()
    [card] = await local.messages()
    assert "2 firing" in card["text"]
    assert "✅" not in card["text"]


async def test_f22_no_alert_of_a_webhook_is_left_out_of_the_account(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    hosts = [f"host-{number:02}" for number in range(40)]
    members: list[object] = [alert(host=host) for host in hosts]
    assert await bridge.post(webhook(*members, "no alert at all")) == 200
    await bridge.settled()
    assert len(await local.messages()) <= 3
    shown = await texts(local)
    assert [host for host in hosts if host not in shown] == []
    assert "no alert at all" in shown
    figures = await bridge.figures()
    assert "opswire_alerts_unaccounted 0.0" in figures
    assert 'opswire_alerts_received_total{status="firing"} 40.0' in figures
    assert 'opswire_alerts_received_total{status="unreadable"} 1.0' in figures
    # And the account is one: what vanishes from it is missed.
    with closing(sqlite3.connect(find_database_of(bridge))) as thief:
        thief.execute("DELETE FROM card_episodes WHERE episode_id = 7")
        thief.commit()
    assert "opswire_alerts_unaccounted 1.0" in await bridge.figures()


def find_database_of(bridge: WholeBridge) -> Path:
    """Find the database of a running bridge."""
    return find_files(bridge.bridge._settings.state_dir)[1]


async def test_f23_a_chat_that_fails_never_starves_the_others(
    tmp_path: Path, local: LocalTelegram
) -> None:
    topic = f"{OPERATIONS}/{ALERTS}"
    await local.post("/faults", kind="500", chat_id=ADA)
    chats = f"{ADA},{ON_CALL},{topic}"
    async with open_whole_bridge(tmp_path / "bridge", local, ALERT_CHAT_ID=chats) as bridge:
        for number in range(3):
            await bridge.post(webhook(alert(host=f"host-{number}"), group=f"{number}"))

        async def others_have_all() -> bool:
            elsewhere = await local.messages(OPERATIONS, ALERTS)
            return len(elsewhere) == len(await local.messages()) == 3

        # Each attempt at the one that fails doubles its wait: others would soon wait for longer.
        await until(others_have_all, seconds=3)
        assert await local.messages(ADA) == []
        await until(lambda: counts(bridge, "opswire_messages_waiting 3.0"))


async def test_f24_what_was_over_before_it_could_be_shown_is_never_replayed_as_news(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    began = moment(10 * MINUTE)
    fault = await local.post("/faults", kind="500", method="sendMessage")
    for number in range(3):
        host = f"host-{number}"
        await bridge.post(webhook(alert(host=host, starts=began), group=host))
        if number:
            over = alert(host=host, starts=began, ends=began + MINUTE)
            await bridge.post(webhook(over, group=host))
    await until(lambda: local.calls("sendMessage"))
    # What the bridge has not read yet is over for nobody.
    await until(lambda: counts(bridge, 'alerts_received_total{status="resolved"} 2.0'))
    await local.control.delete(f"/faults/{fault['id']}")
    await bridge.settled()
    shown = await local.messages()
    assert [each["text"][:1] for each in shown if each["rings"]] == ["🔴"]
    silent = [each for each in shown if not each["rings"]]
    assert [(each["text"][:1], each["edits"]) for each in silent] == [("✅", 0), ("✅", 0)]


async def test_f25_a_rate_limit_loses_no_alert_and_is_never_met_with_another_call(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    await local.post("/faults", kind="429", retry_after=5, method="sendMessage", count=1)
    for severity in ("warning", "critical"):
        await bridge.post(webhook(alert(host=severity, severity=severity), group=severity))
    await bridge.settled()
    calls = await local.calls("sendMessage")
    assert [call["ok"] for call in calls] == [False, True, True]
    waited = datetime.fromisoformat(calls[1]["at"]) - datetime.fromisoformat(calls[0]["at"])
    assert waited >= timedelta(seconds=5), "called again before its time"
    assert "critical ·" in (await local.messages())[0]["text"], "the most urgent goes first"


async def test_f25_a_telegram_that_keeps_its_published_limits_never_has_to_refuse(
    tmp_path: Path,
) -> None:
    async with open_local_telegram(tmp_path / "telegram") as local:
        await local.post("/pacing", enabled=True)
        async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
            for number in range(6):
                await bridge.post(webhook(alert(host=f"calm-{number}"), group=f"calm {number}"))
                await bridge.settled()
            for number in range(40):
                await bridge.post(webhook(alert(host=f"storm-{number}"), group=f"{number}"))
            await until(lambda: local.calls("sendDocument"))
            assert len(await local.calls("sendMessage")) <= limits.GROUP_CARD_CALLS.calls
            assert await refused(local) == []


async def test_f26_a_chat_that_cannot_be_reached_is_told_of_once_however_many_alerts_it_misses(
    tmp_path: Path, local: LocalTelegram
) -> None:
    await local.post(f"/chats/{ON_CALL}/kick")
    changes = {"FALLBACK_CHAT_ID": f"{OPERATIONS}/{ALERTS}", "ALLOWED_USERS": str(ADA)}
    async with open_whole_bridge(tmp_path / "bridge", local, **changes) as bridge:
        for number in range(3):
            await bridge.post(webhook(alert(host=f"host-{number}"), group=f"{number}"))
        await until(lambda: local.messages(ADA))
        await until(lambda: hears(local, "host-2"))
        await until(lambda: hears(local, "CHAT CANNOT BE REACHED"))
        await asyncio.sleep(0.3)
    for chat, thread in ((ADA, None), (OPERATIONS, ALERTS)):
        said = await texts(local, chat, thread)
        assert len(re.findall("CHAT CANNOT BE REACHED", said)) == 1
    assert await local.messages(ON_CALL) == []


async def hears(local: LocalTelegram, words: str) -> bool:
    """Say whether the fallback has heard of something."""
    return words in await texts(local, OPERATIONS, ALERTS)
