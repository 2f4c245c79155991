"""What a Telegram that refuses or fails comes to."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Any

import aiogram.exceptions
import pytest
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage

from bridge.clients.telegram import Telegram
from bridge.clients.telegram_faults import judge_fault
from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage
from sandbox import refusals
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram

HERE = Destination(ON_CALL)
TOPIC = Destination(OPERATIONS, ALERTS)
MALLORY = 1666
CARD = Content(text=Formatted("a card"))
BOARD = Content(
    text=Formatted("a board"), attachment=Attachment(name="alerts.txt", content=b"all\n")
)
CALL: Any = SendMessage(chat_id=1, text="x")
TOKEN = "7000000001:AAplantedTokenOfTheTests-0123456789ab"


async def show(
    telegram: Telegram,
    to: Destination = HERE,
    content: Content = CARD,
    telegram_id: int | None = None,
) -> Outcome:
    return await telegram.show(to, telegram_id, content, is_loud=True, reply_to=None)


def reason(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Failed) else None


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_chat_that_nobody_knows_refuses(telegram: Telegram, content: Content) -> None:
    assert reason(await show(telegram, Destination(424242), content)) is Reason.CHAT_REFUSES
    assert reason(await show(telegram, Destination(-424242), content)) is Reason.CHAT_REFUSES


async def test_a_person_who_blocked_us_refuses_until_they_unblock_us(
    telegram: Telegram, local: LocalTelegram
) -> None:
    await local.post(f"/chats/{ADA}/block")
    assert reason(await show(telegram, Destination(ADA))) is Reason.CHAT_REFUSES
    await local.post(f"/chats/{ADA}/unblock")
    assert isinstance(await show(telegram, Destination(ADA)), Sent)


async def test_a_person_who_never_wrote_or_is_gone_refuses(
    telegram: Telegram, local: LocalTelegram
) -> None:
    assert reason(await show(telegram, Destination(MALLORY))) is Reason.CHAT_REFUSES
    await local.post(f"/chats/{ADA}/delete")
    assert reason(await show(telegram, Destination(ADA))) is Reason.CHAT_REFUSES


@pytest.mark.parametrize("chat_id", [ON_CALL, OPERATIONS])
@pytest.mark.parametrize("change", ["kick", "delete"])
@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_group_without_us_refuses(
    telegram: Telegram, local: LocalTelegram, chat_id: int, change: str, content: Content
) -> None:
    await local.post(f"/chats/{chat_id}/{change}")
    assert reason(await show(telegram, Destination(chat_id), content)) is Reason.CHAT_REFUSES


@pytest.mark.parametrize("change", ["close", "delete"])
@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_topic_that_is_closed_or_deleted_leaves_the_chat_around_it_well(
    telegram: Telegram, local: LocalTelegram, change: str, content: Content
) -> None:
    await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/{change}")
    assert reason(await show(telegram, TOPIC, content)) is Reason.TOPIC_GONE
    assert isinstance(await show(telegram, Destination(OPERATIONS), content), Sent)


async def test_a_card_in_a_deleted_topic_is_gone_and_then_its_topic(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await show(telegram, TOPIC)
    assert isinstance(sent, Sent)
    await local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/delete")
    edited = await show(telegram, TOPIC, telegram_id=sent.telegram_id)
    assert reason(edited) is Reason.MESSAGE_GONE
    assert reason(await show(telegram, TOPIC)) is Reason.TOPIC_GONE


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_group_that_became_a_supergroup_says_where_it_went(
    telegram: Telegram, local: LocalTelegram, content: Content
) -> None:
    risen = (await local.post(f"/chats/{ON_CALL}/migrate"))["chat"]["id"]
    outcome = await show(telegram, HERE, content)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.moved_to) == (Reason.MIGRATED, risen)
    assert isinstance(await show(telegram, Destination(risen), content), Sent)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "500"}, Reason.OUTAGE),
        ({"kind": "502_html"}, Reason.OUTAGE),
        ({"kind": "drop"}, Reason.OUTAGE),
        ({"kind": "timeout", "seconds": 0.05}, Reason.OUTAGE),
        ({"kind": "429", "retry_after": 7}, Reason.RATE_LIMIT),
        ({"kind": "error", "code": 401, "description": "Unauthorized"}, Reason.NOT_AUTHORISED),
        ({"kind": "error", "code": 404, "description": "Not Found"}, Reason.NOT_AUTHORISED),
        (
            {"kind": "error", "code": 413, "description": "Request Entity Too Large"},
            Reason.BAD_MESSAGE,
        ),
        ({"kind": "error", "code": 400, "description": "Bad Request: strange"}, Reason.BAD_MESSAGE),
        ({"kind": "error", "code": 403, "description": "Forbidden: strange"}, Reason.CHAT_REFUSES),
        ({"kind": "error", "code": 409, "description": "Conflict"}, Reason.OUTAGE),
        ({"kind": "error", "code": 504, "description": "Gateway Timeout"}, Reason.OUTAGE),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else value.name,
)
async def test_a_failing_telegram_is_an_outcome_and_the_next_attempt_works(
    telegram: Telegram, local: LocalTelegram, fault: dict[str, object], expected: Reason
) -> None:
    standing = await show(telegram)
    assert isinstance(standing, Sent)
    for method, content, telegram_id in (
        ("sendMessage", CARD, None),
        ("sendDocument", BOARD, None),
        ("editMessageText", CARD, standing.telegram_id),
        ("editMessageMedia", BOARD, standing.telegram_id),
    ):
        await local.post("/faults", method=method, count=1, **fault)
        outcome = await show(telegram, content=content, telegram_id=telegram_id)
        assert isinstance(outcome, Failed)
        assert outcome.reason is expected
        is_told = expected is Reason.RATE_LIMIT
        assert outcome.wait == (timedelta(seconds=7) if is_told else None)
        assert local.sandbox.bot_token not in repr(outcome)
        assert isinstance(await show(telegram, content=content, telegram_id=telegram_id), Sent)


async def test_a_slow_telegram_is_waited_for(telegram: Telegram, local: LocalTelegram) -> None:
    await local.post("/faults", kind="slow", seconds=0.05, count=1)
    assert isinstance(await show(telegram), Sent)


async def test_a_wrong_token_is_said_in_words_and_never_shown(local: LocalTelegram) -> None:
    wrong = Telegram("7000000001:BBwrongTokenOfTheTests-0123456789abc", api_base=local.sandbox.url)
    problem = await wrong.probe()
    outcome = await show(wrong)
    await wrong.close()
    assert problem is not None
    assert "@BotFather" in problem
    assert reason(outcome) is Reason.NOT_AUTHORISED
    assert "BBwrong" not in problem + str(outcome)


async def test_a_telegram_that_is_not_there_is_an_outage_without_the_token() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        nobody = Telegram(TOKEN, api_base=f"http://127.0.0.1:{port}")
        outcome = await show(nobody)
        with pytest.raises(Outage) as outage:
            await nobody.probe()
        await nobody.close()
    assert reason(outcome) is Reason.OUTAGE
    assert "planted" not in str(outcome) + str(outage.value) + repr(outage.value.__cause__)


def faults() -> list[type[Exception]]:
    found = [value for value in vars(aiogram.exceptions).values() if isinstance(value, type)]
    return [kind for kind in found if issubclass(kind, AiogramError)]


def make(kind: type[Exception]) -> Exception:
    if kind is TelegramRetryAfter:
        return TelegramRetryAfter(CALL, "Flood", 3)
    if kind is TelegramMigrateToChat:
        return TelegramMigrateToChat(CALL, "upgraded", -1005)
    if issubclass(kind, TelegramAPIError):
        return kind(CALL, "x")
    if kind is ClientDecodeError:
        return ClientDecodeError("Failed", ValueError("x"), "<html>")
    return kind("x")


@pytest.mark.parametrize("kind", faults(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_library_has_a_meaning(kind: type[Exception]) -> None:
    expected = {
        TelegramRetryAfter: Reason.RATE_LIMIT,
        TelegramForbiddenError: Reason.CHAT_REFUSES,
        TelegramMigrateToChat: Reason.MIGRATED,
        TelegramBadRequest: Reason.BAD_MESSAGE,
        TelegramEntityTooLarge: Reason.BAD_MESSAGE,
        TelegramUnauthorizedError: Reason.NOT_AUTHORISED,
        TelegramNotFound: Reason.NOT_AUTHORISED,
        TelegramNetworkError: Reason.OUTAGE,
        TelegramServerError: Reason.OUTAGE,
        ClientDecodeError: Reason.OUTAGE,
    }
    outcome = judge_fault(make(kind), None)
    assert isinstance(outcome, Failed)
    assert outcome.reason in Reason
    if kind in expected:
        assert outcome.reason is expected[kind]


TOPIC_WORDS = [
    refusals.thread_not_found().description,
    refusals.topic_closed().description,
    "Bad Request: TOPIC_DELETED",
    "Bad Request: top forum topic message not found",
]
CHAT_WORDS = [
    refusals.chat_not_found().description,
    "Bad Request: private chat not found",
    refusals.not_enough_rights("send text messages to the chat").description,
    "Bad Request: have no rights to send a message",
    "Bad Request: have no write access to the chat",
    "Bad Request: need administrator rights in the channel chat",
    "Bad Request: CHAT_WRITE_FORBIDDEN",
    "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN",
    "Bad Request: CHAT_ADMIN_REQUIRED",
    "Bad Request: CHAT_RESTRICTED",
    "Bad Request: CHANNEL_PRIVATE",
    "Bad Request: USER_BANNED_IN_CHANNEL",
    "Bad Request: PEER_ID_INVALID",
    "Bad Request: group chat is deactivated",
    "Bad Request: group is deactivated",
]
FORBIDDEN_WORDS = [
    refusals.blocked(),
    refusals.deactivated(),
    refusals.cannot_initiate(),
    refusals.group_deleted(),
    *(refusals.kicked(kind) for kind in ("group", "supergroup", "channel")),
    *(refusals.not_member(kind) for kind in ("group", "supergroup", "channel")),
]
MESSAGE_WORDS = [
    refusals.text_missing(),
    refusals.text_empty(),
    refusals.too_long("message"),
    refusals.too_long("caption"),
    refusals.raw_text_too_long(),
    refusals.cannot_parse_entities("unsupported start tag"),
    refusals.not_utf8(),
    refusals.button_data_invalid(),
    refusals.reply_markup_too_long(),
    refusals.file_missing("document"),
    refusals.file_too_big(),
    refusals.wrong_file_id(),
]
GONE_WORDS = [
    refusals.message_not_found("edit"),
    refusals.cannot_edit(),
    refusals.nothing_to_edit("text"),
    refusals.nothing_to_edit("caption"),
    refusals.cannot_edit_media(),
    refusals.bad_request("There is no media in the message to edit"),
    refusals.bad_request("MESSAGE_ID_INVALID"),
]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        *((words, Reason.TOPIC_GONE) for words in TOPIC_WORDS),
        *((words, Reason.CHAT_REFUSES) for words in CHAT_WORDS),
        *((refusal.description, Reason.BAD_MESSAGE) for refusal in MESSAGE_WORDS),
        (refusals.upgraded(-1005).description, Reason.MIGRATED),
    ],
)
@pytest.mark.parametrize("telegram_id", [None, 7])
def test_every_bad_request_has_its_meaning(
    words: str, expected: Reason, telegram_id: int | None
) -> None:
    outcome = judge_fault(TelegramBadRequest(CALL, words), telegram_id)
    assert reason(outcome) is expected


@pytest.mark.parametrize("refusal", FORBIDDEN_WORDS, ids=str)
def test_whatever_is_forbidden_is_the_chats_refusal(refusal: refusals.Refusal) -> None:
    fault = TelegramForbiddenError(CALL, refusal.description)
    assert reason(judge_fault(fault, None)) is Reason.CHAT_REFUSES
    # Some servers say the same with another code.
    assert reason(judge_fault(TelegramBadRequest(CALL, refusal.description), None)) is (
        Reason.CHAT_REFUSES
    )


@pytest.mark.parametrize("refusal", GONE_WORDS, ids=str)
def test_a_send_is_never_judged_as_an_edit_whose_message_is_gone(
    refusal: refusals.Refusal,
) -> None:
    # It would be tried again at once, for ever.
    fault = TelegramBadRequest(CALL, refusal.description)
    assert reason(judge_fault(fault, None)) is Reason.BAD_MESSAGE
    assert reason(judge_fault(fault, 7)) is Reason.MESSAGE_GONE


def test_a_migration_without_an_address_is_still_a_migration() -> None:
    fault = TelegramBadRequest(CALL, "Bad Request: group chat was upgraded to a supergroup chat")
    assert judge_fault(fault, None) == Failed(Reason.MIGRATED, detail=fault.message)


def test_a_proxys_page_about_a_large_file_is_about_the_message() -> None:
    page = "<html><head><title>413 Request Entity Too Large</title></head></html>"
    fault = ClientDecodeError("Failed to decode object", ValueError("x"), page)
    assert reason(judge_fault(fault, None)) is Reason.BAD_MESSAGE


def test_what_telegram_says_stays_short_and_without_the_token() -> None:
    words = f"ConnectionError: https://api.example/bot{TOKEN}/sendMessage failed" + "x" * 5000
    outcome = judge_fault(TelegramNetworkError(CALL, words), None)
    assert isinstance(outcome, Failed)
    assert "planted" not in outcome.detail
    assert len(outcome.detail) <= 200


@pytest.mark.parametrize("content", [CARD, BOARD], ids=["text", "file"])
async def test_a_server_that_redirects_for_ever_does_not_bring_the_token_to_light(
    content: Content,
) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).split()[1].decode()
        answer = f"HTTP/1.1 307 Again\r\nLocation: {target}\r\nConnection: close\r\n"
        writer.write(f"{answer}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    looped = Telegram(TOKEN, api_base=f"http://127.0.0.1:{port}")
    async with server:
        outcome = await show(looped, content=content)
        with pytest.raises(Outage) as outage:
            await looped.probe()
    await looped.close()
    assert reason(outcome) is Reason.OUTAGE
    assert "planted" not in f"{outcome} {outage.value}"


async def test_a_proxy_that_refuses_is_an_outage() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 407 Who are you\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    telegram = Telegram(
        TOKEN,
        api_base="http://192.0.2.1",
        proxy=f"http://127.0.0.1:{port}",
    )
    async with server:
        outcome = await show(telegram)
        with pytest.raises(Outage, match="ProxyError"):
            await telegram.probe()
    await telegram.close()
    assert reason(outcome) is Reason.OUTAGE
