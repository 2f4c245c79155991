from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BufferedInputFile,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    KeyboardButton,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)

from tests.sandbox.conftest import ADA, ALERTS, MALLORY, ON_CALL, OPERATIONS, draw_png

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.types import Message

    from tests.sandbox.conftest import Control

BUTTONS = InlineKeyboardMarkup(
    inline_keyboard=[
        [InlineKeyboardButton(text="Ack", callback_data="ack:1", style="success")],
        [InlineKeyboardButton(text="Runbook", url="https://example.org/runbook")],
    ]
)


def png(name: str = "chart.png", shade: int = 0) -> BufferedInputFile:
    return BufferedInputFile(draw_png(shade=shade), name)


async def test_the_bot_learns_who_it_is(bot: Bot) -> None:
    me = await bot.get_me()

    assert (me.id, me.username, me.is_bot) == (7_000_000_001, "opswire_sandbox_bot", True)


async def test_a_wrong_token_is_unauthorized(bot: Bot) -> None:
    stranger = type(bot)("7000000001:" + "x" * 35, session=bot.session)

    with pytest.raises(TelegramUnauthorizedError):
        await stranger.get_me()


async def test_html_becomes_entities(bot: Bot) -> None:
    message = await bot.send_message(ADA, "<b>down</b> &lt;host&gt;", parse_mode="HTML")

    assert message.text == "down <host>"
    assert message.entities is not None
    assert (message.entities[0].type, message.entities[0].length) == ("bold", 4)


async def test_explicit_entities_come_back(bot: Bot) -> None:
    entity = MessageEntity(type="code", offset=0, length=4)

    message = await bot.send_message(ADA, "host x", entities=[entity])

    assert message.entities is not None
    assert message.entities[0].type == "code"


async def test_broken_markup_is_refused_in_telegrams_words(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="can't parse entities"):
        await bot.send_message(ADA, "<host> is down", parse_mode="HTML")


@pytest.mark.parametrize(
    ("chat_id", "text", "wording"),
    [
        (424242, "hi", "chat not found"),
        (MALLORY, "hi", "chat not found"),
        (ADA, "x" * 4097, "message is too long"),
        (ADA, "  \n ", "must be non-empty|text is empty"),
    ],
)
async def test_what_telegram_refuses_is_refused(
    bot: Bot, chat_id: int, text: str, wording: str
) -> None:
    with pytest.raises(TelegramBadRequest, match=wording):
        await bot.send_message(chat_id, text)


async def test_keyboards_are_kept_and_checked(bot: Bot, control: Control) -> None:
    await bot.send_message(ADA, "card", reply_markup=BUTTONS)
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="/status")]], resize_keyboard=True)
    await bot.send_message(ADA, "keys", reply_markup=keys)
    await bot.send_message(ADA, "gone", reply_markup=ReplyKeyboardRemove())
    await bot.send_message(ADA, "reply", reply_markup=ForceReply(selective=True))

    card, keyed, gone, forced = await control.messages()
    assert card["inline_keyboard"][0][0]["style"] == "success"
    assert keyed["reply_keyboard"] == [[{"text": "/status"}]]
    assert keyed["reply_keyboard_options"]["resize_keyboard"] is True
    assert gone["remove_keyboard"]
    assert forced["force_reply"]
    long_data = InlineKeyboardButton(text="x", callback_data="é" * 33)
    with pytest.raises(TelegramBadRequest, match="BUTTON_DATA_INVALID"):
        await bot.send_message(
            ADA, "x", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[long_data]])
        )


async def test_a_reply_shows_what_it_answers_and_a_missing_one_is_refused(bot: Bot) -> None:
    first = await bot.send_message(ADA, "first")

    second = await bot.send_message(
        ADA, "second", reply_parameters=ReplyParameters(message_id=first.message_id)
    )

    assert second.reply_to_message is not None
    assert second.reply_to_message.text == "first"
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(ADA, "third", reply_parameters=ReplyParameters(message_id=99))
    lenient = ReplyParameters(message_id=99, allow_sending_without_reply=True)
    assert (await bot.send_message(ADA, "third", reply_parameters=lenient)).reply_to_message is None


async def test_topics_open_close_and_vanish(bot: Bot) -> None:
    message = await bot.send_message(OPERATIONS, "in Alerts", message_thread_id=ALERTS)
    assert (message.message_thread_id, message.is_topic_message) == (ALERTS, True)
    assert (await bot.send_message(OPERATIONS, "in General")).message_thread_id is None

    topic = await bot.create_forum_topic(OPERATIONS, "Backups")
    thread_id = topic.message_thread_id
    await bot.send_message(OPERATIONS, "hello", message_thread_id=thread_id)
    assert await bot.edit_forum_topic(OPERATIONS, thread_id, name="Restores")
    assert await bot.close_forum_topic(OPERATIONS, thread_id)
    with pytest.raises(TelegramBadRequest, match="TOPIC_CLOSED"):
        await bot.send_message(OPERATIONS, "hello", message_thread_id=thread_id)
    assert await bot.reopen_forum_topic(OPERATIONS, thread_id)
    assert await bot.delete_forum_topic(OPERATIONS, thread_id)
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_message(OPERATIONS, "hello", message_thread_id=thread_id)


