"""Buttons and pictures, as the local Telegram sees them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest

from bridge.clients.telegram import Telegram
from bridge.clients.telegram_faults import translated
from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Entity, Formatted
from bridge.core.keyboards import Button, Keyboard, Offer
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage
from tests.fakes.local_telegram import ON_CALL, LocalTelegram

HERE = Destination(ON_CALL)
LIST = Button(label="List", press="list 7")
BUTTONS = Keyboard(
    ((LIST, Button(label="Chart", press="chart 7")), (Button(label="💾", copy="up"),))
)
CARD = Content(text=Formatted("a card"), keyboard=BUTTONS)
BOARD = Content(text=Formatted("all"), attachment=Attachment(name="all.txt", content=b"all\n"))


def draw(width: int = 40, height: int = 30) -> bytes:
    """Draw the smallest of pictures."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


PICTURE = Content(text=Formatted("a 🔥 chart", (Entity("bold", 2, 2),)), photo=draw())


async def show(telegram: Telegram, content: Content, telegram_id: int | None = None) -> Outcome:
    return await telegram.show(HERE, telegram_id, content, is_loud=True, reply_to=None)


async def number(telegram: Telegram, content: Content) -> int:
    sent = await show(telegram, content)
    assert isinstance(sent, Sent)
    return sent.telegram_id


def labels(message: Any) -> list[list[str]]:
    """Read the buttons under a message as the chat page has them."""
    return [[each["text"] for each in row] for row in message["inline_keyboard"] or []]


