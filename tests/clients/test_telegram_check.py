"""Whether a destination takes messages, asked without showing one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram.types import (
    ChatMemberAdministrator,
    ChatMemberMember,
    ChatMemberRestricted,
    ChatPermissions,
    User,
)
from aiohttp import web

from bridge.clients.telegram import Telegram, judge_rights
from bridge.core.audience import Destination
from bridge.core.formatted import Content, Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram

FINE = Sent(0)
BOT = User(id=7, is_bot=True, first_name="Opswire")
TOPIC = Destination(OPERATIONS, ALERTS)


def reason(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Failed) else None


@pytest.mark.parametrize(
    "destination",
    [Destination(ADA), Destination(ON_CALL), Destination(OPERATIONS), TOPIC],
    ids=str,
)
async def test_a_destination_that_takes_messages_is_fine_and_shows_nothing_of_the_question(
    telegram: Telegram, local: LocalTelegram, destination: Destination
) -> None:
    before = await local.control.get("/transcript")
    assert await telegram.check(destination) == FINE
    assert (await local.control.get("/transcript")).json() == before.json()


@pytest.mark.parametrize(
    ("change", "destination"),
    [
        ("block", Destination(ADA)),
        ("delete", Destination(ADA)),
        ("kick", Destination(ON_CALL)),
        ("delete", Destination(ON_CALL)),
        ("kick", Destination(OPERATIONS)),
        ("kick", TOPIC),
    ],
    ids=str,
)
async def test_a_chat_that_would_refuse_a_message_refuses_the_question(
    telegram: Telegram, local: LocalTelegram, change: str, destination: Destination
) -> None:
    await local.post(f"/chats/{destination.chat_id}/{change}")
    assert reason(await telegram.check(destination)) is Reason.CHAT_REFUSES


async def test_a_chat_that_nobody_knows_is_found_out(telegram: Telegram) -> None:
    assert reason(await telegram.check(Destination(424242))) is Reason.CHAT_REFUSES
    assert reason(await telegram.check(Destination(-424242))) is Reason.CHAT_REFUSES


async def test_a_chat_that_takes_us_back_is_fine_again(
    telegram: Telegram, local: LocalTelegram
) -> None:
    await local.post(f"/chats/{ON_CALL}/kick")
    assert reason(await telegram.check(Destination(ON_CALL))) is Reason.CHAT_REFUSES
    await local.post(f"/chats/{ON_CALL}/add")
    assert await telegram.check(Destination(ON_CALL)) == FINE


async def test_a_group_that_moved_is_found_out_with_its_new_place(
    telegram: Telegram, local: LocalTelegram
) -> None:
    risen = (await local.post(f"/chats/{ON_CALL}/migrate"))["chat"]["id"]
    outcome = await telegram.check(Destination(ON_CALL))
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.moved_to) == (Reason.MIGRATED, risen)


@pytest.mark.parametrize("change", ["close", "delete"])
async def test_a_topic_that_takes_nothing_is_found_out_and_the_chat_around_it_is_fine(
    telegram: Telegram, local: LocalTelegram, change: str
) -> None:
    await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/{change}")
    assert reason(await telegram.check(TOPIC)) is Reason.TOPIC_GONE
    assert await telegram.check(Destination(OPERATIONS)) == FINE


async def test_a_topic_that_is_opened_again_is_fine_again(
    telegram: Telegram, local: LocalTelegram
) -> None:
    await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/close")
    assert reason(await telegram.check(TOPIC)) is Reason.TOPIC_GONE
    await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/reopen")
    assert await telegram.check(TOPIC) == FINE


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "500"}, Reason.OUTAGE),
        ({"kind": "502_html"}, Reason.OUTAGE),
        ({"kind": "drop"}, Reason.OUTAGE),
        ({"kind": "429"}, Reason.RATE_LIMIT),
        ({"kind": "error", "code": 401, "description": "Unauthorized"}, Reason.NOT_AUTHORISED),
    ],
    ids=str,
)
async def test_a_question_that_fails_says_nothing_about_the_chat(
    telegram: Telegram, local: LocalTelegram, fault: dict[str, object], expected: Reason
) -> None:
    for method in ("sendChatAction", "sendMessage", "getChatMember"):
        await local.post("/faults", method=method, count=1, **fault)
        outcome = await telegram.check(TOPIC)
        assert reason(outcome) is expected
        assert local.sandbox.bot_token not in repr(outcome)
    assert await telegram.check(TOPIC) == FINE


@asynccontextmanager
async def open_telegram_that_answers(**results: Any) -> AsyncIterator[Telegram]:
    """Run a Bot API with one answer to each method."""

    async def answer(request: web.Request) -> web.Response:
        result = results[request.match_info["method"]]
        return web.json_response({"ok": True, "result": result})

    app = web.Application()
    app.add_routes([web.post("/bot{token}/{method}", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    telegram = Telegram(f"7:{'A' * 35}", api_base=f"http://127.0.0.1:{port}")
    yield telegram
    await telegram.close()
    await runner.cleanup()


MEMBER = {"status": "member", "user": BOT.model_dump(exclude_none=True)}
CHAT = {
    "id": ON_CALL,
    "type": "group",
    "accent_color_id": 1,
    "max_reaction_count": 11,
    "accepted_gift_types": dict.fromkeys(
        (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        ),
        False,
    ),
}


async def test_a_group_that_lets_nobody_write_is_found_out() -> None:
    closed = CHAT | {"permissions": {"can_send_messages": False}}
    async with open_telegram_that_answers(
        sendChatAction=True, getChatMember=MEMBER, getChat=closed
    ) as telegram:
        assert reason(await telegram.check(Destination(ON_CALL))) is Reason.CHAT_REFUSES
    async with open_telegram_that_answers(
        sendChatAction=True, getChatMember=MEMBER, getChat=CHAT
    ) as telegram:
        assert await telegram.check(Destination(ON_CALL)) == FINE


async def test_an_answer_of_another_version_of_telegram_breaks_no_destination() -> None:
    old = {"id": ON_CALL, "type": "group"}
    async with open_telegram_that_answers(
        sendChatAction=True, getChatMember=MEMBER, getChat=old
    ) as telegram:
        assert await telegram.check(Destination(ON_CALL)) == FINE


async def test_a_message_that_is_shown_does_not_come_again_for_a_strange_answer() -> None:
    content = Content(text=Formatted("a card"))
    async with open_telegram_that_answers(
        sendMessage={"message_id": 5, "of": "tomorrow"}, editMessageText={"message_id": 5}
    ) as telegram:
        for telegram_id in (None, 5):
            outcome = await telegram.show(
                Destination(ON_CALL), telegram_id, content, is_loud=True, reply_to=None
            )
            assert outcome == Sent(5)


def restricted(*, texts: bool, files: bool) -> ChatMemberRestricted:
    return ChatMemberRestricted.model_construct(
        user=BOT, can_send_messages=texts, can_send_documents=files
    )


def test_a_restricted_bot_needs_texts_and_can_do_without_files() -> None:
    assert judge_rights(restricted(texts=True, files=True), None) == FINE
    assert judge_rights(restricted(texts=True, files=False), None) == FINE
    assert reason(judge_rights(restricted(texts=False, files=True), None)) is Reason.CHAT_REFUSES


def test_a_plain_member_may_what_the_group_lets_everybody() -> None:
    member = ChatMemberMember(user=BOT)
    assert judge_rights(member, None) == FINE
    assert judge_rights(member, ChatPermissions()) == FINE
    assert judge_rights(member, ChatPermissions(can_send_documents=False)) == FINE
    forbidden = judge_rights(member, ChatPermissions(can_send_messages=False))
    assert reason(forbidden) is Reason.CHAT_REFUSES


def test_an_administrator_needs_leave_in_a_channel_only() -> None:
    nobody_writes = ChatPermissions(can_send_messages=False)
    group = ChatMemberAdministrator.model_construct(user=BOT, can_post_messages=None)
    channel = ChatMemberAdministrator.model_construct(user=BOT, can_post_messages=False)
    assert judge_rights(group, nobody_writes) == FINE
    assert reason(judge_rights(channel, None)) is Reason.CHAT_REFUSES


async def test_the_bot_is_known(telegram: Telegram) -> None:
    assert await telegram.probe() is None


async def test_a_telegram_that_cannot_say_who_we_are_is_an_outage(
    telegram: Telegram, local: LocalTelegram
) -> None:
    await local.post("/faults", method="getMe", kind="502_html", count=1)
    with pytest.raises(Outage):
        await telegram.probe()