async def test_an_edit_changes_the_card_and_the_same_edit_is_refused(
    bot: Bot, control: Control
) -> None:
    sent = await bot.send_message(ADA, "firing", reply_markup=BUTTONS)

    edited = await bot.edit_message_text("resolved", chat_id=ADA, message_id=sent.message_id)

    assert isinstance(edited, type(sent))
    assert (edited.text, edited.reply_markup) == ("resolved", None)
    assert edited.edit_date is not None
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("resolved", chat_id=ADA, message_id=sent.message_id)
    (shown,) = await control.messages()
    assert shown["edits"] == 1
    assert shown["history"][0]["text"] == "firing"


async def test_a_change_of_markup_alone_counts_as_an_edit(bot: Bot) -> None:
    sent = await bot.send_message(ADA, "card", reply_markup=BUTTONS)

    bare = await bot.edit_message_reply_markup(chat_id=ADA, message_id=sent.message_id)

    assert not isinstance(bare, bool)
    assert bare.reply_markup is None
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_reply_markup(chat_id=ADA, message_id=sent.message_id)


async def test_only_own_messages_that_exist_are_edited(bot: Bot, control: Control) -> None:
    said = await control.say("mine")

    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=ADA, message_id=said["message"]["message_id"])
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=ADA, message_id=77)


