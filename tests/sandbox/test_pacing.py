from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiogram.exceptions import TelegramRetryAfter

from sandbox.state.pacing import CHAT_BURST, Pace, Pacing
from tests.sandbox.conftest import ADA, ON_CALL

if TYPE_CHECKING:
    from aiogram import Bot

    from tests.sandbox.conftest import Control, Wire

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_chat_takes_a_short_burst_and_then_one_message_a_second() -> None:
    pacing = Pacing()

    taken = [pacing.admit(ADA, NOON) for _ in range(CHAT_BURST + 1)]

    assert taken == [None] * CHAT_BURST + [1]
    assert pacing.admit(ADA, NOON + timedelta(seconds=1)) is None
    assert pacing.admit(ADA, NOON + timedelta(seconds=1)) == 1


def test_a_group_takes_twenty_messages_and_edits_a_minute() -> None:
    pacing = Pacing()
    for second in range(20):
        at = NOON + timedelta(seconds=second)
        assert pacing.admit(ON_CALL, at, edit=second % 2 == 0) is None

    assert pacing.admit(ON_CALL, NOON + timedelta(seconds=20), edit=True) == 40
    assert pacing.admit(ON_CALL, NOON + timedelta(seconds=60.5), edit=True) is None
    assert pacing.admit(ON_CALL, NOON + timedelta(seconds=60.5), edit=True) == 1


def test_all_chats_together_take_thirty_a_second() -> None:
    pacing = Pacing()

    taken = [pacing.admit(chat_id, NOON) for chat_id in range(1, 32)]

    assert taken == [None] * 30 + [1]


def test_a_private_chat_takes_any_number_of_edits() -> None:
    pacing = Pacing(Pace(overall_per_second=1000))

    assert {pacing.admit(ADA, NOON, edit=True) for _ in range(100)} == {None}


def test_a_clock_put_back_locks_nobody_out() -> None:
    pacing = Pacing()
    for _ in range(20):
        pacing.admit(ON_CALL, NOON, edit=True)

    assert pacing.admit(ON_CALL, NOON - timedelta(days=1), edit=True) is None


async def test_too_many_messages_are_told_to_come_again(bot: Bot, control: Control) -> None:
    # So slow that what passes between two calls earns no message more, however long that is.
    await control.post("/pacing", enabled=True, per_chat_per_second=0.01)
    for number in range(CHAT_BURST):
        await bot.send_message(ADA, str(number))

    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(ADA, "one more")
    assert 40 <= caught.value.retry_after <= 100
    await control.post("/clock", advance_seconds=caught.value.retry_after)
    await bot.send_message(ADA, "one more")

    await control.post("/pacing", enabled=False)
    for number in range(CHAT_BURST * 3):
        await bot.send_message(ADA, str(number))


async def test_a_refusal_for_haste_carries_the_seconds_in_words_and_figures(
    wire: Wire, control: Control
) -> None:
    await control.post("/pacing", enabled=True, group_per_minute=1)
    await wire.call("sendMessage", chat_id=ON_CALL, text="one")

    refused = await wire.call("sendMessage", chat_id=ON_CALL, text="two")

    seconds = refused["parameters"]["retry_after"]
    assert 30 <= seconds <= 60  # of a minute, less what two calls take
    assert refused["description"] == f"Too Many Requests: retry after {seconds}"
    assert refused["error_code"] == 429
