"""What an old and full database costs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from bridge.core.hearing import Hearing
from bridge.store.database import Database
from tests.fakes.webhooks import alert
from tests.store.stage import OPS, Stage

OLD = (
    (
        "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "SELECT i, '2026-01-01 00:00:00' AS at FROM n"
    ),
    (
        "INSERT INTO episodes (id, alert, facts, started_at, ended_at, noted_at) "
        "SELECT i, 'a' || i, '{}', at, at, at FROM n"
    ),
    (
        "INSERT INTO cards (id, chat_id, thread_id, alert_group, about, opened_at, closed_at) "
        "SELECT i, -100, 0, 'g' || i, '{}', at, at FROM n"
    ),
    "INSERT INTO card_episodes SELECT id, id FROM cards",
    (
        "INSERT INTO messages (kind, chat_id, thread_id, card_id, priority, is_loud, is_held, "
        "is_covered, is_whole, revision, shown_revision, telegram_id, form, due_at, attempts, "
        "waiting_since, created_at) "
        "SELECT 'card', -100, 0, i, 5, 1, 0, 0, 1, 2, 2, i, 0, at, 0, at, at FROM n"
    ),
)
"""Five thousand cards that were over long ago."""


def grow_old(connection: Connection) -> None:
    for statement in OLD:
        connection.execute(text(statement)).close()


async def steps(path: Path, *, is_old: bool) -> tuple[int, int]:
    """Count the instructions of SQLite that keep and fold a webhook, and that show its card."""
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
    stage = Stage(database, Hearing(subscribed=(OPS,)))
    await stage.post(alert())
    kept, count = count, 0
    assert len(await stage.show()) == 1
    await database.close()
    return kept, count


async def test_a_webhook_and_its_card_cost_no_more_in_a_database_with_thousands_of_old_cards(
    tmp_path: Path,
) -> None:
    young = await steps(tmp_path / "young.db", is_old=False)
    old = await steps(tmp_path / "old.db", is_old=True)
    assert 0 < old[0] <= 2 * young[0]
    assert 0 < old[1] <= 2 * young[1]
