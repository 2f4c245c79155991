"""What the chats and the bridge's figures say at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tests.chaos.invariant import Shown, read_message
from tests.fakes.local_telegram import LocalTelegram

NOUGHT: Final = ("opswire_messages_waiting", "opswire_alerts_unaccounted")
BEFORE, AFTER = 1.5, 1.0  # seconds around an end in which a message may have been sent unnoticed
_LOST_ANSWERS: Final = {"timeout", "drop"}


def read_figures(figures: Mapping[str, float]) -> list[str]:
    """Say which of the bridge's own figures should be nought and are not."""
    if not figures:
        return ["the bridge gives no figures"]
    return [f"{name} is {figures.get(name, 'absent')}" for name in NOUGHT if figures.get(name) != 0]


async def read_chat(local: LocalTelegram, chat_id: int) -> list[Shown]:
    """Read what the bot shows in a chat, files and all."""
    answer = await local.control.get(f"/chats/{chat_id}/messages", params={"limit": 1000})
    assert answer.status_code == 200, answer.text
    messages = [each for each in answer.json()["messages"] if each["from"]["is_bot"]]
    return [read_message(each, await _read_file(local, each)) for each in messages]


async def count_windows(local: LocalTelegram, ends: list[float]) -> int:
    """Count the moments in which Telegram showed a message that the bridge could not know of.

    `ends` are those of bridges and of the line to Telegram: a chat has one message under way.
    """
    sends = [
        call for call in await local.calls() if call["ok"] and call["method"].startswith("send")
    ]
    unheard = sum(call["fault"] in _LOST_ANSWERS for call in sends)
    at = [(datetime.fromisoformat(call["at"]).timestamp(), call["chat_id"]) for call in sends]
    for end in ends:
        unheard += len({chat for sent, chat in at if end - BEFORE < sent < end + AFTER})
    return unheard


async def _read_file(local: LocalTelegram, message: Mapping[str, Any]) -> str:
    if not message["document"]:
        return ""
    answer = await local.control.get(message["document"]["url"].removeprefix("/control"))
    return answer.text if answer.status_code == 200 else ""
