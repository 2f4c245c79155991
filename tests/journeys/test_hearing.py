"""Who hears what: webhooks in, messages out, each chat as it has chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.core.access import EVERYWHERE, parse_scope
from bridge.core.audience import Destination
from bridge.core.chats import Subscribed
from bridge.core.preferences import change_preferences
from bridge.errors import Missing
from bridge.flows.unsubscribe_chat import unsubscribe_chat
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
PRIVATE, GROUP, TOPIC = Destination(ADA), Destination(ON_CALL), Destination(OPERATIONS, ALERTS)
INVENTORY = "web-1 192.0.2.1:9100 group=web\ndb-1 192.0.2.2:9100 group=db\n"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - shown as today


class Desk:
    """A bridge, and the hand that would answer commands."""

    def __init__(self, whole: WholeBridge, local: LocalTelegram) -> None:
        self.whole = whole
        self.local = local
        self.chats = whole.bridge.stores.chats

    async def post(self, *alerts: Any, group: str = "g", path: str = "/alerts") -> None:
        """Send a webhook."""
        assert await self.whole.post(webhook(*alerts, group=group), path) == 200

    async def told(self, *alerts: Any, group: str = "g") -> None:
        """Send a webhook and wait until the chats have been told."""
        await self.post(*alerts, group=group)
        await self.whole.settled()

    async def subscribe(self, here: Destination) -> Subscribed:
        """Answer /subscribe."""
        subscribed = await self.chats.subscribe(here, made_by=ADA, now=now())
        self.whole.bridge.look_again()
        return subscribed

    async def unsubscribe(self, here: Destination) -> bool:
        """Answer /unsubscribe."""
        return await unsubscribe_chat(here, chats=self.chats, clock=now, sleep=asyncio.sleep)

    async def choose(self, here: Destination, *typed: str) -> None:
        """Answer /settings."""
        for words in typed:
            change = partial(
                change_preferences, words=words.split(), languages=("en", "zh_TW", "ru")
            )
            await self.chats.choose(here, change, now=now())
        self.whole.bridge.look_again()

    async def texts(self, here: Destination) -> list[str]:
        """Read what a chat shows."""
        messages = await self.local.messages(here.chat_id, here.thread_id or None)
        return [each["text"] or each["caption"] or "" for each in messages]

    async def problem(self, check: str = "audience") -> str:
        """Read from /readyz what is wrong, as it is now."""
        await self.whole.bridge._check()
        answer = await self.whole.door.get("/readyz")
        return str(answer.json()["checks"][check])


@asynccontextmanager
async def open_desk(folder: Path, local: LocalTelegram, **changes: str) -> AsyncIterator[Desk]:
    """Run a bridge whose settings name no chat, and which knows two hosts."""
    hosts = folder / "agents.txt"
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's folder
    hosts.write_text(INVENTORY, encoding="utf-8")
    given = {"ALERT_CHAT_ID": "", "AGENTS_FILE": str(hosts), **changes}
    async with open_whole_bridge(folder / "state", local, **given) as whole:
        yield Desk(whole, local)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


@pytest.fixture
async def desk(tmp_path: Path, local: LocalTelegram) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, local) as desk:
        yield desk


async def test_each_chat_reads_the_same_alert_in_its_own_language_and_by_its_own_clock(
    desk: Desk,
) -> None:
    for here in (PRIVATE, GROUP, TOPIC):
        await desk.subscribe(here)
    await desk.choose(GROUP, "language ru", "zone Asia/Taipei")
    await desk.choose(Destination(OPERATIONS), "language zh_TW")
    began = now() - 5 * MINUTE
    await desk.told(alert(starts=began))
    [english], [russian], [chinese] = [await desk.texts(each) for each in (PRIVATE, GROUP, TOPIC)]
    assert "FIRING" in english
    assert f"{began:%H:%M:%S} UTC" in english
    assert "FIRING" not in russian
    assert f"{began + timedelta(hours=8):%H:%M:%S} CST" in russian
    assert len({english, russian, chinese}) == 3
    await desk.choose(GROUP, "language en")
    await desk.told(alert(starts=began, ends=began + 3 * MINUTE))
    [edited] = await desk.texts(GROUP)
    assert "RESOLVED" in edited


async def test_under_a_card_are_buttons_in_the_language_of_the_chat(
    desk: Desk, local: LocalTelegram
) -> None:
    await desk.subscribe(PRIVATE)
    await desk.choose(PRIVATE, "language ru")
    busy = alert("AgentHighCPU", host="web-1")
    busy["labels"]["resource"] = "cpu"
    await desk.told(busy)
    [message] = await local.messages(ADA)
    [row] = message["inline_keyboard"]
    assert [each["text"] for each in row] == ["Список", "График"]
    word, number = row[0]["callback_data"].split()
    cards = desk.whole.bridge.stores.cards
    facts = await cards.find(int(number), here=PRIVATE, scope=EVERYWHERE)
    assert (word, facts.members[0].host) == ("list", "web-1")
    with pytest.raises(Missing):
        await cards.find(int(number), here=GROUP, scope=EVERYWHERE)


@pytest.mark.parametrize(
    "said", ["BUTTON_DATA_INVALID", "reply markup is too long", "BUTTON_URL_INVALID"]
)
async def test_buttons_that_telegram_refuses_never_keep_an_alert_from_being_shown(
    desk: Desk, local: LocalTelegram, said: str
) -> None:
    await desk.subscribe(PRIVATE)
    fault = {"kind": "error", "count": 1, "description": f"Bad Request: {said}"}
    await local.post("/faults", method="sendMessage", **fault)
    await desk.told(alert())
    [message] = await local.messages(ADA)
    assert "AgentDown" in message["text"]
    assert message["inline_keyboard"] is None
    assert message["rings"]


async def test_a_limited_chat_learns_nothing_of_other_hosts(desk: Desk) -> None:
    await desk.subscribe(PRIVATE)
    await desk.subscribe(GROUP)
    await desk.chats.limit(GROUP, parse_scope(["group=db"]), now=now())
    await desk.told(alert(host="web-1"), alert(host="db-1"), alert(host=""), "odd")
    [limited] = await desk.texts(GROUP)
    assert "db-1" in limited
    assert "web-1" not in limited
    assert "3 firing" in (await desk.texts(PRIVATE))[0]


async def test_at_night_only_what_is_critical_makes_a_phone_sound(
    desk: Desk, local: LocalTelegram
) -> None:
    await desk.subscribe(PRIVATE)
    await desk.subscribe(GROUP)
    hour = timedelta(hours=1)
    await desk.choose(PRIVATE, f"quiet {now() - hour:%H:%M}-{now() + 2 * hour:%H:%M}")
    await desk.told(alert(severity="warning", host="mild"), group="mild")
    await desk.told(alert(severity="critical", host="bad"), group="bad")
    quiet = {each["text"].split()[2]: each["rings"] for each in await local.messages(ADA)}
    assert quiet == {"mild": False, "bad": True}
    assert all(each["rings"] for each in await local.messages(ON_CALL))


async def test_whoever_switches_everything_off_is_sent_nothing_and_the_owner_is_warned(
    desk: Desk,
) -> None:
    assert "send /subscribe" in await desk.problem()
    await desk.subscribe(PRIVATE)
    assert await desk.problem() == "ok"
    await desk.choose(PRIVATE, "notify off")
    assert "switched its alerts off" in await desk.problem()
    await desk.told(alert())
    assert await desk.texts(PRIVATE) == []
    figures = await desk.whole.figures()
    assert "opswire_alerts_unwanted 1.0" in figures
    assert "opswire_alerts_unaccounted 0.0" in figures
    assert "opswire_messages_unheard 0.0" in figures
    await desk.choose(PRIVATE, "kinds -down", "notify critical")
    assert "1 critical alerts fire that no chat is shown" in await desk.problem()
    await desk.choose(PRIVATE, "kinds all")
    await desk.whole.settled()
    [shown] = await desk.texts(PRIVATE)
    assert "AgentDown" in shown
    assert await desk.problem() == "ok"


async def test_whoever_subscribes_while_something_fires_sees_it_at_once_without_a_sound(
    desk: Desk, local: LocalTelegram
) -> None:
    await desk.subscribe(PRIVATE)
    await desk.told(alert(host="web-1"), group="web")
    await desk.told(alert(host="db-1"), group="db")
    assert (await desk.subscribe(GROUP)).shown == 2
    await desk.whole.settled()
    messages = await local.messages(ON_CALL)
    assert len(messages) == 2
    assert not any(each["rings"] for each in messages)
    await desk.told(alert(host="db-1", ends=now()), group="db")
    assert "RESOLVED" in "".join(await desk.texts(GROUP))


async def test_the_first_chat_takes_over_what_waited_for_anybody_and_it_rings(
    desk: Desk, local: LocalTelegram
) -> None:
    await desk.post(alert())
    subscribed = await desk.subscribe(PRIVATE)
    await desk.whole.settled()
    assert subscribed.adopted + subscribed.shown <= 1
    [message] = await local.messages(ADA)
    assert message["rings"]


async def test_from_the_answer_to_rmsub_on_a_chat_in_a_storm_is_sent_nothing(
    desk: Desk, local: LocalTelegram
) -> None:
    await desk.subscribe(PRIVATE)
    await desk.subscribe(GROUP)

    async def storm(first: int) -> None:
        for number in range(first, first + 40):
            name = f"box-{number:02}"
            await desk.post(alert(host=name), group=name)

    await storm(0)
    async with asyncio.timeout(60):
        while not any(each["document"] for each in await local.messages(ON_CALL)):  # noqa: ASYNC110 - the sandbox sets no event
            await asyncio.sleep(0.02)
    storming = asyncio.create_task(storm(40))
    await asyncio.sleep(0)
    assert await desk.unsubscribe(GROUP)
    told = len([call for call in await local.calls() if str(ON_CALL) in str(call["parameters"])])
    await storming
    await storm(80)
    async with asyncio.timeout(60):
        while "120" not in "".join(await desk.texts(PRIVATE)):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.1)
    after = [call for call in await local.calls() if str(ON_CALL) in str(call["parameters"])]
    assert len(after) == told
    assert "opswire_alerts_unaccounted 0.0" in await desk.whole.figures()


async def test_a_group_that_becomes_a_supergroup_keeps_its_subscription_and_choices(
    tmp_path: Path, local: LocalTelegram
) -> None:
    async with open_desk(tmp_path, local) as desk:
        await desk.subscribe(GROUP)
        await desk.choose(GROUP, "language ru")
        await desk.told(alert(host="web-1"), group="web")
        await local.post(f"/chats/{ON_CALL}/migrate")
        await desk.told(alert(host="db-1"), group="db")
        known = await desk.chats.find(GROUP)
    fresh = known.destination
    assert fresh.chat_id != ON_CALL
    # Also after a restart.
    async with open_desk(tmp_path, local) as desk:
        await desk.told(alert(host="cache-1"), group="cache")
        texts = await desk.texts(fresh)
        for host in ("web-1", "db-1", "cache-1"):
            assert any(host in each and "FIRING" not in each for each in texts), host
        assert await desk.unsubscribe(fresh)
        assert await desk.chats.find_subscribed() == []


async def test_what_a_broken_chat_wants_its_fallback_hears_in_its_own_language(
    tmp_path: Path, local: LocalTelegram
) -> None:
    async with open_desk(tmp_path, local, FALLBACK_CHAT_ID=str(ADA)) as desk:
        await desk.subscribe(GROUP)
        await desk.choose(GROUP, "notify critical")
        await desk.choose(PRIVATE, "language ru", "notify off")
        await local.post(f"/chats/{ON_CALL}/kick")
        await desk.post(alert(host="db-1"), alert(host="web-1", severity="warning"))
        async with asyncio.timeout(60):
            while not any("db-1" in each for each in await desk.texts(PRIVATE)):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)
        [shown] = [each for each in await desk.texts(PRIVATE) if "db-1" in each]
        assert f"для чата {ON_CALL}" in shown
        assert "web-1" not in shown


async def test_a_shared_choice_is_seen_by_every_bridge_on_one_database(
    tmp_path: Path, local: LocalTelegram
) -> None:
    """Nothing is remembered beyond a transaction: what one bridge is told another knows."""
    async with open_desk(tmp_path, local) as desk, open_desk(tmp_path, local) as other:
        await desk.subscribe(PRIVATE)
        await other.told(alert(host="web-1"), group="web")
        await other.choose(PRIVATE, "notify off")
        await desk.told(alert(host="db-1"), group="db")
        texts = await desk.texts(PRIVATE)
        assert len(texts) == 1
        assert "web-1" in texts[0]
