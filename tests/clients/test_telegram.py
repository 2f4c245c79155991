"""What the bridge shows, as the local Telegram sees it."""

from __future__ import annotations

import httpx
import pytest

from bridge import limits
from bridge.clients.telegram import Telegram
from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Entity, Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram

HERE = Destination(ON_CALL)
TOPIC = Destination(OPERATIONS, ALERTS)
CARD = Content(
    text=Formatted(
        "a 🔥 card", (Entity("bold", 2, 2), Entity("text_link", 5, 4, url="http://a.example/"))
    )
)
BOARD = Content(
    text=Formatted("🔥 board", (Entity("bold", 3, 5),)),
    attachment=Attachment(name="alerts.txt", content=b"one\ntwo\n"),
)


def text(words: str) -> Content:
    return Content(text=Formatted(words))


async def show(
    telegram: Telegram,
    content: Content = CARD,
    *,
    to: Destination = HERE,
    telegram_id: int | None = None,
    is_loud: bool = True,
    reply_to: int | None = None,
) -> Outcome:
    return await telegram.show(to, telegram_id, content, is_loud=is_loud, reply_to=reply_to)


async def number(telegram: Telegram, content: Content = CARD, to: Destination = HERE) -> int:
    sent = await show(telegram, content, to=to)
    assert isinstance(sent, Sent)
    return sent.telegram_id


def reason(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Failed) else None


async def download(local: LocalTelegram, url: str) -> bytes:
    answer = await local.control.get(f"{local.sandbox.url}{url}")
    assert answer.status_code == 200
    return answer.content


