from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import FilePayload, expect

from tests.sandbox_page.desk import ADA, BORIS, DESKTOP, MALLORY, ON_CALL, PHONE, every_look

if TYPE_CHECKING:
    from tests.sandbox_page.desk import Bot, Desks, Look

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@every_look
async def test_what_a_person_writes_reaches_the_bot_and_its_answer_appears(
    desks: Desks, bot: Bot, look: Look
) -> None:
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    await desk.write("is the server well?")
    heard = await bot.hear("message")
    assert heard["text"] == "is the server well?"
    assert heard["from"]["id"] == ADA
    await expect(desk.page.locator(".mine .words")).to_have_text("is the server well?")
    await bot.say(ADA, "It is.")
    await expect(desk.page.locator(".theirs .words")).to_have_text("It is.")
    await expect(desk.page.locator(".input")).to_have_value("")
    assert not await desk.has_sideways_scroll()


@every_look
async def test_a_pressed_button_spins_until_the_bot_answers(
    desks: Desks, bot: Bot, look: Look
) -> None:
    keys = [[{"text": "Acknowledge", "callback_data": "ack", "style": "success"}]]
    await bot.say(ADA, "Server is down", reply_markup={"inline_keyboard": keys})
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    key = desk.page.get_by_role("button", name="Acknowledge")
    await key.click()
    await expect(desk.page.locator(".spinner")).to_be_visible()
    query = await bot.hear("callback_query")
    assert query["data"] == "ack"
    await bot.call("answerCallbackQuery", callback_query_id=query["id"], text="Noted, Ada")
    await expect(desk.page.locator(".toast")).to_have_text("Noted, Ada")
    await expect(desk.page.locator(".spinner")).to_have_count(0)


async def test_an_alert_answer_opens_a_dialog_that_escape_closes(desks: Desks, bot: Bot) -> None:
    keys = [[{"text": "Why?", "callback_data": "why"}]]
    await bot.say(ADA, "Load is high", reply_markup={"inline_keyboard": keys})
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.get_by_role("button", name="Why?").click()
    query = await bot.hear("callback_query")
    await bot.call(
        "answerCallbackQuery", callback_query_id=query["id"], text="Backups run", show_alert=True
    )
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Backups run")
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.get_by_role("dialog")).to_have_count(0)


async def test_an_answer_to_one_person_is_not_shown_to_another(desks: Desks, bot: Bot) -> None:
    keys = [[{"text": "Ack", "callback_data": "a"}]]
    await bot.say(ON_CALL, "Disk is full", reply_markup={"inline_keyboard": keys})
    ada, boris = await desks.open(), await desks.open()
    await boris.speak_as("Boris Petrov")
    await expect(boris.page.locator(".toast")).to_have_count(1)
    for desk in (ada, boris):
        await desk.open_chat(ON_CALL)
    await ada.page.get_by_role("button", name="Ack").click()
    query = await bot.hear("callback_query")
    await bot.call("answerCallbackQuery", callback_query_id=query["id"], text="for Ada alone")
    await expect(ada.page.locator(".toast", has_text="for Ada alone")).to_be_visible()
    await bot.say(ON_CALL, "later")
    await expect(boris.page.locator(".words", has_text="later")).to_be_visible()
    assert await boris.page.locator(".toast", has_text="for Ada alone").count() == 0


async def test_a_slash_completes_the_commands_of_this_chat(desks: Desks, bot: Bot) -> None:
    commands = [
        {"command": name, "description": f"about {name}"} for name in ("help", "start", "status")
    ]
    await bot.call("setMyCommands", commands=commands)
    desk = await desks.open()
    await desk.open_chat(ADA)
    field = desk.page.locator(".input")
    options = desk.page.get_by_role("option")
    await field.press_sequentially("/")
    await expect(options).to_have_count(3)
    await field.press_sequentially("st")
    await expect(options).to_have_count(2)
    await field.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await field.press("Tab")
    await expect(field).to_have_value("/status ")
    await expect(options).to_have_count(0)
    await field.press("Enter")
    assert (await bot.hear("message"))["text"] == "/status"


