"""Another program holds the database for a while; what Alertmanager brings meanwhile is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.live.conftest import (
    CARDS_ALONE,
    PATIENCE,
    Programs,
    figures,
    post,
    read_chat,
    until,
)
from tests.ports import free_port

pytestmark = pytest.mark.live
ACCEPTED, LATER = 200, 503
HOSTS = [f"web-{number}" for number in range(4)]


async def test_files_that_another_locks_make_webhooks_wait_or_come_again_and_lose_none(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    answers: list[int] = []

    async def deliver(host: str) -> None:
        """Send one webhook until it is accepted, as Alertmanager does."""
        answer = 0
        while answer != ACCEPTED:
            answer = await post(port, webhook(alert(host=host), group=host))
            answers.append(answer)

    await programs.bridge(local, port, spans=CARDS_ALONE)
    state = programs.folder / "state"
    with (
        lock(state / "opswire.db") as database,
        lock(state / "opswire.inbox.db") as inbox,
    ):
        delivering = [asyncio.create_task(deliver(host)) for host in HOSTS]
        await asyncio.sleep(3)
        assert ACCEPTED not in answers, "what cannot be written must not be promised"
        inbox.execute("ROLLBACK")
        # What becomes of a webhook may wait; that it is kept is all that is promised.
        await asyncio.wait_for(asyncio.gather(*delivering), PATIENCE)
        database.execute("ROLLBACK")
    assert set(answers) <= {ACCEPTED, LATER}

    async def all_shown() -> bool:
        return len(await local.messages()) == len(HOSTS)

    await until(all_shown, seconds=PATIENCE)
    texts = await read_chat(local)
    assert all(sum(host in text for text in texts) == 1 for host in HOSTS)

    async def all_accounted() -> bool:
        return (await figures(port))["opswire_alerts_unaccounted"] == 0

    await until(all_accounted, seconds=PATIENCE)


@contextmanager
def lock(file: Path) -> Iterator[sqlite3.Connection]:
    """Hold a file as another program may."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