async def delete(local: LocalTelegram, chat_id: int, message_id: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as wire:
        answer = await wire.post(
            f"{local.sandbox.url}/bot{local.sandbox.bot_token}/deleteMessage",
            json={"chat_id": chat_id, "message_id": message_id},
        )
    assert answer.json()["ok"]


async def test_a_message_is_sent_with_its_entities_and_then_edited(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await show(telegram)
    assert isinstance(sent, Sent)
    [message] = await local.messages()
    assert (message["text"], message["message_id"]) == ("a 🔥 card", sent.telegram_id)
    assert [(each["type"], each["offset"]) for each in message["entities"]] == [
        ("bold", 2),
        ("text_link", 5),
    ]
    assert await show(telegram, text("over"), telegram_id=sent.telegram_id) == sent
    [message] = await local.messages()
    assert (message["text"], message["edits"]) == ("over", 1)
    assert message["entities"] == []


async def test_our_own_secrets_are_not_said_whoever_has_written_them(local: LocalTelegram) -> None:
    own, other = local.sandbox.bot_token, "the-token-of-the-agents-metrics"
    written = f"BOT_TOKEN={own} and {other}"
    content = Content(
        text=Formatted(written), attachment=Attachment(name="env.txt", content=written.encode())
    )
    telegram = Telegram(own, api_base=local.sandbox.url, unsaid=(other,))
    try:
        sent = await number(telegram, content)
        await show(telegram, content, telegram_id=sent)
    finally:
        await telegram.close()
    [message] = await local.messages(ON_CALL)
    file = await download(local, message["document"]["url"])
    for told in (message["caption"], file.decode()):
        assert own not in told
        assert other not in told
        assert told.startswith("BOT_TOKEN=••")


async def test_text_that_looks_like_markup_and_links_is_shown_as_it_is(
    telegram: Telegram, local: LocalTelegram
) -> None:
    words = "<b>disk</b> *full* [x](y) http://web-1.example/"
    await show(telegram, text(words))
    [message] = await local.messages()
    assert message["text"] == words
    [call] = await local.calls("sendMessage")
    assert "parse_mode" not in call["parameters"]
    assert "is_disabled" in str(call["parameters"]["link_preview_options"])


async def test_a_file_is_sent_with_its_caption_and_then_edited_in_place(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await show(telegram, BOARD)
    assert isinstance(sent, Sent)
    [message] = await local.messages()
    assert (message["caption"], message["text"]) == ("🔥 board", None)
    assert [(each["type"], each["offset"]) for each in message["caption_entities"]] == [("bold", 3)]
    assert message["document"]["name"] == "alerts.txt"
    assert await download(local, message["document"]["url"]) == b"one\ntwo\n"

    later = Content(
        text=Formatted("calm", (Entity("code", 0, 4),)),
        attachment=Attachment(name="alerts-2.txt", content=b"none\n"),
    )
    assert await show(telegram, later, telegram_id=sent.telegram_id) == sent
    [message] = await local.messages()
    assert (message["caption"], message["edits"]) == ("calm", 1)
    assert [each["type"] for each in message["caption_entities"]] == ["code"]
    assert message["document"]["name"] == "alerts-2.txt"
    assert await download(local, message["document"]["url"]) == b"none\n"
    assert len(await local.calls("editMessageMedia")) == 1


async def test_a_file_stays_a_file_and_its_bytes_what_they_are(
    telegram: Telegram, local: LocalTelegram
) -> None:
    strange = bytes(range(256)) * 4096
    board = Content(
        text=Formatted(""), attachment=Attachment(name="alerts of “web-1” ⚠.txt", content=strange)
    )
    await show(telegram, board)
    [message] = await local.messages()
    assert message["caption"] is None
    assert message["document"]["name"] == "alerts of “web-1” ⚠.txt"
    assert await download(local, message["document"]["url"]) == strange
    [call] = await local.calls("sendDocument")
    assert call["parameters"]["disable_content_type_detection"] == "true"


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
@pytest.mark.parametrize("is_loud", [True, False])
async def test_a_phone_sounds_only_for_what_is_loud(
    telegram: Telegram,
    local: LocalTelegram,
    content: Content,
    is_loud: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await show(telegram, content, is_loud=is_loud)
    [message] = await local.messages()
    assert message["rings"] is is_loud
    assert message["silent"] is not is_loud


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_message_answers_the_one_it_belongs_to(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    card = await number(telegram, to=TOPIC)
    await show(telegram, content, to=TOPIC, reply_to=card)
    _, answer = await local.messages(OPERATIONS, ALERTS)
    assert answer["reply_to"] == card


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_an_answer_to_a_message_that_was_deleted_is_shown_all_the_same(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    card = await number(telegram)
    await delete(local, ON_CALL, card)
    assert isinstance(await show(telegram, content, reply_to=card), Sent)
    assert (await local.messages())[-1]["reply_to"] is None


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_topic_gets_its_own(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    await show(telegram, content, to=TOPIC)
    assert len(await local.messages(OPERATIONS, ALERTS)) == 1


async def test_the_general_topic_of_a_forum_may_be_named_by_its_number(
    telegram: Telegram, local: LocalTelegram
) -> None:
    assert isinstance(await show(telegram, to=Destination(OPERATIONS, 1)), Sent)
    assert len(await local.messages(OPERATIONS)) == 1


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_what_stands_there_already_counts_as_shown(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    sent = await number(telegram, content)
    await local.post(
        "/faults",
        kind="error",
        count=1,
        description="Bad Request: message is not modified: specified new message content and reply "
        "markup are exactly the same as a current content and reply markup of the message",
    )
    assert await show(telegram, content, telegram_id=sent) == Sent(sent)
    assert await show(telegram, content, telegram_id=sent) == Sent(sent)


async def test_a_text_becomes_a_file_where_telegram_lets_it(
    telegram: Telegram, local: LocalTelegram
) -> None:
    card = await number(telegram)
    assert await show(telegram, BOARD, telegram_id=card) == Sent(card)
    [message] = await local.messages()
    assert (message["text"], message["caption"]) == (None, "🔥 board")


@pytest.mark.parametrize(
    "description",
    [
        "Bad Request: there is no media in the message to edit",
        "Bad Request: Message media can't be edited",
    ],
)
async def test_a_text_that_cannot_become_a_file_is_shown_anew(
    telegram: Telegram, local: LocalTelegram, description: str
) -> None:
    card = await number(telegram)
    await local.post("/faults", kind="error", count=1, description=description)
    assert reason(await show(telegram, BOARD, telegram_id=card)) is Reason.MESSAGE_GONE


async def test_a_file_that_cannot_become_a_text_is_shown_anew(telegram: Telegram) -> None:
    board = await number(telegram, BOARD)
    assert reason(await show(telegram, CARD, telegram_id=board)) is Reason.MESSAGE_GONE


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_message_that_was_deleted_is_shown_anew(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    sent = await number(telegram, content)
    await delete(local, ON_CALL, sent)
    assert reason(await show(telegram, content, telegram_id=sent)) is Reason.MESSAGE_GONE
    assert reason(await show(telegram, content, telegram_id=99_999)) is Reason.MESSAGE_GONE


async def test_a_message_that_is_not_ours_is_shown_anew(
    telegram: Telegram, local: LocalTelegram
) -> None:
    said = await local.post("/say", chat_id=ON_CALL, person_id=ADA, text="hello")
    theirs = said["message"]["message_id"]
    assert reason(await show(telegram, telegram_id=theirs)) is Reason.MESSAGE_GONE


@pytest.mark.parametrize(
    "content",
    [
        text("x" * (limits.MESSAGE_CHARACTERS + 1)),
        text(" "),
        text(""),
        Content(text=Formatted("x" * 1025), attachment=BOARD.attachment),
        Content(text=Formatted("x"), attachment=Attachment(name="empty.txt", content=b"")),
    ],
    ids=["long", "blank", "empty", "long caption", "empty file"],
)
async def test_a_message_that_telegram_refuses_wants_another_form(
    telegram: Telegram, content: Content
) -> None:
    assert reason(await show(telegram, content)) is Reason.BAD_MESSAGE


async def test_a_file_over_telegrams_limit_wants_another_form(telegram: Telegram) -> None:
    huge = Attachment(name="all.txt", content=bytes(52 * 1024 * 1024))
    outcome = await show(telegram, Content(text=Formatted("x"), attachment=huge))
    assert reason(outcome) is Reason.BAD_MESSAGE
