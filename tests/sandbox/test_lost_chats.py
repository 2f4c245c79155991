from __future__ import annotations

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
)
from aiogram.types import ReplyParameters

from tests.sandbox.conftest import ADA, ALERTS, ON_CALL, OPERATIONS, Control


async def test_blocked_kicked_deleted_and_upgraded_chats_say_so(bot: Bot, control: Control) -> None:
    await control.post(f"/chats/{ADA}/block")
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ADA, "x")
    await control.post(f"/chats/{ADA}/unblock")
    await bot.send_message(ADA, "x")

    await control.post(f"/chats/{OPERATIONS}/kick")
    with pytest.raises(TelegramForbiddenError, match="bot was kicked from the supergroup chat"):
        await bot.send_message(OPERATIONS, "x")
    await control.post(f"/chats/{OPERATIONS}/add")
    await bot.send_message(OPERATIONS, "x")

    risen = (await control.post(f"/chats/{ON_CALL}/migrate"))["chat"]["id"]
    with pytest.raises(TelegramMigrateToChat) as caught:
        await bot.send_message(ON_CALL, "x")
    assert caught.value.migrate_to_chat_id == risen
    await bot.send_message(risen, "x")


async def test_a_deleted_group_and_one_that_was_left_say_so(bot: Bot, control: Control) -> None:
    await control.post(f"/chats/{ON_CALL}/delete")
    await bot.leave_chat(OPERATIONS)

    with pytest.raises(TelegramForbiddenError, match="the group chat was deleted"):
        await bot.send_message(ON_CALL, "x")
    with pytest.raises(TelegramForbiddenError, match="bot is not a member of the supergroup chat"):
        await bot.send_message(OPERATIONS, "x")


async def test_a_chat_action_asks_after_the_chat_and_a_message_after_its_topic_first(
    bot: Bot, control: Control
) -> None:
    await control.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/delete")
    assert await bot.send_chat_action(OPERATIONS, "typing", message_thread_id=ALERTS)
    nothing = ReplyParameters(message_id=99_999)
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_message(OPERATIONS, "x", message_thread_id=ALERTS, reply_parameters=nothing)
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(OPERATIONS, "x", reply_parameters=nothing)

    await control.post(f"/chats/{OPERATIONS}/kick")
    with pytest.raises(TelegramForbiddenError, match="bot was kicked from the supergroup chat"):
        await bot.send_chat_action(OPERATIONS, "typing")
