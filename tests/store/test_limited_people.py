"""The private chat of somebody who is limited to some hosts hears of no other."""

from __future__ import annotations

import pytest

from bridge.core.access import EVERYWHERE, Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.enrolment import Grant
from bridge.core.hearing import Hearing
from bridge.store.database import Database
from bridge.store.people import People
from tests.fakes.webhooks import alert
from tests.store.stage import ADA, BOB, INVENTORY, OPS, Stage

DATABASES = parse_scope(["group=db"])


@pytest.fixture
def stage(database: Database) -> Stage:
    """A bridge whose settings name no chat."""
    return Stage(database, Hearing(find_host=INVENTORY.find))


async def let_in(stage: Stage, who: Destination, scope: Scope) -> None:
    """Give somebody a role, or another one."""
    await People(stage.database, (1009,)).put(
        who.chat_id,
        Grant(role=Role.OPERATOR, scope=scope),
        by=None,
        entry=Entry(at=stage.now, who=None, what="/adduser"),
        now=stage.now,
    )


async def post_both(stage: Stage, name: str) -> None:
    """One alert of each group of hosts."""
    await stage.post(alert(name, host="web-1"), alert(name, host="db-1"), group=name)


async def test_a_limited_person_who_subscribes_hears_of_their_own_hosts_alone(
    stage: Stage,
) -> None:
    await let_in(stage, ADA, DATABASES)
    await let_in(stage, BOB, EVERYWHERE)
    await stage.subscribe(ADA, BOB, OPS, Destination(ADA.chat_id, 7))
    await post_both(stage, "AgentDown")
    assert await stage.heard() == {
        ADA: {"db-1"},
        BOB: {"web-1", "db-1"},
        OPS: {"web-1", "db-1"},
        Destination(ADA.chat_id, 7): {"db-1"},
    }


async def test_who_is_limited_later_hears_less_from_then_on(stage: Stage) -> None:
    await let_in(stage, ADA, EVERYWHERE)
    await stage.subscribe(ADA)
    await let_in(stage, ADA, DATABASES)
    await post_both(stage, "AgentDown")
    assert await stage.heard() == {ADA: {"db-1"}}


async def test_the_limits_of_a_person_and_of_their_chat_both_hold(stage: Stage) -> None:
    await let_in(stage, ADA, DATABASES)
    await stage.subscribe(ADA)
    await stage.chats.limit(ADA, parse_scope(["host=db-2"]), now=stage.now)
    await stage.post(alert(host="db-1"), alert(host="db-2"))
    assert await stage.heard() == {ADA: {"db-2"}}


async def test_an_admin_of_the_settings_is_not_limited_by_a_row_of_former_times(
    stage: Stage,
) -> None:
    await let_in(stage, ADA, DATABASES)
    stage.hear(subscribed=(ADA,), admins=(ADA,))
    await post_both(stage, "AgentDown")
    assert await stage.heard() == {ADA: {"web-1", "db-1"}}
