"""What is changed about a chat, and who did it, is kept together or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.core.access import EVERYWHERE, Scope, parse_scope
from bridge.core.audit import Entry
from bridge.core.preferences import Preferences
from bridge.errors import BridgeError
from bridge.store.audit import Audit
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert
from tests.store.stage import ADA, BOB, INVENTORY, Stage

DATABASES = parse_scope(["group=db"])
RUSSIAN = Preferences(language="ru")
ENTRY = Entry(at=NOON, who=1001, what="/that")
Deed = Callable[[Stage], Awaitable[object]]


def subscribe(stage: Stage) -> Awaitable[object]:
    return stage.chats.subscribe(BOB, made_by=1001, now=NOON, scope=DATABASES, entry=ENTRY)


def unsubscribe(stage: Stage) -> Awaitable[object]:
    return stage.chats.unsubscribe(ADA, now=NOON, entry=ENTRY)


def choose(stage: Stage) -> Awaitable[object]:
    return stage.chats.choose(ADA, lambda _: RUSSIAN, now=NOON, entry=ENTRY)


def limit(stage: Stage) -> Awaitable[object]:
    return stage.chats.limit(ADA, DATABASES, now=NOON, entry=ENTRY)


@pytest.fixture
async def subscribed(stage: Stage) -> Stage:
    """A bridge that nobody but one person hears."""
    stage.hear(subscribed=(), find_host=INVENTORY.find)
    await stage.subscribe(ADA)
    return stage


@pytest.mark.parametrize("deed", [subscribe, unsubscribe, choose, limit])
async def test_a_change_of_a_chat_is_written_down(
    subscribed: Stage, tmp_path: Path, deed: Deed
) -> None:
    await deed(subscribed)
    newest = await Audit(subscribed.database, tmp_path).newest(9)
    assert [entry.what for _, entry in newest] == ["/that"]


@pytest.mark.parametrize("deed", [subscribe, unsubscribe, choose, limit])
async def test_what_cannot_be_written_down_is_not_changed(subscribed: Stage, deed: Deed) -> None:
    before = [await subscribed.chats.find(each) for each in (ADA, BOB)]
    await subscribed.database.write(lambda c: c.execute(text("DROP TABLE audit")).close())
    with pytest.raises(BridgeError):
        await deed(subscribed)
    assert [await subscribed.chats.find(each) for each in (ADA, BOB)] == before


@pytest.mark.parametrize("scope", [DATABASES, EVERYWHERE, None])
async def test_a_subscription_with_a_scope_limits_or_lifts(
    subscribed: Stage, scope: Scope | None
) -> None:
    await subscribed.chats.limit(BOB, parse_scope(["host=db-2"]), now=NOON)
    await subscribed.post(alert(host="web-1"), alert(host="db-1"), alert(host="db-2"))
    await subscribed.chats.subscribe(BOB, made_by=1001, now=subscribed.now, scope=scope)
    heard = {DATABASES: {"db-1", "db-2"}, EVERYWHERE: {"web-1", "db-1", "db-2"}, None: {"db-2"}}
    assert (await subscribed.heard())[BOB] == heard[scope]
