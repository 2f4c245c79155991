"""What an old and full database costs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from bridge.core.alerts import parse_webhook
from bridge.core.audience import Destination
from bridge.store.database import Database
from bridge.store.outbox import Outbox
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook

OPS = Destination(-100)
OLD = (
    (
        "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "SELECT i, '2026-01-01 00:00:00' AS at FROM n"
    ),
    "INSERT INTO episodes SELECT i, 'a' || i, '{}', at, at, at FROM n",
    "INSERT INTO cards SELECT i, -100, 0, 'g' || i, '{}', at, at FROM n",
    "INSERT INTO card_episodes SELECT id, id FROM cards",
)
"""Five thousand cards that were over long ago."""


def grow_old(connection: Connection) -> None:
    for statement in OLD:
        connection.execute(text(statement)).close()


async def steps(path: Path, *, is_old: bool) -> int:
    """Count the instructions of SQLite that keep one webhook."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    def watch(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(step, 1)

    database = Database(f"sqlite:///{path}")
    await database.open()
    if is_old:
        await database.write(grow_old)
    await database.write(watch)
    await Outbox(database).put(parse_webhook(webhook(alert()), NOON), (OPS,), now=NOON)
    await database.close()
    return count


async def test_a_webhook_costs_no_more_in_a_database_with_thousands_of_old_cards(
    tmp_path: Path,
) -> None:
    young = await steps(tmp_path / "young.db", is_old=False)
    old = await steps(tmp_path / "old.db", is_old=True)
    assert 0 < old <= 2 * young
