from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.sandbox.conftest import ADA, ON_CALL, PATIENCE

if TYPE_CHECKING:
    from aiogram import Bot

    from sandbox.server import RunningSandbox
    from tests.sandbox.conftest import Control, Wire


async def fetch(wire: Wire, **fields: Any) -> list[Any]:
    answer = await wire.call("getUpdates", **fields)
    assert answer["ok"], answer
    updates: list[Any] = answer["result"]
    return updates


async def test_an_update_waits_until_its_offset_is_passed(wire: Wire, control: Control) -> None:
    for text in ("one", "two", "three"):
        await control.say(text)

    first = await fetch(wire)
    again = await fetch(wire, offset=first[0]["update_id"])
    later = await fetch(wire, offset=first[1]["update_id"])

    assert [update["message"]["text"] for update in first] == ["one", "two", "three"]
    assert again == first
    assert [update["message"]["text"] for update in later] == ["two", "three"]
    assert await fetch(wire) == later
    assert await fetch(wire, offset=later[-1]["update_id"] + 1) == []


async def test_a_negative_offset_keeps_the_newest_and_a_limit_the_oldest(
    wire: Wire, control: Control
) -> None:
    for text in ("one", "two", "three"):
        await control.say(text)

    assert [each["message"]["text"] for each in await fetch(wire, limit=1)] == ["one"]
    assert [each["message"]["text"] for each in await fetch(wire, offset=-2)] == ["two", "three"]
    assert len(await fetch(wire)) == 2


async def test_a_held_poll_answers_as_soon_as_somebody_speaks(
    wire: Wire, control: Control, sandbox: RunningSandbox
) -> None:
    poll = asyncio.create_task(fetch(wire, timeout=30))
    await until_held(sandbox)
    await control.say("hello")

    updates = await asyncio.wait_for(poll, PATIENCE)

    assert updates[0]["message"]["text"] == "hello"


async def test_a_second_poll_ends_the_first_with_a_conflict(
    wire: Wire, control: Control, sandbox: RunningSandbox
) -> None:
    first = asyncio.create_task(wire.call("getUpdates", timeout=30))
    await until_held(sandbox)
    second = asyncio.create_task(wire.call("getUpdates", timeout=30))

    refused = await asyncio.wait_for(first, PATIENCE)
    await until_held(sandbox)
    await control.say("hello")

    assert refused["error_code"] == 409
    assert "terminated by other getUpdates request" in refused["description"]
    assert (await asyncio.wait_for(second, PATIENCE))["ok"]


async def test_polling_conflicts_with_a_webhook(wire: Wire) -> None:
    await wire.call("setWebhook", url="http://127.0.0.1:9/hook")

    refused = await wire.call("getUpdates")

    assert refused["error_code"] == 409
    assert "webhook is active" in refused["description"]
    await wire.call("deleteWebhook")
    assert (await wire.call("getUpdates"))["ok"]


async def test_allowed_updates_stay_in_force_until_named_again(
    wire: Wire, control: Control
) -> None:
    await fetch(wire, allowed_updates=["callback_query"])
    await control.say("unheard")
    assert await fetch(wire) == []

    await fetch(wire, allowed_updates=[])
    await control.say("heard")
    assert [update["message"]["text"] for update in await fetch(wire)] == ["heard"]


async def test_reactions_are_told_only_when_asked_for(
    wire: Wire, control: Control, bot: Bot
) -> None:
    sent = await bot.send_message(ADA, "card")
    reaction = {"chat_id": ADA, "person_id": ADA, "message_id": sent.message_id, "emoji": "👍"}
    await control.post("/react", **reaction)
    assert await fetch(wire) == []

    await fetch(wire, allowed_updates=["message_reaction"])
    await control.post("/react", **(reaction | {"emoji": None}))

    (update,) = await fetch(wire)
    assert update["message_reaction"]["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert update["message_reaction"]["new_reaction"] == []


async def test_old_presses_are_forgotten_before_old_messages(
    wire: Wire, control: Control, bot: Bot
) -> None:
    await press_a_button(control, bot)
    await control.say("kept")

    await control.post("/clock", advance_seconds=151)
    assert [list(update)[1] for update in await fetch(wire)] == ["message"]
    await control.post("/clock", advance_seconds=24 * 3600)
    assert await fetch(wire) == []


async def test_a_press_is_answered_once_and_in_time(wire: Wire, control: Control, bot: Bot) -> None:
    query_id = await press_a_button(control, bot)
    (update,) = await fetch(wire)
    assert update["callback_query"]["id"] == query_id
    assert update["callback_query"]["data"] == "ack:1"
    assert update["callback_query"]["message"]["text"] == "card"

    too_long = await wire.call("answerCallbackQuery", callback_query_id=query_id, text="x" * 201)
    answered = await wire.call("answerCallbackQuery", callback_query_id=query_id, text="done")
    twice = await wire.call("answerCallbackQuery", callback_query_id=query_id)
    late_id = await press_a_button(control, bot)
    await control.post("/clock", advance_seconds=16)
    late = await wire.call("answerCallbackQuery", callback_query_id=late_id)

    assert not too_long["ok"]
    assert answered["ok"]
    assert "query is too old" in twice["description"]
    assert "query is too old" in late["description"]


async def test_blocking_and_kicking_tell_the_bot_how_it_stands(
    wire: Wire, control: Control
) -> None:
    await control.post(f"/chats/{ADA}/block")
    await control.post(f"/chats/{ON_CALL}/kick")
    await control.say("nobody listens", chat_id=ON_CALL)
    await control.post(f"/chats/{ON_CALL}/add")

    updates = await fetch(wire)

    moves = [update["my_chat_member"] for update in updates if "my_chat_member" in update]
    assert [move["new_chat_member"]["status"] for move in moves] == [
        "kicked",
        "kicked",
        "administrator",
    ]
    texts = [update.get("message", {}).get("text") for update in updates]
    assert "nobody listens" not in texts


async def test_migration_is_told_from_both_sides(wire: Wire, control: Control) -> None:
    risen = (await control.post(f"/chats/{ON_CALL}/migrate"))["chat"]

    away, came = [update["message"] for update in await fetch(wire)]

    assert away["chat"]["id"] == ON_CALL
    assert away["migrate_to_chat_id"] == risen["id"]
    assert came["chat"]["id"] == risen["id"]
    assert came["migrate_from_chat_id"] == ON_CALL


async def test_an_edited_message_is_told_as_such(wire: Wire, control: Control) -> None:
    said = (await control.say("/stauts"))["message"]
    edit = {"chat_id": ADA, "person_id": ADA, "message_id": said["message_id"]}
    await control.post("/edit", **edit, text="/status")

    first, second = await fetch(wire)

    assert first["message"]["entities"][0]["type"] == "bot_command"
    assert second["edited_message"]["text"] == "/status"


async def press_a_button(control: Control, bot: Bot) -> str:
    markup: Any = {"inline_keyboard": [[{"text": "Ack", "callback_data": "ack:1"}]]}
    sent = await bot.send_message(ADA, "card", reply_markup=markup)
    where = {"chat_id": ADA, "message_id": sent.message_id, "person_id": ADA}
    body = await control.post("/press", **where, row=0, column=0)
    query_id: str = body["query_id"]
    return query_id


async def until_held(sandbox: RunningSandbox) -> None:
    async with asyncio.timeout(PATIENCE):
        while sandbox.world.updates._held is None:  # noqa: ASYNC110 - no event tells of a held poll
            await asyncio.sleep(0)