async def test_a_chart_is_sent_edited_and_downloaded(bot: Bot) -> None:
    sent = await bot.send_photo(ADA, png(), caption="<b>cpu</b>", parse_mode="HTML")
    assert sent.photo is not None
    assert (sent.photo[-1].width, sent.photo[-1].height) == (40, 30)
    assert sent.caption == "cpu"

    media = InputMediaPhoto(media=png(shade=90), caption="later")
    edited = await bot.edit_message_media(media, chat_id=ADA, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.caption == "later"
    recaptioned = await bot.edit_message_caption(
        chat_id=ADA, message_id=sent.message_id, caption="latest"
    )
    assert not isinstance(recaptioned, bool)
    assert recaptioned.caption == "latest"
    with pytest.raises(TelegramBadRequest, match="no text in the message to edit"):
        await bot.edit_message_text("x", chat_id=ADA, message_id=sent.message_id)

    assert edited.photo is not None
    kept = io.BytesIO()
    await bot.download(edited.photo[-1], destination=kept)
    assert kept.getvalue() == draw_png(shade=90)
    again = await bot.send_photo(ADA, edited.photo[-1].file_id)
    assert again.photo is not None
    assert again.photo[-1].file_id == edited.photo[-1].file_id


async def test_a_document_keeps_name_and_kind(bot: Bot) -> None:
    log = BufferedInputFile(b"line\n" * 10, "agent.log.txt")

    sent = await bot.send_document(ADA, log, caption="log")

    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("agent.log.txt", 50)
    assert sent.document.mime_type == "text/plain"
    with pytest.raises(TelegramBadRequest, match="file must be non-empty"):
        await bot.send_document(ADA, BufferedInputFile(b"", "empty.txt"))


async def test_what_is_no_picture_is_refused_as_a_photo(bot: Bot, control: Control) -> None:
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await bot.send_photo(ADA, BufferedInputFile(b"not a picture", "x.png"))

    assert await control.messages() == []


async def test_an_album_arrives_whole(bot: Bot) -> None:
    album = await bot.send_media_group(
        ADA, [InputMediaPhoto(media=png(shade=shade), caption="a") for shade in (1, 2, 3)]
    )

    assert len({message.media_group_id for message in album}) == 1
    assert [message.message_id for message in album] == [1, 2, 3]
    with pytest.raises(TelegramBadRequest):
        await bot.send_media_group(ADA, [InputMediaPhoto(media=png())])
    mixed = [
        InputMediaPhoto(media=png()),
        InputMediaDocument(media=BufferedInputFile(b"x", "x.txt")),
    ]
    with pytest.raises(TelegramBadRequest, match="can't be mixed with other media"):
        await bot.send_media_group(ADA, mixed)  # type: ignore[arg-type]  # invariance of list


async def test_messages_are_deleted_within_two_days(bot: Bot, control: Control) -> None:
    first, second, old = [await bot.send_message(ADA, text) for text in ("a", "b", "c")]

    assert await bot.delete_message(ADA, first.message_id)
    assert await bot.delete_messages(ADA, [second.message_id, 999])
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(ADA, first.message_id)
    await control.post("/clock", advance_seconds=48 * 3600 + 1)
    with pytest.raises(TelegramBadRequest, match="message can't be deleted"):
        await bot.delete_message(ADA, old.message_id)
    assert [message["text"] for message in await control.messages()] == ["c"]


async def test_the_narrowest_menu_in_ones_own_language_is_shown(bot: Bot, control: Control) -> None:
    await bot.set_my_commands([BotCommand(command="help", description="Help")])
    private = BotCommandScopeAllPrivateChats()
    russian = [BotCommand(command="status", description="Состояние")]
    await bot.set_my_commands(russian, scope=private, language_code="ru")
    for_ada = [BotCommand(command="admin", description="Admin")]
    await bot.set_my_commands(for_ada, scope=BotCommandScopeChat(chat_id=ADA))

    async def menu(path: str) -> list[str]:
        body = await control.get(path)
        return [command["command"] for command in body["commands"]]

    assert await menu("/chats/1001/commands?person_id=1001") == ["admin"]
    assert await menu("/chats/1002/commands?person_id=1002") == ["status"]
    assert await menu("/chats/1003/commands?person_id=1003") == ["help"]
    (kept,) = await bot.get_my_commands(scope=private, language_code="ru")
    assert (kept.command, kept.description) == ("status", "Состояние")
    assert await bot.delete_my_commands(scope=private, language_code="ru")
    assert await bot.get_my_commands(scope=private, language_code="ru") == []
    with pytest.raises(TelegramBadRequest, match="BOT_COMMAND_INVALID"):
        await bot.set_my_commands([BotCommand(command="no-dash", description="x")])


async def test_chats_and_members_are_described(bot: Bot) -> None:
    assert (await bot.get_chat(OPERATIONS)).is_forum
    assert (await bot.get_chat(ADA)).username == "ada"
    assert (await bot.get_chat_member(ON_CALL, ADA)).status == "creator"
    assert (await bot.get_chat_member(ON_CALL, MALLORY)).status == "left"
    administrators = await bot.get_chat_administrators(ON_CALL)
    assert {member.user.id for member in administrators} == {ADA, bot.id}
    assert await bot.get_chat_member_count(ON_CALL) == 4


async def test_reactions_and_pins_are_put_and_taken(bot: Bot, control: Control) -> None:
    sent = await bot.send_message(ON_CALL, "card")

    assert await bot.set_message_reaction(ON_CALL, sent.message_id, [ReactionTypeEmoji(emoji="👀")])
    with pytest.raises(TelegramBadRequest, match="REACTION_INVALID"):
        await bot.set_message_reaction(ON_CALL, sent.message_id, [ReactionTypeEmoji(emoji="🛠")])
    assert await bot.pin_chat_message(ON_CALL, sent.message_id, disable_notification=True)
    pinned = (await bot.get_chat(ON_CALL)).pinned_message
    assert pinned is not None
    assert pinned.message_id == sent.message_id
    assert await bot.unpin_chat_message(ON_CALL, message_id=sent.message_id)
    assert await bot.unpin_all_chat_messages(ON_CALL)

    shown = next(each for each in await control.messages(ON_CALL) if each["text"] == "card")
    assert shown["reactions"] == [{"by": bot.id, "emoji": "👀"}]


async def test_copies_and_forwards_carry_the_content(bot: Bot) -> None:
    sent = await bot.send_message(ADA, "<b>card</b>", parse_mode="HTML")

    copied = await bot.copy_message(ON_CALL, ADA, sent.message_id)
    forwarded: Message = await bot.forward_message(ON_CALL, ADA, sent.message_id)

    assert copied.message_id < forwarded.message_id
    assert forwarded.text == "card"
    assert forwarded.forward_origin is not None


async def test_the_chat_action_is_shown(bot: Bot) -> None:
    assert await bot.send_chat_action(ADA, "upload_photo")
    with pytest.raises(TelegramBadRequest, match="wrong parameter action"):
        await bot.send_chat_action(ADA, "dancing")


async def test_a_method_the_sandbox_lacks_fails_loudly(bot: Bot) -> None:
    with pytest.raises(Exception, match="the sandbox does not know sendDice"):
        await bot.send_dice(ADA)


async def test_every_kind_of_update_is_one_that_the_client_knows(
    bot: Bot, control: Control
) -> None:
    kinds = ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]
    await bot.get_updates(allowed_updates=kinds)
    card = await bot.send_message(ADA, "card", reply_markup=BUTTONS)
    said = (await control.say("hello"))["message"]["message_id"]
    await control.post("/edit", chat_id=ADA, person_id=ADA, message_id=said, text="hello!")
    where = {"chat_id": ADA, "person_id": ADA, "message_id": card.message_id}
    await control.post("/press", **where, row=0, column=0)
    await control.post("/react", **where, emoji="👍")
    await control.post(f"/chats/{ADA}/block")
    await control.post(f"/chats/{ON_CALL}/kick")

    updates = await bot.get_updates()

    assert [update.event_type for update in updates] == [
        "message",
        "edited_message",
        "callback_query",
        "message_reaction",
        "my_chat_member",
        "my_chat_member",
    ]


async def test_a_webhook_is_set_shown_and_taken_away(bot: Bot) -> None:
    assert await bot.set_webhook(
        "http://127.0.0.1:9/hook", secret_token="s", allowed_updates=["message"]
    )
    told = await bot.get_webhook_info()
    assert (told.url, told.allowed_updates) == ("http://127.0.0.1:9/hook", ["message"])

    assert await bot.delete_webhook(drop_pending_updates=True)

    assert (await bot.get_webhook_info()).url == ""