@pytest.mark.parametrize(
    "content",
    [CARD, replace(BOARD, keyboard=BUTTONS), replace(PICTURE, keyboard=BUTTONS)],
    ids=["text", "file", "picture"],
)
async def test_buttons_come_and_change_and_go_with_their_message(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    sent = await number(telegram, content)
    [message] = await local.messages()
    assert labels(message) == [["List", "Chart"], ["💾"]]
    fewer = replace(content, keyboard=Keyboard(((LIST,),)))
    assert await show(telegram, fewer, sent) == Sent(sent)
    [message] = await local.messages()
    assert labels(message) == [["List"]]
    assert message["inline_keyboard"][0][0]["callback_data"] == "list 7"
    assert await show(telegram, replace(content, keyboard=None), sent) == Sent(sent)
    [message] = await local.messages()
    assert labels(message) == []


async def test_what_changes_in_the_buttons_alone_is_an_edit(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await number(telegram, replace(CARD, keyboard=None))
    assert await show(telegram, CARD, sent) == Sent(sent)
    assert await show(telegram, CARD, sent) == Sent(sent), "what stands there counts as shown"
    [message] = await local.messages()
    assert labels(message)


async def test_words_are_offered_in_place_of_the_keyboard(
    telegram: Telegram, local: LocalTelegram
) -> None:
    offer = Content(text=Formatted("which?"), keyboard=Offer((("/stat web-1", "/stat db-1"), ())))
    sent = await number(telegram, offer)
    [call] = await local.calls("sendMessage")
    markup = str(call["parameters"]["reply_markup"])
    assert "/stat db-1" in markup
    assert "inline" not in markup
    # Such a message cannot be edited: it is shown anew.
    outcome = await show(telegram, CARD, sent)
    assert isinstance(outcome, Failed)
    assert outcome.reason is Reason.MESSAGE_GONE


@pytest.mark.parametrize("keyboard", [None, Keyboard(()), Keyboard(((),)), Offer(())])
async def test_without_a_button_there_is_no_keyboard(
    telegram: Telegram, local: LocalTelegram, keyboard: Keyboard | Offer | None
) -> None:
    sent = await number(telegram, replace(CARD, keyboard=keyboard))
    assert await show(telegram, Content(text=Formatted("b"), keyboard=keyboard), sent) == Sent(sent)
    assert all("reply_markup" not in call["parameters"] for call in await local.calls())


@pytest.mark.parametrize(
    "button",
    [
        Button(label="long", press="x" * 65),
        Button(label="link", url="javascript:alert(1)"),
        Button(label="copy", copy="x" * 300),
        Button(label="", press="list 7"),
        Button(label="nothing"),
    ],
    ids=["press", "url", "copy", "label", "action"],
)
async def test_a_keyboard_that_telegram_refuses_wants_another_form_and_that_has_none(
    telegram: Telegram, local: LocalTelegram, button: Button
) -> None:
    odd = replace(CARD, keyboard=Keyboard(((button,),)))
    for telegram_id in (None, await number(telegram, CARD)):
        outcome = await show(telegram, odd, telegram_id)
        assert isinstance(outcome, Failed)
        assert outcome.reason is Reason.BAD_MESSAGE
    assert len(await local.messages()) == 1


async def test_too_many_buttons_want_another_form(telegram: Telegram) -> None:
    outcome = await show(telegram, replace(CARD, keyboard=Keyboard((((LIST,) * 8),) * 20)))
    assert isinstance(outcome, Failed)
    assert outcome.reason is Reason.BAD_MESSAGE


async def test_a_picture_is_sent_with_its_caption_and_edited_in_place(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await number(telegram, PICTURE)
    [message] = await local.messages()
    assert (message["caption"], message["text"]) == ("a 🔥 chart", None)
    assert message["photo"]
    assert [each["type"] for each in message["caption_entities"]] == ["bold"]
    later = Content(text=Formatted("later"), photo=draw(60, 30))
    assert await show(telegram, later, sent) == Sent(sent)
    [message] = await local.messages()
    assert (message["caption"], message["edits"]) == ("later", 1)


@pytest.mark.parametrize("before", [CARD, BOARD, PICTURE], ids=["text", "file", "picture"])
@pytest.mark.parametrize("after", [BOARD, PICTURE], ids=["file", "picture"])
async def test_a_message_becomes_a_file_or_a_picture_in_its_place(
    telegram: Telegram, local: LocalTelegram, before: Content, after: Content
) -> None:
    sent = await number(telegram, before)
    assert await show(telegram, after, sent) == Sent(sent)
    [message] = await local.messages()
    assert bool(message["photo"]) is (after is PICTURE)
    assert bool(message["document"]) is (after is BOARD)


async def test_a_picture_that_cannot_become_a_text_is_shown_anew_and_does_not_stay(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await number(telegram, PICTURE)
    outcome = await show(telegram, CARD, sent)
    assert isinstance(outcome, Failed)
    assert outcome.reason is Reason.MESSAGE_GONE
    assert await local.messages() == []


@pytest.mark.parametrize(
    "photo", [b"no picture", b"", draw(9000, 9000)], ids=["odd", "empty", "huge"]
)
async def test_a_picture_that_telegram_refuses_wants_another_form(
    telegram: Telegram, photo: bytes
) -> None:
    outcome = await show(telegram, replace(PICTURE, photo=photo))
    assert isinstance(outcome, Failed)
    assert outcome.reason is Reason.BAD_MESSAGE


@pytest.mark.parametrize(
    "said", ["not enough rights to send photos to the chat", "CHAT_SEND_PHOTOS_FORBIDDEN"]
)
async def test_a_group_that_forbids_pictures_still_takes_texts(
    telegram: Telegram, local: LocalTelegram, said: str
) -> None:
    await local.post("/faults", kind="error", count=1, description=f"Bad Request: {said}")
    outcome = await show(telegram, PICTURE)
    assert isinstance(outcome, Failed)
    assert outcome.reason is Reason.BAD_MESSAGE


async def test_whatever_a_call_ends_in_leaves_as_an_outage_without_the_token(
    telegram: Telegram, local: LocalTelegram
) -> None:
    for kind in ("500", "502_html", "drop", "429"):
        await local.post("/faults", kind=kind, count=1, retry_after=1)
        with pytest.raises(Outage) as caught, translated():
            await telegram._bot.get_me()
        assert local.sandbox.bot_token not in caught.value.sentence
