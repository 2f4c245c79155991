"""The bridge is killed at the worst moments; what was accepted still arrives."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.live.conftest import (
    CARDS_ALONE,
    CHATS,
    PATIENCE,
    TOKEN,
    Programs,
    post,
    read_chat,
    until,
)
from tests.ports import free_port

pytestmark = pytest.mark.live


async def test_killed_between_webhook_and_message_the_message_arrives_after_the_restart(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    await local.post("/faults", kind="500")
    bridge = await programs.bridge(local, port, spans=CARDS_ALONE)
    for number, chat in enumerate(CHATS * 4):
        body = webhook(alert(host=f"h{number}"), group=f"h{number}")
        assert await post(port, body, f"/alerts/{chat}") == 200
    await bridge.kill()
    assert [await local.messages(chat) for chat in CHATS] == [[]] * len(CHATS)
    await local.control.delete("/faults")
    await programs.bridge(local, port, spans=CARDS_ALONE)

    async def texts() -> list[str]:
        return [each for chat in CHATS for each in await read_chat(local, chat)]

    async def all_shown() -> bool:
        return len(await texts()) == 20

    await until(all_shown, seconds=PATIENCE)
    await asyncio.sleep(2)
    assert sorted(name for text in await texts() for name in find_hosts(text)) == sorted(
        f"h{number}" for number in range(20)
    )


def find_hosts(text: str) -> set[str]:
    """Find every host that a message or a file names."""
    return set(re.findall(r"\bh\d+\b", text))


async def test_killed_while_telegram_holds_the_answer_nothing_is_lost_and_at_most_one_doubled(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    await local.post("/faults", kind="slow", method="sendMessage", seconds=4, count=1)
    bridge = await programs.bridge(local, port)
    assert await post(port, webhook(alert())) == 200
    await asyncio.sleep(0.5)
    await bridge.kill()
    await programs.bridge(local, port)

    async def shown() -> bool:
        return bool(await local.messages())

    await until(shown, seconds=PATIENCE)
    await asyncio.sleep(4)
    assert len(await local.messages()) in {1, 2}


async def test_a_webhook_that_was_answered_is_on_disk_however_soon_the_kill_comes(
    programs: Programs, local: LocalTelegram
) -> None:
    port, numbers = free_port(), itertools.count()
    accepted: set[str] = set()
    await local.post("/faults", kind="500")

    async def send(host: str) -> None:
        if await post(port, webhook(alert(host=host), group=host)) == 200:
            accepted.add(host)

    for lifetime in (0.02, 0.1, 0.3, None):
        bridge = await programs.bridge(local, port)
        posts = [asyncio.create_task(send(f"h{next(numbers)}")) for _ in range(10)]
        if lifetime is None:  # on a machine that is busy the others were too short for any
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(lifetime)
        await bridge.kill()
        await asyncio.gather(*posts, return_exceptions=True)
    await local.control.delete("/faults")
    await programs.bridge(local, port)

    async def all_accepted_shown() -> bool:
        return accepted <= {each for text in await read_chat(local) for each in find_hosts(text)}

    assert accepted
    await until(all_accepted_shown, seconds=PATIENCE)


async def test_a_polite_end_is_quick_and_leaves_nothing_half_done(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    bridge = await programs.bridge(local, port)
    assert await post(port, webhook(alert())) == 200
    bridge.process.terminate()
    assert await asyncio.wait_for(bridge.process.wait(), 8) == 0
    log = bridge.log.read_text()
    assert "Traceback" not in log
    assert local.sandbox.bot_token not in log
    assert TOKEN not in log


async def test_a_polite_end_with_two_hundred_groups_waiting_is_quick_and_loses_none(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    hosts = {f"h{number}" for number in range(200)}
    # The answer to what is under way takes longer than the end may.
    slow = await local.post("/faults", kind="slow", seconds=9 * PATIENCE)
    bridge = await programs.bridge(local, port)
    for host in sorted(hosts):
        assert await post(port, webhook(alert(host=host), group=host)) == 200
    began = asyncio.get_running_loop().time()
    bridge.process.terminate()
    assert await asyncio.wait_for(bridge.process.wait(), 8) == 0
    assert asyncio.get_running_loop().time() - began < 6
    assert "Traceback" not in bridge.log.read_text()
    await local.control.delete(f"/faults/{slow['id']}")
    await programs.bridge(local, port)

    async def all_shown() -> bool:
        return hosts == {each for text in await read_chat(local) for each in find_hosts(text)}

    await until(all_shown, seconds=PATIENCE)