async def test_the_menu_follows_when_the_bot_changes_it(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.get_by_role("button", name="Commands").click()
    await expect(desk.page.locator(".toast")).to_contain_text("no commands")
    await bot.call("setMyCommands", commands=[{"command": "hosts", "description": "All hosts"}])
    slash = desk.page.get_by_role("button", name="Commands")
    option = desk.page.get_by_role("option", name="/hosts")
    async with asyncio.timeout(60):
        while not await option.is_visible():
            await slash.click()
    await option.click()
    await expect(desk.page.locator(".input")).to_have_value("/hosts ")


async def test_a_tapped_command_is_said(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "Try /status now")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.get_by_role("button", name="/status", exact=True).click()
    assert (await bot.hear("message"))["text"] == "/status"


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_reply_keyboard_says_its_words_and_leaves_once_used(
    desks: Desks, bot: Bot, look: Look
) -> None:
    board = {
        "keyboard": [["Status", "Hosts"], ["Cancel"]],
        "one_time_keyboard": True,
        "resize_keyboard": True,
        "input_field_placeholder": "What shall I show?",
    }
    await bot.say(ADA, "Choose", reply_markup=board)
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    keys = desk.page.locator(".reply-key")
    await expect(keys).to_have_text(["Status", "Hosts", "Cancel"])
    await expect(desk.page.locator(".input")).to_have_attribute("placeholder", "What shall I show?")
    assert not await desk.has_sideways_scroll()
    await keys.nth(1).click()
    assert (await bot.hear("message"))["text"] == "Hosts"
    await expect(keys.first).to_be_hidden()
    await desk.page.get_by_role("button", name="Suggested answers").click()
    await expect(keys.first).to_be_visible()
    await bot.say(ADA, "Gone", reply_markup={"remove_keyboard": True})
    await expect(keys).to_have_count(0)


async def test_a_forced_reply_answers_the_question(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    asked = await bot.say(ADA, "Which host?", reply_markup={"force_reply": True})
    await expect(desk.page.locator(".context")).to_contain_text("Reply to Opswire")
    await desk.write("Server")
    assert (await bot.hear("message"))["reply_to_message"]["message_id"] == asked
    await expect(desk.page.locator(".mine .quote")).to_contain_text("Which host?")
    await expect(desk.page.locator(".context")).to_be_hidden()


async def test_arrow_up_edits_the_own_last_message(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.write("al is well")
    await expect(desk.page.locator(".mine")).to_have_count(1)
    await desk.page.locator(".input").press("ArrowUp")
    await expect(desk.page.locator(".input")).to_have_value("al is well")
    await desk.write("all is well")
    assert (await bot.hear("edited_message"))["text"] == "all is well"
    await expect(desk.page.locator(".mine .words")).to_have_text("all is well")
    await expect(desk.page.locator(".mine .edited")).to_be_visible()


async def test_a_reaction_is_shown_and_taken_back(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "Server is back")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.locator(".theirs").hover()
    await desk.page.get_by_role("button", name="Message actions").click()
    await desk.page.get_by_role("menuitem", name="React with 👍").click()
    shown = desk.page.locator(".reaction")
    await expect(shown).to_have_text("👍")
    await expect(shown).to_have_attribute("aria-pressed", "true")
    await shown.click()
    await expect(shown).to_have_count(0)


async def test_a_file_goes_out_with_its_caption_and_comes_back_whole(
    desks: Desks, bot: Bot
) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    payload = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"disk 91 %\n")
    await desk.page.locator("input[type=file]").set_input_files(payload)
    await expect(desk.page.locator(".chip")).to_contain_text("notes.txt")
    await desk.write("from the host")
    heard = await bot.hear("message")
    assert heard["caption"] == "from the host"
    assert heard["document"]["file_name"] == "notes.txt"
    async with desk.page.expect_download() as waiting:
        await desk.page.locator(".document").click()
    download = await waiting.value
    assert download.suggested_filename == "notes.txt"
    assert (await download.path()).read_bytes() == b"disk 91 %\n"


async def test_a_stranger_begins_with_the_start_button(desks: Desks, bot: Bot) -> None:
    desk = await desks.open(PHONE)
    await desk.speak_as("Mallory Stranger")
    await desk.open_chat(MALLORY)
    await expect(desk.page.locator(".input")).to_be_hidden()
    await desk.page.get_by_role("button", name="Start").click()
    heard = await bot.hear("message")
    assert (heard["text"], heard["from"]["id"]) == ("/start", MALLORY)
    await expect(desk.page.locator(".input")).to_be_visible()


async def test_another_person_sees_their_own_chats(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await expect(desk.page.locator(f"[data-chat='{ADA}']")).to_be_visible()
    await desk.speak_as("Boris Petrov")
    await expect(desk.page.locator(f"[data-chat='{ADA}']")).to_have_count(0)
    await desk.open_chat(BORIS)
    await desk.write("Boris here")
    assert (await bot.hear("message"))["from"]["id"] == BORIS
    await desk.page.reload()
    await expect(desk.page.locator(".speaker-name")).to_have_text("Boris Petrov")


async def test_a_link_to_the_bot_with_a_code_starts_it_here(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "Come in: https://t.me/opswire_sandbox_bot?start=once-42")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.locator(".words a").click()
    assert (await bot.hear("message"))["text"] == "/start once-42"


async def test_a_refused_message_stays_in_the_field(desks: Desks) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.route(
        "**/control/say",
        lambda route: route.fulfill(status=400, json={"error": "The topic is closed."}),
    )
    await desk.write("do not lose me")
    await expect(desk.page.locator(".toast.bad")).to_have_text("The topic is closed.")
    await expect(desk.page.locator(".input")).to_have_value("do not lose me")


async def test_a_blocked_bot_is_refused_until_it_is_let_in_again(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    menu = desk.page.get_by_role("button", name="What may happen to this chat")
    await menu.click()
    await desk.page.get_by_role("menuitem", name="Block the bot").click()
    await expect(desk.page.locator(".subtitle")).to_have_text("you blocked this bot")
    refused = await bot.client.post(
        f"{bot.address}/sendMessage", json={"chat_id": ADA, "text": "?"}
    )
    assert refused.json()["error_code"] == 403
    await menu.click()
    await desk.page.get_by_role("menuitem", name="Unblock the bot").click()
    await expect(desk.page.locator(".subtitle")).to_have_text("bot")
    await bot.say(ADA, "thank you")


async def test_a_group_that_becomes_a_supergroup_is_followed(desks: Desks, bot: Bot) -> None:
    await bot.say(ON_CALL, "before")
    desk = await desks.open()
    await desk.open_chat(ON_CALL)
    await desk.page.get_by_role("button", name="What may happen to this chat").click()
    await desk.page.get_by_role("menuitem", name="Make it a supergroup").click()
    await desk.page.get_by_role("button", name="Make it one").click()
    await expect(desk.page.locator(f"[data-chat='{ON_CALL}']")).to_have_count(0)
    await desk.write("still here?")
    while (heard := await bot.hear("message")).get("text") != "still here?":
        pass
    assert heard["chat"]["type"] == "supergroup"


async def test_an_edit_leaves_the_keyboard_users_focus_where_it_was(desks: Desks, bot: Bot) -> None:
    def keys(word: str) -> dict[str, object]:
        buttons = [{"text": "First", "callback_data": "1"}, {"text": word, "callback_data": "2"}]
        return {"inline_keyboard": [buttons]}

    message_id = await bot.say(ADA, "page 1", reply_markup=keys("Next"))
    desk = await desks.open()
    await desk.open_chat(ADA)
    key = desk.page.get_by_role("button", name="Next", exact=True)
    await key.focus()
    await key.press("Enter")
    query = await bot.hear("callback_query")
    await bot.call("answerCallbackQuery", callback_query_id=query["id"])
    await bot.call(
        "editMessageText",
        chat_id=ADA,
        message_id=message_id,
        text="page 2",
        reply_markup=keys("Further"),
    )
    await expect(desk.page.get_by_role("button", name="Further")).to_be_focused()
