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
    TelegramRetryAfter,
)
from aiogram.methods import SendMessage

from bridge.clients.telegram import Telegram, judge_fault
from bridge.core.audience import Destination
from bridge.core.formatted import Entity, Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram

TEXT = Formatted(
    "a 🔥 card", (Entity("bold", 2, 2), Entity("text_link", 5, 4, url="http://a.example/"))
)
CALL: Any = SendMessage(chat_id=1, text="x")


def reason(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Failed) else None


async def test_a_message_is_sent_with_its_entities_and_then_edited(
    telegram: Telegram, local: LocalTelegram
) -> None:
    sent = await telegram.show(Destination(ON_CALL), None, TEXT)
    assert isinstance(sent, Sent)
    [message] = await local.messages()
    assert message["text"] == "a 🔥 card"
    assert [(each["type"], each["offset"]) for each in message["entities"]] == [
        ("bold", 2),
        ("text_link", 5),
    ]
    edited = await telegram.show(Destination(ON_CALL), sent.telegram_id, Formatted("over"))
    assert edited == sent
    [message] = await local.messages()
    assert (message["text"], message["edits"]) == ("over", 1)


async def test_a_topic_gets_its_own(telegram: Telegram, local: LocalTelegram) -> None:
    await telegram.show(Destination(OPERATIONS, ALERTS), None, TEXT)
    assert len(await local.messages(OPERATIONS, ALERTS)) == 1


async def test_an_edit_that_changes_nothing_counts_as_shown(telegram: Telegram) -> None:
    sent = await telegram.show(Destination(ON_CALL), None, TEXT)
    assert isinstance(sent, Sent)
    assert await telegram.show(Destination(ON_CALL), sent.telegram_id, TEXT) == sent


async def test_what_telegram_says_becomes_our_reasons(
    telegram: Telegram, local: LocalTelegram
) -> None:
    assert reason(await telegram.show(Destination(424242), None, TEXT)) is Reason.CHAT_REFUSES
    gone = await telegram.show(Destination(ON_CALL), 999, TEXT)
    assert reason(gone) is Reason.MESSAGE_GONE
    long = await telegram.show(Destination(ON_CALL), None, Formatted("x" * 5000))
    assert reason(long) is Reason.BAD_MESSAGE
    topic = await telegram.show(Destination(OPERATIONS, 99), None, TEXT)
    assert reason(topic) is Reason.CHAT_REFUSES
    await local.post(f"/chats/{ADA}/block")
    assert reason(await telegram.show(Destination(ADA), None, TEXT)) is Reason.CHAT_REFUSES


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "500"}, Reason.OUTAGE),
        ({"kind": "502_html"}, Reason.OUTAGE),
        ({"kind": "drop"}, Reason.OUTAGE),
        ({"kind": "429", "retry_after": 7}, Reason.RATE_LIMIT),
    ],
)
async def test_a_failing_telegram_is_an_outcome_and_the_next_attempt_works(
    telegram: Telegram, local: LocalTelegram, fault: dict[str, object], expected: Reason
) -> None:
    await local.post("/faults", method="sendMessage", count=1, **fault)
    outcome = await telegram.show(Destination(ON_CALL), None, TEXT)
    assert reason(outcome) is expected
    if expected is Reason.RATE_LIMIT:
        assert isinstance(outcome, Failed)
        assert outcome.wait == timedelta(seconds=7)
    assert isinstance(await telegram.show(Destination(ON_CALL), None, TEXT), Sent)


async def test_a_wrong_token_is_said_in_words_and_never_shown(local: LocalTelegram) -> None:
    wrong = Telegram("7000000001:BBwrongTokenOfTheTests-0123456789abc", api_base=local.sandbox.url)
    problem = await wrong.probe()
    outcome = await wrong.show(Destination(ON_CALL), None, TEXT)
    await wrong.close()
    assert problem is not None
    assert "@BotFather" in problem
    assert reason(outcome) is Reason.NOT_AUTHORISED
    assert "BBwrong" not in problem + str(outcome)


async def test_a_telegram_that_is_not_there_is_an_outage_without_the_token() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = "7000000001:AAplantedTokenOfTheTests-0123456789ab"
    nobody = Telegram(token, api_base=f"http://127.0.0.1:{port}")
    outcome = await nobody.show(Destination(ON_CALL), None, TEXT)
    with pytest.raises(Outage) as outage:
        await nobody.probe()
    await nobody.close()
    assert reason(outcome) is Reason.OUTAGE
    assert "planted" not in str(outcome) + str(outage.value) + repr(outage.value.__cause__)


async def test_the_bot_is_known(telegram: Telegram) -> None:
    assert await telegram.probe() is None


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
        TelegramMigrateToChat: Reason.CHAT_REFUSES,
        TelegramBadRequest: Reason.BAD_MESSAGE,
        TelegramEntityTooLarge: Reason.BAD_MESSAGE,
        TelegramNetworkError: Reason.OUTAGE,
        ClientDecodeError: Reason.OUTAGE,
    }
    outcome = judge_fault(make(kind), None)
    assert isinstance(outcome, Failed)
    assert outcome.reason in Reason
    if kind in expected:
        assert outcome.reason is expected[kind]


def test_a_send_is_never_judged_as_an_edit_whose_message_is_gone() -> None:
    # It would be tried again at once, for ever.
    fault = TelegramBadRequest(CALL, "Bad Request: MESSAGE_ID_INVALID")
    assert reason(judge_fault(fault, None)) is Reason.BAD_MESSAGE
    assert reason(judge_fault(fault, 7)) is Reason.MESSAGE_GONE


async def test_a_server_that_redirects_for_ever_does_not_bring_the_token_to_light() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).split()[1].decode()
        answer = f"HTTP/1.1 307 Again\r\nLocation: {target}\r\nConnection: close\r\n"
        writer.write(f"{answer}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    token = "7000000001:AAplantedTokenOfTheTests-0123456789ab"
    looped = Telegram(token, api_base=f"http://127.0.0.1:{port}")
    async with server:
        outcome = await looped.show(Destination(ON_CALL), None, TEXT)
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
        "7000000001:AAplantedTokenOfTheTests-0123456789ab",
        api_base="http://192.0.2.1",
        proxy=f"http://127.0.0.1:{port}",
    )
    async with server:
        outcome = await telegram.show(Destination(ON_CALL), None, TEXT)
        with pytest.raises(Outage, match="ProxyError"):
            await telegram.probe()
    await telegram.close()
    assert reason(outcome) is Reason.OUTAGE
